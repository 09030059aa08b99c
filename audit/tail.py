"""The end of one file of the trail: where whole lines end, the last record, one more line.

Each function works on an open file whose lock the caller holds.
"""

import contextlib
import os
from pathlib import Path

from audit.durable import sync_folder
from audit.errors import TrailBroken
from audit.record import MAX_LINE_BYTES, NotARecord, Record, from_line

_BLOCK = 64 * 1024


def whole_lines_end(fd: int) -> int:
    """The offset just behind the last newline; what comes after it is half a line."""
    position = os.fstat(fd).st_size
    while position > 0:
        start = max(position - _BLOCK, 0)
        found = os.pread(fd, position - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def first_record(fd: int) -> Record | None:
    """The record in the first line, or None where that is none."""
    line = b""
    while b"\n" not in line and len(line) <= MAX_LINE_BYTES:
        block = os.pread(fd, _BLOCK, len(line))
        if not block:
            return None
        line += block
    try:
        return from_line(line[: line.index(b"\n")])
    except (NotARecord, ValueError):
        return None


def last_record(fd: int, end: int) -> tuple[int, str]:
    """Sequence number and hash of the record whose line ends at `end` (> 0). Raises TrailBroken."""
    line, start = b"", end - 1
    while start > 0 and b"\n" not in line and len(line) <= MAX_LINE_BYTES:
        block = min(_BLOCK, start)
        start -= block
        line = os.pread(fd, block, start) + line
    try:
        record = from_line(line[line.rfind(b"\n") + 1 :])
    except NotARecord as error:
        raise TrailBroken(
            f"the last line of the audit trail is no record: {error}. `mendd audit verify` says "
            "where it breaks; move the file aside, and what lies beside it (keep it all), and "
            "mendd starts a new one."
        ) from None
    return record.seq, record.hash


def write_line(fd: int, line: bytes) -> None:
    """All of the line and synced, or nothing of it."""
    before = os.fstat(fd).st_size
    try:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except OSError:
        with contextlib.suppress(OSError):  # if even this fails, the next append sets it aside
            os.ftruncate(fd, before)
            os.fsync(fd)
        raise


def set_aside(fd: int, end: int, kept: Path) -> None:
    """Move what stands behind `end` into a file of its own; it is durable before it is cut."""
    with kept.open("wb") as file:
        position = end
        while block := os.pread(fd, _BLOCK, position):
            position += file.write(block)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(kept.parent)
    os.ftruncate(fd, end)
    os.fsync(fd)
