"""Reads the trail from its end, or from one place on: what happened lately."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

from audit.files import Part, parts
from audit.record import MAX_LINE_BYTES, NotARecord, Record, from_line

BLOCK = 1 << 20


def newest_first(
    path: Path, events: Collection[str], *, within: int | None = None
) -> Iterator[Record]:
    """The records with one of these events, the newest first; read only as far as is asked for.

    With `within`, only the last so many lines are looked at.
    Lines that are no records are passed over: that they are there is `verify`'s business. A
    missing file is an empty trail; raises OSError when it cannot be read.
    """
    needles = [f'"event":"{event}"'.encode() for event in events]
    for line in islice(lines_backwards(path), within):
        if any(needle in line for needle in needles):
            with suppress(NotARecord):
                record = from_line(line)
                if record.event in events:
                    yield record


def since(path: Path, moment: datetime, events: Collection[str], *, most: int) -> list[Record]:
    """The records of these events since `moment`, in order; of very many, the newest `most`."""
    found: list[Record] = []
    for record in newest_first(path, events):
        if datetime.fromisoformat(record.time) < moment or len(found) >= most:
            break
        found.append(record)
    return found[::-1]


def appended_since(path: Path, size: int) -> bytes:
    """What stands behind the first `size` bytes of all files together (audit.files.size_of)."""
    found = b""
    for part in parts(path):
        if size < part.size:
            part.file.seek(size)
            found += part.file.read(part.size - size)
        size = max(size - part.size, 0)
    return found


def lines_backwards(path: Path) -> Iterator[bytes]:
    """Whole lines from the last to the first, without their newlines; half a line is none."""
    for part in parts(path, backwards=True):
        yield from _backwards(part)


def _backwards(part: Part) -> Iterator[bytes]:
    position = part.size
    rest: bytes | None = None  # the beginning of the line that the block before ends
    while position > 0:
        start = max(position - BLOCK, 0)
        part.file.seek(start)
        lines = (part.file.read(position - start) + (rest or b"")).split(b"\n")
        if rest is None:
            lines.pop()  # behind the last newline: nothing, or half a line
            if not lines:
                lines = [b""]
        rest, position = lines[0], start
        yield from reversed(lines[1:])
        if len(rest) > MAX_LINE_BYTES:
            return  # no record is that long: this is no trail
    if rest:
        yield rest
