"""Streamed answers, put together again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.engines.dialogue.stream import MOST_BYTES, StreamBroken, StreamError, assembled
from tests.fake_model import Answer, Block, message_of, stream_events, text, thinking, tool, usage

WORDS = st.text(st.characters(codec="utf-8"), max_size=60)
BLOCKS = st.one_of(
    st.builds(text, WORDS),
    st.builds(thinking, WORDS),
    st.builds(lambda words, n: tool("propose_code_patch", new_code=words, start_line=n), WORDS,
              st.integers()),
    st.just({"type": "redacted_thinking", "data": "opaque=="}),
)  # fmt: skip


def events(blocks: list[Block], **changes: Any) -> list[str]:
    message = message_of(Answer(content=blocks, usage=usage(7, 9, read=5), **changes), "m")
    return [json.dumps(event) for event in stream_events(message)]


@given(st.lists(BLOCKS, max_size=5))
def test_a_streamed_answer_is_the_same_as_a_whole_one(blocks: list[Block]) -> None:
    """Whatever the blocks are: text, signed thinking, calls, kinds we do not know."""
    message = assembled(events(blocks))

    assert message["content"] == blocks
    assert message["usage"] == usage(7, 9, read=5)
    assert message["stop_reason"] in ("tool_use", "end_turn")


def test_arguments_that_were_cut_off_count_as_none() -> None:
    """Half a JSON is not guessed at."""
    whole = events([tool("decline", category="unsafe", reason="because")])
    cut = [event for event in whole if "because" not in event and "ause" not in event]

    assert assembled(cut)["content"][0]["input"] == {}


def test_a_call_without_arguments_has_none() -> None:
    """No delta comes for an empty object."""
    whole = events([tool("decline")])

    assert assembled([e for e in whole if "partial_json" not in e])["content"][0]["input"] == {}


@pytest.mark.parametrize("left", range(1, 8))
def test_a_stream_that_ends_early_is_broken(left: int) -> None:
    """At whatever event it ends."""
    with pytest.raises(StreamBroken):
        assembled(events([text("hello")])[:-left])


def test_an_error_event_carries_its_kind() -> None:
    """Overload looks different from a bad request."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}

    with pytest.raises(StreamError, match="busy") as raised:
        assembled([*events([])[:1], json.dumps(error)])

    assert raised.value.kind == "overloaded_error"


@pytest.mark.parametrize(
    "event",
    [
        "no json",
        "[]",
        "7",
        "{}",
        '{"type": "message_start"}',
        '{"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta"}}',
        '{"type": "content_block_start", "content_block": 7}',
        '{"type": "message_delta"}',
    ],
)
def test_nonsense_is_a_value_error(event: str) -> None:
    """Never a crash of another kind."""
    start = events([])[0]

    with pytest.raises((ValueError, StreamBroken)):
        assembled([start, event])


def test_an_endless_answer_is_cut() -> None:
    """Memory is bounded."""
    chunk = json.dumps({"type": "ping", "padding": "x" * 2**20})

    with pytest.raises(ValueError, match=str(MOST_BYTES)):
        assembled(chunk for _ in range(100))
