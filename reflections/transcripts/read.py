"""Bytes of one dropped file in, transcripts out: recognised, checked, cleaned and capped.

A file is a transcript if its JSON has the shape of one (blocks.py names the formats); everything
else is left to the reader of notes.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from reflections import jsontext
from reflections.errors import UnreadableNote
from reflections.fields import NAMES, clean
from reflections.names import printable
from reflections.note import decoded
from reflections.timestamps import read_time
from reflections.transcripts import blocks
from reflections.transcripts.blocks import BadEntry, Entry, Rough
from reflections.transcripts.transcript import Call, Message, Result, Transcript

MOST_TRANSCRIPTS = 200  # in one file
MOST_MESSAGES = 20_000  # in one transcript
MOST_TEXT = 20_000  # characters kept of one text; the middle of a longer one is left out
MOST_ARGUMENTS = 8_000
MOST_NAME = 100
_MARKS = re.compile(rb'"(?:messages|conversations|contents|trajectory|role|payload|message)"\s*:')
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTE_KEYS = frozenset(name for field in NAMES.values() for name in field)

Reader = Callable[[Entry], Iterator[Rough]]
_UNDER: dict[str, tuple[str, Reader]] = {
    "messages": ("chat", blocks.chat),
    "conversations": ("sharegpt", blocks.sharegpt),
    "contents": ("gemini", blocks.gemini),
    "trajectory": ("swe-agent", blocks.swe_agent),
}
"""The key of a whole session and what stands under it."""


def read_transcripts(name: str, data: bytes) -> tuple[Transcript, ...] | None:
    """The transcripts in a file called `name`; None when it is none, but perhaps a note.

    UnreadableNote, with the place, when it has the shape of a transcript and cannot be read as
    one. Nothing else is raised, whatever the bytes are.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in (".json", ".jsonl", ".ndjson"):
        return None
    if not _MARKS.search(data) and not data.startswith(_UTF16):
        return None
    try:
        text = decoded(data)
        _check_size(text)
        values = [jsontext.one(text)] if suffix == ".json" else _lines(text)
    except UnreadableNote:
        return None  # the reader of notes says what is wrong, and where
    found = list(_sessions(values if suffix != ".json" else values[0]))
    if not found:
        return None
    if len(found) > MOST_TRANSCRIPTS:
        raise UnreadableNote(f"more than {MOST_TRANSCRIPTS} transcripts; split the file")
    return tuple(
        _transcript(session, name, nth if len(found) > 1 else 0)
        for nth, session in enumerate(found, 1)
    )


def _check_size(text: str) -> None:
    if text.count(",") + text.count("[") + text.count("{") > jsontext.MAX_VALUES:
        raise UnreadableNote(f"the file holds more than {jsontext.MAX_VALUES} values; split it")


def _lines(text: str) -> list[Any]:
    return [jsontext.one(line) for line in text.split("\n") if line.strip()]


# -- which shape it is -----------------------------------------------------------------------------


class _Session:
    """Entries of one session with the reader for them, and what the file says about it."""

    def __init__(self, format_: str, reader: Reader, entries: Sequence[Any], about: Entry) -> None:
        self.format, self.reader, self.entries, self.about = format_, reader, entries, about


def _sessions(value: Any) -> Iterator[_Session]:
    """The sessions a decoded file holds; none for what is no transcript."""
    if isinstance(value, Mapping):
        if (whole := _whole(value)) is not None:
            yield whole
        return
    if not isinstance(value, list) or not value:
        return
    objects = [each for each in value if isinstance(each, Mapping)]
    wholes = [_whole(each) for each in objects]
    if len(objects) == len(value) and all(whole is not None for whole in wholes):
        yield from (whole for whole in wholes if whole is not None)
        return
    shape = _shape(objects)
    if shape is not None:
        yield _Session(*shape, value, _about(objects))


def _whole(value: Entry) -> _Session | None:
    """A session in one object; a note that merely has such a key stays a note."""
    for key, (format_, reader) in _UNDER.items():
        entries = value.get(key)
        if not isinstance(entries, list):
            continue
        if any(isinstance(each, Mapping) for each in entries) or not _NOTE_KEYS & value.keys():
            shape = _shape([each for each in entries if isinstance(each, Mapping)])
            if key == "messages" and shape is not None:
                format_, reader = shape
            return _Session(format_, reader, entries, value)
    return None


def _shape(entries: Sequence[Entry]) -> tuple[str, Reader] | None:
    """The format of a list of entries by what they hold."""
    if any(e.get("type") in ("user", "assistant") and _has(e, "message") for e in entries):
        return "claude-code", blocks.claude_code
    if any(each.get("type") == "response_item" and _has(each, "payload") for each in entries):
        return "codex", blocks.responses
    if any(each.get("type") in ("function_call", "function_call_output") for each in entries):
        return "responses", blocks.responses
    if entries and all(isinstance(each.get("from"), str) and "value" in each for each in entries):
        return "sharegpt", blocks.sharegpt
    if entries and all("parts" in each for each in entries):
        return "gemini", blocks.gemini
    if entries and all("role" in each for each in entries):
        kinds = {b.get("type") for e in entries for b in _content(e) if isinstance(b, Mapping)}
        return "anthropic" if kinds & {"tool_use", "tool_result"} else "chat", blocks.chat
    return None


def _has(entry: Entry, key: str) -> bool:
    return isinstance(entry.get(key), Mapping)


def _content(entry: Entry) -> list[Any]:
    content = entry.get("content")
    return content if isinstance(content, list) else []


def _about(entries: Sequence[Entry]) -> Entry:
    """What the lines say about the session: the folder it was in."""
    for entry in entries:
        inside = entry.get("payload")
        for each in (entry, inside if isinstance(inside, Mapping) else {}):
            if isinstance(each.get("cwd"), str):
                return {"cwd": each["cwd"]}
    return {}


# -- from rough messages to a transcript -----------------------------------------------------------


def _transcript(session: _Session, name: str, nth: int) -> Transcript:
    which = f"transcript {nth}, " if nth else ""
    rough: list[Rough] = []
    for number, entry in enumerate(session.entries, 1):
        where = f"{which}message {number}"
        if not isinstance(entry, Mapping):
            raise UnreadableNote("it is no object", where)
        try:
            rough.extend(session.reader(entry))
        except BadEntry as error:
            raise UnreadableNote(str(error), where) from None
        if len(rough) > MOST_MESSAGES:
            raise UnreadableNote(f"more than {MOST_MESSAGES} messages; split the session", where)
    messages = tuple(_numbered(_paired(rough)))
    if not any(message.role == "assistant" for message in messages):
        raise UnreadableNote("no message in it is an agent's (role assistant)", which[:-2])
    return Transcript(
        format=session.format,
        messages=messages,
        target=_short(session.about.get("target")),
        folder=_short(session.about.get("cwd")),
        source=printable(name),
    )


def _paired(rough: list[Rough]) -> Iterator[Rough]:
    """Ids for calls and results that came without, or with one name for several calls."""
    waiting: dict[str, str] = {}  # our id -> the given one, of calls not answered yet, in order
    called: dict[str, deque[str]] = {}  # the given id -> ours, of the same calls
    made = 0
    for each in rough:
        results = []
        for given, text, failed in each.results:
            known = called.get(given)
            if not known and not given and waiting:  # it names no call: the oldest is meant
                known = called[next(iter(waiting.values()))]
            ours = known.popleft() if known else ""
            waiting.pop(ours, None)
            results.append((ours, text, failed))
        calls = []
        for given, tool, arguments in each.calls:
            made += 1
            waiting[f"c{made}"] = given
            called.setdefault(given, deque()).append(f"c{made}")
            calls.append((f"c{made}", tool, arguments))
        yield replace(each, results=results, calls=calls)


def _numbered(rough: Iterator[Rough]) -> Iterator[Message]:
    number = 0
    for each in rough:
        text = _kept("\n\n".join(each.texts), MOST_TEXT)
        if not (text or each.calls or each.results):
            continue
        number += 1
        yield Message(
            number=number,
            role=each.role,
            text=text,
            calls=tuple(
                Call(id=id_, tool=_kept(tool, MOST_NAME), arguments=canonical(arguments))
                for id_, tool, arguments in each.calls
            ),
            results=tuple(
                Result(id=id_, text=_kept(said, MOST_TEXT), failed=failed)
                for id_, said, failed in each.results
            ),
            time=_time(each.time),
        )


def canonical(arguments: Any) -> str:
    """Arguments as the text that a `Call` holds: equal arguments give equal text."""
    if isinstance(arguments, str):
        return _kept(arguments, MOST_ARGUMENTS)
    said = json.dumps(arguments, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return _kept(said, MOST_ARGUMENTS)


def _kept(text: str, most: int) -> str:
    """Clean and redacted first: what is cut through would not be known for a secret."""
    text = clean(text)
    if len(text) <= most:
        return text
    half = most // 2 - 20
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters …]\n{text[-half:]}"


def _short(value: Any) -> str | None:
    return (_kept(value, 300) or None) if isinstance(value, str) else None


def _time(value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        return read_time(value, received=_EPOCH)
    except ValueError:
        return None
