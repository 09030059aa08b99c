"""Reads what an agent, a cron job or a person wrote: bytes of one file in, reflections out."""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath
from typing import Any

from reflections import fields, jsontext, markdown
from reflections.errors import ReflectionsError, UnreadableNote
from reflections.names import printable
from reflections.reflection import Reflection, generated_id
from reflections.tracebacks import find_traceback

__all__ = ["MAX_BYTES", "Reflection", "ReflectionsError", "UnreadableNote", "read_notes"]

MAX_BYTES = 16 * 1024 * 1024
"""More than this in one file is refused before it is decoded; the inbox's own limit is lower."""
MAX_RECORDS = 10_000
_SAFE_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,99}")
_SUMMARY_LENGTH = 200
_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class _Record:
    """One would-be reflection of a file: its keys and values, or why there are none."""

    number: int
    where: str
    values: Any = None
    fault: str | None = None


def read_notes(name: str, data: bytes, *, received: datetime) -> tuple[Reflection, ...]:
    """The reflections in a file called `name`; never empty.

    UnreadableNote if anything in it is not a reflection; the good records of such a file are in
    its `readable`. Nothing else is raised, whatever the bytes are. `received` stands in for a
    missing time; the same arguments give the same ids.
    """
    text = decoded(data)
    read, unread = list[Reflection](), list[UnreadableNote]()
    try:
        for record in _reader(name)(text):
            try:
                read.append(_reflection(record, name, received))
            except UnreadableNote as fault:
                unread.append(fault)
            if record.number > MAX_RECORDS:
                raise UnreadableNote(f"more than {MAX_RECORDS} records; split the file")
    except UnreadableNote as fault:
        unread.append(fault)
    if unread or not read:
        raise _complaint(tuple(read), unread)
    return tuple(read)


def _complaint(read: tuple[Reflection, ...], unread: list[UnreadableNote]) -> UnreadableNote:
    """One exception for all that could not be read; it names the first 50."""
    if not unread:
        return UnreadableNote("the file holds no reflections")
    if len(unread) == 1 and not read:
        return unread[0]
    lines = [f"{len(read)} reflections were read, {len(unread)} records were not"]
    lines += [str(fault) for fault in unread[:_SHOWN]]
    lines += [f"and {len(unread) - _SHOWN} more"] if len(unread) > _SHOWN else []
    return UnreadableNote("\n".join(lines), readable=read)


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 with its byte order mark, as some shells write it."""
    if len(data) > MAX_BYTES:
        raise UnreadableNote(f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB")
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnreadableNote("the file is UTF-32; save it as UTF-8")
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"the bytes are not {'UTF-16' if utf16 else 'UTF-8'}; save the file as UTF-8"
        raise UnreadableNote(reason, f"byte {error.start + 1}") from None
    if not text.strip():
        raise UnreadableNote("the file is empty")
    if "\0" in text:
        raise UnreadableNote("the file is binary", jsontext.place(text, text.index("\0")))
    return text


def _reader(name: str) -> Callable[[str], Iterator[_Record]]:
    suffix = PurePath(name).suffix.lower()
    if suffix not in _READERS:
        raise UnreadableNote(f"the name must end in {', '.join(_READERS)}")
    return _READERS[suffix]


def _json(text: str) -> Iterator[_Record]:
    """An object, a list of objects, or an object whose `reflections` is such a list."""
    line, seen = 1, 0
    for found in jsontext.records(text):
        line, seen = line + text.count("\n", seen, found.position), found.position
        column = found.position - text.rfind("\n", 0, found.position)
        where = f"record {found.number} (line {line} column {column})"
        yield _Record(number=found.number, where=where, values=found.value, fault=found.fault)


def _json_lines(text: str) -> Iterator[_Record]:
    """One object a line; empty lines are passed over."""
    number = 0
    for at, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        number += 1
        try:
            values, fault, column = jsontext.one(line), None, 1
        except UnreadableNote as unread:
            column = int(unread.where.rpartition(" ")[2] or 1)
            values, fault = None, unread.reason
        where = f"record {number} (line {at} column {column})"
        yield _Record(number=number, where=where, values=values, fault=fault)


def _markdown(text: str) -> Iterator[_Record]:
    """Front matter, and text in which headings such as `## Outcome` name the parts."""
    values, body = markdown.split_front_matter(text.replace("\r\n", "\n"))
    title, parts, rest = markdown.split_sections(body, fields.HEADINGS)
    merged: dict[str, Any] = {**parts, **values}
    if title:
        merged.setdefault("task_summary" if "task" not in merged else "title", title)
    said_twice = [parts[key] for key in parts if key in values]
    merged["reflection"] = "\n\n".join(
        filter(None, [fields.words(merged.get("reflection")), *said_twice, rest])
    )
    yield _Record(number=1, where="", values=merged)


def _plain(text: str) -> Iterator[_Record]:
    """All of it is the reflection; a traceback in it is found by `_reflection`."""
    yield _Record(number=1, where="", values={"reflection": text})


_READERS: Mapping[str, Callable[[str], Iterator[_Record]]] = {
    ".json": _json, ".jsonl": _json_lines, ".ndjson": _json_lines,
    ".md": _markdown, ".markdown": _markdown, ".txt": _plain, ".log": _plain,
}  # fmt: skip


def _reflection(record: _Record, name: str, received: datetime) -> Reflection:
    """The record as a Reflection; UnreadableNote, with its place, if it says too little."""
    try:
        if record.fault:
            raise ValueError(record.fault)
        return _built(record, name, received)
    except ValueError as error:
        raise UnreadableNote(str(error), record.where) from None


def _built(record: _Record, name: str, received: datetime) -> Reflection:
    if not isinstance(record.values, dict):
        raise ValueError("it is not a reflection but a bare value; write an object with keys")
    read = fields.read_fields(record.values, received=received)
    outcome, told = fields.clean(read.outcome), fields.clean(read.reflection)
    given = fields.clean(read.traceback)
    traceback = find_traceback(given) or given or find_traceback(told) or find_traceback(outcome)
    if not any(sign.isalnum() for sign in outcome + told + (traceback or "")):
        raise ValueError("it does not say what happened; give at least `outcome` or `reflection`")
    summary = fields.clean(read.task_summary) or _first_line(told or outcome or traceback or "")
    reflection = Reflection(
        id="", timestamp=read.timestamp, task_summary=summary, outcome=outcome, reflection=told,
        target=fields.clean(read.target) or None, traceback=traceback,
        test=fields.clean(read.test) or None, labels=read.labels,
        source=fields.clean(printable(name)),
    )  # fmt: skip
    return _with_id(reflection, read.id, record.number, received)


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    return line if len(line) <= _SUMMARY_LENGTH else line[: _SUMMARY_LENGTH - 1] + "…"


def _with_id(note: Reflection, given: str, number: int, received: datetime) -> Reflection:
    """The note under its own id where that can be a file and branch name, else under ours.

    Ours is the same again for the same file, so a file read twice around a crash is one note.
    """
    given = fields.clean(given)
    if _SAFE_ID.fullmatch(given) and not given.endswith((".", ".lock")):
        return replace(note, id=given)
    seed = f"{note.source}\n{number}\n{given}\n{note.digest}"
    return replace(note, id=generated_id(seed, received=received))
