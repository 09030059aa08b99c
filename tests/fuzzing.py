"""Mangled input for the five readers of strangers' bytes, and what must hold for each.

A `Reader` draws an input and checks its promise: only the documented error, no half-read value, and
what is taken comes back the same when it is written and read again.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from audit.record import GENESIS, NotARecord, from_line, new_record
from daemon.actions.action import Arguments
from daemon.engines.dialogue.answer import Answer as Received
from daemon.engines.dialogue.conversation import ToolCall
from daemon.engines.dialogue.stream import StreamBroken, StreamError, assembled
from daemon.engines.dialogue.tools import TOOLS, checked
from reflections.note import UnreadableNote, read_notes
from sandbox.patch import Hunk, Patch, PatchError, anchored, patched
from sandbox.results import LINE_BYTES, Results
from sandbox.text import split_lines
from tests.fake_model import Answer, message_of, stream_events, text, thinking, tool, usage

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
NOISE = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        (
            *(
                b'"',
                b"\\",
                b"{",
                b"}",
                b"[",
                b"]",
                b",",
                b":",
                b"\n",
                b"\r\n",
                b"\x00",
                b"\xff\xfe",
            ),
            *(b"\\ud800", b"1e999", b"NaN", b"-0", b"9" * 50, b'"id":', b"---\n", b"\xf0\x9f"),
            *(
                b"null",
                b"[" * 200,
                b'{"a":' * 60,
                "ſ\u2028\u202e".encode(),
                b"# Test\n",
                b"\x1b[0m",
            ),
        )
    ),
)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Reader:
    """One reader: what it is given, and what must hold."""

    name: str
    inputs: st.SearchStrategy[Any]
    holds: Callable[[Any], bool]  # whether the input was taken; AssertionError: a broken promise


@st.composite
def mangled(draw: st.DrawFn, *good: bytes) -> bytes:
    """Something good with a few places cut out, doubled, moved or overwritten."""
    data = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, len(data)))
        last = draw(st.integers(first, min(len(data), first + 20)))
        piece = draw(st.sampled_from([b"", data[first:last] * 2]) | NOISE)
        data = data[:first] + piece + data[last:]
    return data


# -- notes ---------------------------------------------------------------------------------------

_NOTE = {
    "timestamp": "2026-11-20T09:03:09Z", "task": "Split a bill", "outcome": "failed",
    "note": "split(10, 3) loses a cent", "traceback": "Traceback (most recent call last):\n  x",
    "test": "tests/test_bill.py::test_sum", "tags": ["a", 2], "target": "shop", "id": "n-1",
}  # fmt: skip
_NOTES = {
    ".json": [json.dumps(_NOTE).encode(), json.dumps({"reflections": [_NOTE, _NOTE]}).encode()],
    ".jsonl": [(json.dumps(_NOTE) + "\n").encode() * 2],
    ".md": [b"---\ntarget: shop\nlabels: [a, b]\n---\n# Task\n\nIt fails.\n\n## Outcome\n\nno\n"],
    ".txt": [b"The import stopped.\n\nTraceback (most recent call last):\n  File \"x.py\"\nE: 1\n"],
}  # fmt: skip
_FIELDS = ("task_summary", "outcome", "reflection", "traceback", "test", "target")


def note_holds(given: tuple[str, bytes]) -> bool:
    """UnreadableNote or notes; each of them, written as JSON, is read as the same note."""
    ending, data = given
    try:
        notes = read_notes(f"n{ending}", data, received=NOW)
    except UnreadableNote as fault:
        assert str(fault)
        notes = fault.readable
        for each in notes:
            assert _again(each)
        return False
    assert notes
    assert all(_again(each) for each in notes)
    return True


def _again(note: Any) -> bool:
    said = {name: getattr(note, name) for name in _FIELDS if getattr(note, name)}
    said["timestamp"] = note.timestamp.isoformat()
    (read,) = read_notes("again.json", json.dumps(said).encode(), received=NOW)
    return all(_bare(getattr(read, name)) == _bare(getattr(note, name)) for name in _FIELDS)


def _bare(words: str | None) -> str:
    """JSON's values lose the space around them, a traceback in a text keeps it."""
    return (words or "").strip()


# -- tool calls ------------------------------------------------------------------------------------

_NAMES = [action.name for action in TOOLS]
_KEYS = ["filename", "function", "summary", "severity", "failing_test", "start_line", "end_line",
         "original_code", "new_code", "rationale", "test_code", "explanation", "text", "category",
         "reason", "self", "__class__", "model_config"]  # fmt: skip
_VALUES = JSON | st.sampled_from(["shop.py", "high", "not_a_bug", 1, 2, 0, None, "x" * 5000])
_GOOD_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("propose_code_patch", {"filename": "a.py", "start_line": 1, "end_line": 1,
                            "original_code": "a", "new_code": "b", "rationale": "r"}),
    ("log_bug_report", {"filename": "a.py", "function": None, "summary": "s", "severity": "low",
                        "failing_test": None}),
    ("search_code", {"text": "x", "filename": None}),
    ("view_code", {"filename": "a.py", "start_line": None, "end_line": 3}),
    ("write_reproduction_test", {"test_code": "def test_a(): ...", "explanation": "e"}),
    ("decline", {"category": "unsafe", "reason": "r"}),
]  # fmt: skip
_ANSWER = [text("well"), thinking(), tool("decline", category="unsafe", reason="é\u2028")]
_DEEP = b'{"type": "message_start", "message": ' + b"[" * 20_000 + b"\n"
_EVENTS = "\n".join(
    json.dumps(event)
    for event in stream_events(message_of(Answer(content=_ANSWER, usage=usage()), "m"))
).encode()


def deep(depth: int) -> Any:
    """Lists within lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, Any]:
    """A call of a known tool, or of one like it, with arguments that are nearly right."""
    name, good = draw(st.sampled_from(_GOOD_CALLS))
    arguments: Any = dict(good)
    keys = st.sampled_from([*good, *good, *good, *_KEYS])
    arguments |= draw(st.dictionaries(keys, _VALUES, max_size=2))
    if not draw(st.integers(0, 5)):
        name = draw(st.sampled_from(_NAMES) | ANY_TEXT)
    for key in draw(st.lists(st.sampled_from(_KEYS), max_size=1)):
        arguments.pop(key, None)
    form = draw(st.sampled_from(["plain", "plain", "text", "odd", "deep"]))
    if form == "deep":
        arguments[draw(st.sampled_from(_KEYS))] = deep(draw(st.sampled_from([10, 300, 900])))
    if form == "text":
        arguments = json.dumps(arguments)
    return name, draw(JSON) if form == "odd" else arguments


def call_holds(given: tuple[str, Any]) -> bool:
    """Arguments or a reply to send back; arguments that are sent again are the same."""
    name, arguments = given
    found = checked(ToolCall(id="1", name=name, arguments=arguments))
    if not isinstance(found, Arguments):
        assert found.wrong
        assert 0 < len(found.text) < 8000
        return False
    again = checked(ToolCall(id="2", name=name, arguments=found.model_dump()))
    assert again == found
    return True


def stream_holds(data: bytes) -> bool:
    """An answer whose blocks can be called up, or one of the documented errors."""
    try:
        found = assembled(data.decode("utf-8", "replace").split("\n"))
        answer = Received.model_validate(found)
    except (ValueError, StreamBroken, StreamError):
        return False
    assert all(call["name"] is not None for call in answer.calls)
    return True


# -- patches ---------------------------------------------------------------------------------------

_FILES = [b"a\nb\nc\n", b"a\r\nb\r\n", b"\xef\xbb\xbfa\nb", b"", b"a\x0cb\n\n\nb\n", b"\xff\xfea\0",
          b"# coding: latin-1\n\xe9\nb\n", b"a\rb\nc\n"]  # fmt: skip
_LINES = st.lists(st.sampled_from(["a", "b", "c", "", "é", "\u2028", "x\r", "\ud800"]), max_size=3)
_PATHS = st.sampled_from(["f.py"] * 9 + ["new.py", "../f.py", "/f", "a//b", "", "f\0"])


@st.composite
def patches(draw: st.DrawFn) -> tuple[bytes, list[Hunk]]:
    """A file and hunks, most of which expect what really stands there."""
    data = draw(st.sampled_from(_FILES))
    lines = [line.rstrip("\r\n") for line in split_lines(data.decode("utf-8", "replace"))]
    hunks = []
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(-1, 6))
        last = draw(st.integers(first - 2, 6))
        expected = lines[max(0, first - 1) : last]
        if not draw(st.integers(0, 3)):
            expected = draw(_LINES)
        hunks.append(
            Hunk(
                filename=draw(_PATHS),
                first_line=first,
                last_line=last,
                original="\n".join(expected),
                replacement="\n".join(draw(_LINES)),
            )
        )
    return data, hunks


def patch_holds(given: tuple[bytes, list[Hunk]]) -> bool:
    """PatchError or new bytes; lines before the first hunk and behind the last stay as they are."""
    data, hunks = given
    patch = Patch(hunks=tuple(hunks), rationale="")
    read = {"f.py": data}.get
    with suppress(PatchError):
        patch = anchored(patch, read)
    try:
        after = patched(patch, read)
    except PatchError as fault:
        assert str(fault)
        return False
    assert set(after) == set(patch.filenames) <= {"f.py", "new.py"}
    mine = [hunk for hunk in patch.hunks if hunk.filename == "f.py"]
    if mine and data[:2] != b"\xff\xfe":
        bare = (text.removeprefix(b"\xef\xbb\xbf") for text in (data, after["f.py"]))
        old, new = (split_lines(text.decode("latin-1")) for text in bare)
        if not data.endswith(b"\n"):  # a file without a last line end keeps that, and moves it
            old, new = ([line.removesuffix("\n") for line in lines] for lines in (old, new))
        first, last = min(h.first_line for h in mine) - 1, max(h.last_line for h in mine)
        behind = len(old) - last
        assert new[:first] == old[:first] or not old
        assert not behind or new[-behind:] == old[-behind:]
    return True


# -- results ---------------------------------------------------------------------------------------

_RESULTS = b"".join(
    json.dumps(line).encode() + b"\n"
    for line in (
        {"k": "ready"}, {"k": "begun"}, {"k": "collect_error", "id": "f", "m": "x"},
        {"k": "promise", "id": "f", "tests": [["t", False]]}, {"k": "collected", "ids": ["a", "c"]},
        *({"k": "test", "id": name, "p": phase, "o": "passed", "sub": None, "n": 1, "x": False,
           "s": 0.1, "m": ""} for name in "ac" for phase in ("setup", "call", "teardown")),
        {"k": "finish", "exit": 0, "stopped": None},
    )
)  # fmt: skip


def results_hold(given: tuple[bytes, int]) -> bool:
    """Never an exception; the same in any pieces; nothing is believed that was not collected."""
    data, size = given
    whole, pieces = Results("c"), Results("c")
    whole.feed(data)
    for start in range(0, len(data), size):
        pieces.feed(data[start : start + size])
    assert whole.forged == pieces.forged
    assert whole.outcomes() == pieces.outcomes()
    for each in (whole, pieces):
        assert set(each.outcomes()) <= {*each.collected, *each.collect_errors}
        assert len(each._rest) <= LINE_BYTES + len(data)
        each.messages(), each.durations(), each.under_way(), each.judged(0)
    return whole.forged is None


# -- the trail -------------------------------------------------------------------------------------

_RECORD = new_record(
    "trial", seq=7, prev=GENESIS, time=NOW, reflection="n", target="shop",
    data={"output": "é\n\"x\"", "tests": 3, "deep": [{"a": None}], "s": 0.25, "big": 2**52},
).line()[:-1]  # fmt: skip


def record_holds(line: bytes) -> bool:
    """NotARecord or a record whose line is the very bytes that were read, hash and all."""
    try:
        record = from_line(line)
    except NotARecord as fault:
        assert str(fault)
        return False
    assert record.line() == line + b"\n"
    assert replace(record, hash="").sealed() == record
    return True


READERS = (
    Reader("note", st.sampled_from(list(_NOTES)).flatmap(
        lambda ending: st.tuples(st.just(ending), mangled(*_NOTES[ending]))), note_holds),
    Reader("tool call", calls(), call_holds),
    Reader("answer of a model", mangled(_EVENTS, _DEEP), stream_holds),
    Reader("patch", patches(), patch_holds),
    Reader("result stream", st.tuples(mangled(_RESULTS), st.integers(1, 400)), results_hold),
    Reader("trail", mangled(_RECORD), record_holds),
)  # fmt: skip
