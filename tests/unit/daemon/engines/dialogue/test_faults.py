"""Every fault of a call: what it means, whether it is tried again, what it may have cost."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from daemon.engines import EngineError
from daemon.engines.dialogue.answer import Answer
from daemon.engines.dialogue.faults import (
    ConversationTooLong,
    ModelGarbled,
    ModelSetup,
    ModelUnreachable,
    retry_after_s,
)
from daemon.engines.dialogue.stream import MOST_BYTES, assembled
from tests.caller import REQUEST, Caller
from tests.fake_model import Answer as Served
from tests.fake_model import FakeModel, Fault, status, text, tool

Start = Callable[..., FakeModel]
Make = Callable[..., Caller]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (400, "strict_tools = false"),
        (401, "ANTHROPIC_API_KEY"),
        (402, "billing page"),
        (403, "permissions"),
        (404, "base_url"),
        (422, "server's log"),
    ],
)
def test_a_lasting_fault_is_not_tried_again_and_says_what_to_do(
    model: Start, code: int, advice: str, caller: Make
) -> None:
    """A wrong key stays wrong: one request, no billing, advice."""
    server = model([status(code, message="no\n  way")])
    a = caller(server.url)

    with pytest.raises(ModelSetup, match=rf"answered {code}: no way\. .*{advice}"):
        a.send()

    assert (len(server.requests), a.outcomes, a.waits) == (1, ["nothing"], [])


def test_retry_after_is_read_in_all_its_forms() -> None:
    """Seconds, milliseconds, a date; a date long past means at once."""
    assert retry_after_s({"retry-after": "2.5"}, 0) == 2.5
    assert retry_after_s({"retry-after-ms": "1500", "retry-after": "9"}, 0) == 1.5
    assert retry_after_s({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 20) == 40
    assert retry_after_s({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 99) == 0
    assert retry_after_s({"retry-after": "-1"}, 0) is None
    assert retry_after_s({}, 0) is None


@pytest.mark.parametrize("kind", ["cut", "malformed", "html", "shape", "unfinished"])
def test_a_garbled_answer_is_tried_again_and_may_have_been_billed(
    model: Start, kind: str, caller: Make
) -> None:
    """Nobody can know what a broken answer cost, so its reservation must stay."""
    server = model([Fault(kind=kind), text("hi")])
    a = caller(server.url)

    assert a.send().text == "hi"

    assert a.outcomes == ["unknown", "answer"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("cut", ModelUnreachable),
        ("unfinished", ModelUnreachable),
        ("malformed", ModelGarbled),
        ("html", ModelGarbled),
        ("shape", ModelGarbled),
    ],
)
def test_a_server_that_stays_garbled_is_an_error_with_advice(
    model: Start, kind: str, error: type[EngineError], caller: Make
) -> None:
    """Each names the address and the setting."""
    server = model([Fault(kind=kind)] * 2)

    with pytest.raises(error, match=r"127\.0\.0\.1.*\[claude\] base_url"):
        caller(server.url, retries=1).send()


@pytest.mark.parametrize("plain", [False, True], ids=["streamed", "whole"])
@pytest.mark.parametrize("depth", [60, 400])
def test_an_answer_that_nests_without_end_is_garbled(
    model: Start, caller: Make, depth: int, plain: bool
) -> None:
    """Story: a server's answer broke the worker with a RecursionError, again and again."""
    nested: Any = 1
    for _ in range(depth):
        nested = [nested]
    answer = Served(content=[tool("view_code", filename=nested)], plain=plain)

    with pytest.raises(ModelGarbled):
        caller(model([answer] * 2).url, retries=1).send()


def test_an_answer_without_end_is_cut_where_it_does_not_stream(model: Start, caller: Make) -> None:
    """As a streamed one is: nobody's memory is at a server's mercy."""
    answer = Served(content=[text("x" * (MOST_BYTES + 10))], plain=True)

    with pytest.raises(ModelGarbled):
        caller(model([answer]).url, retries=0).send()


def test_arguments_that_nest_without_end_count_as_none() -> None:
    """Found by mangling: half a JSON is half a JSON, however deep."""
    assert assembled(
        [
            '{"type": "message_start", "message": {}}',
            '{"type": "content_block_start", "content_block": {"type": "tool_use", "id": "1"}}',
            json.dumps({"type": "content_block_delta", "index": 0, "delta": {
                "type": "input_json_delta", "partial_json": "[" * 100_000}}),
            '{"type": "message_stop"}',
        ]
    )["content"][0]["input"] == {}  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"content": None},
        {"content": "text"},
        {"content": ["text"]},
        {"content": [{"text": "no type"}]},
        {"content": [{"type": "tool_use", "name": "decline"}]},
        {"content": [{"type": "text"}]},
        {"content": [], "usage": {"input_tokens": -1}},
        {"content": [], "stop_reason": 7},
    ],
)
def test_a_message_of_the_wrong_shape_is_no_answer(content: dict[str, Any]) -> None:
    """The SDK would hand on a Message of Nones."""
    with pytest.raises(ValueError, match="validation error"):
        Answer.model_validate(content)


def test_silence_ends_with_the_time_limit(model: Start, caller: Make) -> None:
    """An answer that does not begin is given up; only what was sent may be billed."""
    server = model([Fault(kind="slow", seconds=30)])
    a = caller(server.url, timeout_s=0.3, retries=0)

    with pytest.raises(ModelUnreachable, match=r"silent for 0\.3 s"):
        a.send()

    assert a.outcomes == ["input"]


def test_silence_in_the_middle_of_an_answer_ends_with_the_time_limit(
    model: Start, caller: Make
) -> None:
    """A stream that stops moving is given up like one that never began."""
    server = model([Fault(kind="hang", seconds=30)])
    a = caller(server.url, timeout_s=0.3, retries=0)

    with pytest.raises(ModelUnreachable, match=r"silent for 0\.3 s"):
        a.send()

    assert a.outcomes == ["unknown"]


def test_an_overload_in_the_middle_of_an_answer_is_tried_again(model: Start, caller: Make) -> None:
    """The status was 200 already; the error comes as an event."""
    server = model([Fault(kind="event", message="overloaded_error"), text("hi")])
    a = caller(server.url)

    assert a.send().text == "hi"

    assert a.outcomes == ["unknown", "answer"]


def test_another_error_in_the_middle_of_an_answer_is_not(model: Start, caller: Make) -> None:
    """What the server refuses now it will refuse again."""
    server = model([Fault(kind="event", message="invalid_request_error")])

    with pytest.raises(
        ModelSetup, match=r"broke its answer off \(invalid_request_error\): mid-air"
    ):
        caller(server.url).send()


def test_nobody_listening_is_unreachable_and_costs_nothing(caller: Make) -> None:
    """A refused connection was never sent."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    a = caller(f"http://127.0.0.1:{port}", retries=1)

    with pytest.raises(ModelUnreachable, match=r"connection to http.* failed: .*refused"):
        a.send()

    assert a.outcomes == ["nothing"] * 2


def test_a_conversation_that_does_not_fit_has_its_own_error(model: Start, caller: Make) -> None:
    """It is no fault of the setup, and trying again will not help."""
    too_long = "prompt is too long: 1000001 tokens > 1000000 maximum"
    server = model([status(400, message=too_long), status(413)])

    for _ in range(2):
        with pytest.raises(ConversationTooLong):
            caller(server.url).send()


def test_a_request_the_sdk_refuses_is_an_error_of_the_setup(model: Start, caller: Make) -> None:
    """The SDK raises TypeError for unknown arguments; that is no crash of ours."""
    server = model([])

    with pytest.raises(ModelSetup, match="TypeError"):
        caller(server.url).send({**REQUEST, "temperature": 1})
