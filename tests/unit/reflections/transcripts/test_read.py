"""Sessions of every format become one value; what is none, or broken, is told as such."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflections.errors import UnreadableNote
from reflections.transcripts.read import MOST_TEXT, read_transcripts
from reflections.transcripts.transcript import Transcript

CALL = {"id": "c1", "type": "function", "function": {"name": "get", "arguments": '{"a": 1}'}}
OPENAI = {"messages": [
    {"role": "developer", "content": "be kind"}, {"role": "user", "content": "hi"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "one"},
    {"role": "assistant", "content": "done"},
]}  # fmt: skip
ANTHROPIC = {"messages": [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "s"},
                                      {"type": "tool_use", "id": "t", "name": "get",
                                       "input": {"a": 1}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "is_error": True,
                                  "content": [{"type": "text", "text": "one"}]}]},
    {"role": "assistant", "content": [{"type": "text", "text": "done"}]},
]}  # fmt: skip
CLAUDE_CODE = [
    {"type": "summary", "summary": "s"},
    {"type": "user", "cwd": "/home/dev/shop", "message": {"role": "user", "content": "hi"},
     "timestamp": "2026-10-01T10:00:00.000Z"},
    {"type": "assistant", "isSidechain": True,
     "message": {"role": "assistant", "content": "aside"}},
    *({"type": each["role"], "message": each, "timestamp": "2026-10-01T10:00:01Z"}
      for each in ANTHROPIC["messages"][1:]),
]  # fmt: skip
CODEX = [
    {"timestamp": "2026-10-01T10:00:00Z", "type": "session_meta",
     "payload": {"cwd": "/home/dev/shop"}},
    {"type": "response_item", "payload": {"type": "message", "role": "user",
                                          "content": [{"type": "input_text", "text": "hi"}]}},
    {"type": "response_item", "payload": {"type": "reasoning", "summary": []}},
    {"type": "response_item", "payload": {"type": "function_call", "name": "get", "call_id": "c",
                                          "arguments": '{"a":1}'}},
    {"type": "event_msg", "payload": {"type": "token_count"}},
    {"type": "response_item", "payload": {"type": "function_call_output", "call_id": "c",
                                          "output": '{"output":"one","metadata":{"exit_code":1}}'}},
    {"type": "response_item", "payload": {"type": "message", "role": "assistant",
                                          "content": [{"type": "output_text", "text": "done"}]}},
]  # fmt: skip
GEMINI = {"contents": [
    {"role": "user", "parts": [{"text": "hi"}]},
    {"role": "model", "parts": [{"functionCall": {"name": "get", "args": {"a": 1}}}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "get",
                                                     "response": {"output": "one"}}}]},
    {"role": "model", "parts": [{"text": "done"}]},
]}  # fmt: skip
SHAREGPT = {"conversations": [
    {"from": "human", "value": "hi"},
    {"from": "function_call", "value": '{"name": "get", "arguments": {"a": 1}}'},
    {"from": "observation", "value": "one"}, {"from": "gpt", "value": "done"},
]}  # fmt: skip
LANGCHAIN = {"messages": [
    {"type": "human", "content": "hi"},
    {"type": "ai", "content": "", "tool_calls": [{"name": "get", "args": {"a": 1}, "id": "l"}]},
    {"type": "tool", "tool_call_id": "l", "status": "error", "content": "one"},
    {"type": "ai", "content": "done"},
]}  # fmt: skip
SWE_AGENT = {"trajectory": [{"thought": "hi", "action": "get 1", "observation": "one"},
                            {"thought": "done", "action": "", "observation": ""}]}  # fmt: skip


def read(data: Any, name: str = "s.json") -> tuple[Transcript, ...] | None:
    """As a file."""
    if name.endswith("l"):
        return read_transcripts(name, "\n".join(map(json.dumps, data)).encode())
    return read_transcripts(name, json.dumps(data).encode())


@pytest.mark.parametrize(
    ("data", "name", "failed"),
    [(OPENAI, "s.json", None), (ANTHROPIC, "s.json", True), (CLAUDE_CODE, "s.jsonl", True),
     (CODEX, "s.jsonl", True), (GEMINI, "s.json", None), (SHAREGPT, "s.json", None),
     (LANGCHAIN, "s.json", True), (OPENAI["messages"], "s.json", None),
     (OPENAI["messages"], "s.jsonl", None)],
)  # fmt: skip
def test_every_format_says_the_same(data: Any, name: str, failed: bool | None) -> None:
    """A question, a call with its answer, a last word."""
    (session,) = read(data, name) or ()

    (step,) = session.steps
    assert (step.call.tool, step.call.arguments) == ("get", '{"a":1}')
    assert step.result is not None and (step.result.text, step.result.failed) == ("one", failed)
    said = [message.text for message in session.of("user", "assistant") if message.text]
    assert said == ["hi", "done"]
    assert [message.number for message in session.messages] == list(
        range(1, len(session.messages) + 1)
    )
    assert Transcript.from_json(json.loads(json.dumps(session.to_json()))) == session


def test_a_swe_agent_trajectory_is_read_by_its_steps() -> None:
    """The action is the call, the observation its answer."""
    (session,) = read(SWE_AGENT) or ()

    assert session.steps[0].call.tool == "get"
    assert session.steps[0].text == "one"


def test_several_sessions_may_be_in_one_file() -> None:
    """One a line."""
    assert len(read([OPENAI, ANTHROPIC], "s.jsonl") or ()) == 2


def test_folder_and_time_are_known_where_the_file_says_them() -> None:
    """Claude Code and Codex do."""
    (session,) = read(CLAUDE_CODE, "s.jsonl") or ()

    assert session.folder == "/home/dev/shop"
    assert session.began is not None and session.began.isoformat() == "2026-10-01T10:00:00+00:00"


def test_secrets_are_gone_before_anything_is_kept() -> None:
    """From words, arguments and answers, also where the text is cut."""
    key = "sk-ant-abcdefghijklmnop1234"
    data = json.loads(json.dumps(OPENAI).replace('"one"', json.dumps(f"x{' y' * MOST_TEXT} {key}")))
    data["messages"][1]["content"] = f"my key is {key}"
    data["messages"][2]["tool_calls"][0]["function"]["arguments"] = json.dumps({"key": key})
    (session,) = read(data) or ()

    kept = json.dumps(session.to_json())
    assert key not in kept
    assert kept.count("[redacted:") == 3
    assert len(session.steps[0].text) <= MOST_TEXT


@pytest.mark.parametrize(
    "data",
    [{"outcome": "failed", "reflection": "it broke"}, [{"outcome": "failed"}],
     {"reflections": [{"outcome": "failed"}]}, {"outcome": "failed", "messages": ["a", "b"]},
     {"message": "it broke"}, 3, None, [], "text", {"messages": "none"}],
)  # fmt: skip
def test_a_note_stays_a_note(data: Any) -> None:
    """What has not the shape of a session is for the other reader."""
    assert read(data) is None


def test_other_files_are_not_looked_at() -> None:
    """Markdown and text may quote a session."""
    assert read(OPENAI, "s.md") is None
    assert read_transcripts("s.json", b'{"messages": [') is None  # the reader of notes says where


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([{"role": "robot", "content": "x"}], "message 1: 'robot' is no role"),
        ([{"role": "user", "content": "x"}, "y"], "message 2: it is no object"),
        ([{"role": "user", "content": "x"}], "no message in it is an agent's"),
        ([{"role": "assistant", "content": 3}], "message 1: content is no list of objects"),
        ([{"role": "assistant", "tool_calls": [{"function": {}}]}], "message 1: a call of a tool"),
        ([], "no message in it is an agent's"),
    ],
)
def test_a_broken_session_says_where(messages: Any, why: str) -> None:
    """The place and the reason stand in the `.reason` file."""
    with pytest.raises(UnreadableNote, match=why):
        read({"messages": messages})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8)
    | st.sampled_from(["user", "assistant", "tool", "tool_use", "tool_result", "text",
                       "response_item"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["role", "content", "type", "messages", "message", "tool_calls", "function",
                         "name", "arguments", "id", "payload", "parts", "contents", "conversations",
                         "from", "value", "trajectory", "action", "tool_call_id", "timestamp"]),
        inner, max_size=5),
    max_leaves=25,
)  # fmt: skip


@given(JSON, st.sampled_from(["s.json", "s.jsonl"]))
def test_whatever_the_file_holds_nothing_else_is_raised(value: Any, name: str) -> None:
    """None, sessions that survive their own form, or UnreadableNote."""
    data = json.dumps({"messages": value} if name == "s.json" else value).encode()
    try:
        found = read_transcripts(name, data)
    except UnreadableNote:
        return
    for session in found or ():
        assert Transcript.from_json(session.to_json()) == session


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    """Also with a mark of a session in them."""
    for tried in (data, b'{"messages":' + data, b'"role":' + data):
        try:
            read_transcripts("s.json", tried)
            read_transcripts("s.jsonl", tried)
        except UnreadableNote:
            continue


def test_every_file_of_the_labelled_set_is_read() -> None:
    """It ships with the tests (benchmarks/detectors.py measures on it)."""
    folder = Path(__file__).parents[3] / "data" / "transcripts"
    labels = json.loads((folder / "labels.json").read_text())
    formats = set()
    for name in labels:
        (session,) = read_transcripts(name, (folder / name).read_bytes()) or ()
        formats.add(session.format)
    assert len(labels) >= 60
    assert formats >= {"chat", "anthropic", "claude-code", "codex", "gemini", "sharegpt"}


def test_calls_that_nobody_answers_cost_no_time() -> None:
    """Each result looked through all of them: eight minutes for a file that may be learned from."""
    many = 30_000
    called = [{"type": "tool_use", "id": str(nth), "name": "get"} for nth in range(many)]
    told = [{"type": "tool_result", "tool_use_id": "z"} for _ in range(many)]
    last = {"type": "tool_result", "tool_use_id": "7", "content": "seven"}
    messages = [
        {"role": "assistant", "content": called},
        {"role": "user", "content": [*told, last]},
    ]

    (session,) = read_transcripts("s.json", json.dumps({"messages": messages}).encode()) or ()

    (answered,) = (step for step in session.steps if step.result is not None)
    assert answered.call.id == "c8"


def test_results_without_an_id_answer_the_oldest_call() -> None:
    """Also where others were answered by name before."""
    called = [{"type": "tool_use", "id": id_, "name": "get"} for id_ in ("a", "b", "b", "c")]
    told = [{"type": "tool_result", "tool_use_id": id_, "content": id_ or "?"} for id_ in "ab"]
    told += [{"type": "tool_result", "content": str(nth)} for nth in range(3)]
    messages = [{"role": "assistant", "content": called}, {"role": "user", "content": told}]

    (session,) = read_transcripts("s.json", json.dumps({"messages": messages}).encode()) or ()

    assert [step.text for step in session.steps] == ["a", "b", "0", "1"]
