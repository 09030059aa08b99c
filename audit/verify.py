"""Reads the trail as a suspect: is every line a record, and does each follow on the one before?

The chain alone cannot see a cut tail, a changed last record that was hashed again, or a chain
rewritten from some record on. A head (count and hash) kept elsewhere shows all three.
"""

import fcntl
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from audit.errors import TrailBroken
from audit.record import GENESIS, MAX_LINE_BYTES, NotARecord, Record, from_line


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What `verify` found. `first_bad` is the sequence number that should stand at `line`."""

    ok: bool
    records: int  # the good ones, before the first bad one
    head_hash: str = GENESIS  # of the last good one
    first_bad: int | None = None
    line: int | None = None
    reason: str = ""
    torn: bool = False  # the fault is half a line at the very end: a crash, or a cut

    def __str__(self) -> str:
        """One line for the terminal."""
        if self.ok:
            return f"{self.records} records, unbroken; head: {self.records} {self.head_hash}"
        return f"record {self.first_bad} (line {self.line}): {self.reason}"


def verify(path: Path, *, head: tuple[int, str] | None = None) -> Verification:
    """Check every line in one streaming pass; memory does not grow with the trail.

    `head` is (count, hash) as noted earlier and elsewhere: the trail must still hold that record.
    A missing file is an empty trail. Appends may go on meanwhile; they are not looked at. Raises
    OSError when the file cannot be read.
    """
    count, last = 0, GENESIS
    for line in _lines(path):
        try:
            record = _next(line, count, last)
            _meets_head(record, head)
        except NotARecord as error:
            return _bad(count, last, str(error), torn=not line.endswith(b"\n"))
        count, last = record.seq, record.hash
    if head is not None and head[0] > count:
        return _bad(count, last, f"it is gone: the trail once held {head[0]} records")
    return Verification(ok=True, records=count, head_hash=last)


def records_in(
    path: Path,
    *,
    reflection: str | None = None,
    event: str | None = None,
    last: int | None = None,
) -> Iterator[Record]:
    """The records that match, in order; only lines that may match are parsed.

    With `last`, the newest that many. Raises TrailBroken at a line that is no record (half a line
    at the end is none yet).
    """
    needles = [
        f'"{name}":{json.dumps(value, ensure_ascii=False)}'.encode("utf-8", "replace")
        for name, value in (("reflection", reflection), ("event", event))
        if value is not None
    ]
    lines: Iterable[tuple[int, bytes]] = (
        (number, line)
        for number, line in enumerate(_lines(path), start=1)
        if line.endswith(b"\n") and all(needle in line for needle in needles)
    )
    if last is not None and not needles:
        lines = deque(lines, maxlen=last)
    found = (
        record
        for record in (_readable(line, number) for number, line in lines)
        if reflection in (None, record.reflection) and event in (None, record.event)
    )
    return found if last is None else iter(deque(found, maxlen=last))


def read_head(text: str) -> tuple[int, str]:
    """A head as `write_head` wrote it or `mendd audit verify` printed it: `count hash`.

    Raises ValueError when it is neither.
    """
    words = text.split()
    if len(words) != 2 or not words[0].isdecimal() or len(words[1]) != len(GENESIS):
        raise ValueError(f"a head is a count and a hash of 64 hex digits, not {text[:100]!r}")
    return int(words[0]), words[1].lower()


def _next(line: bytes, count: int, last: str) -> Record:
    """The line as the record after `count` records, the last of which has the hash `last`."""
    if not line.endswith(b"\n"):
        raise NotARecord(_unfinished(line))
    record = from_line(line[:-1])
    if record.seq != count + 1:
        raise NotARecord(
            f"it says it is record {record.seq}: something was taken out, put in or moved here"
        )
    if record.prev != last:
        raise NotARecord(
            f"it does not follow on record {count}: one of the two was changed and hashed again"
        )
    return record


def _unfinished(line: bytes) -> str:
    if len(line) > MAX_LINE_BYTES:
        return f"it is longer than a record can be ({MAX_LINE_BYTES} bytes)"
    return "it is half a line: a crash in the middle of a write (the next record sets it aside)"


def _meets_head(record: Record, head: tuple[int, str] | None) -> None:
    if head is not None and record.seq == head[0] and record.hash != head[1]:
        raise NotARecord("its hash is not the one noted in the head: the chain was written again")


def _bad(count: int, last: str, reason: str, *, torn: bool = False) -> Verification:
    return Verification(
        ok=False,
        records=count,
        head_hash=last,
        first_bad=count + 1,
        line=count + 1,
        reason=reason,
        torn=torn,
    )


def _readable(line: bytes, number: int) -> Record:
    try:
        return from_line(line[:-1])
    except NotARecord as error:
        raise TrailBroken(
            f"line {number} of the audit trail is no record: {error}. "
            "`mendd audit verify` says more."
        ) from None


def _lines(path: Path) -> Iterator[bytes]:
    """The lines as they stood when the reading began, newlines included, each bounded in size."""
    try:
        file = path.open("rb", buffering=1024 * 1024)
    except FileNotFoundError:
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_SH)  # no append is in the middle of its line
        left = os.fstat(file.fileno()).st_size
        fcntl.flock(file, fcntl.LOCK_UN)
        while left > 0 and (line := file.readline(min(left, MAX_LINE_BYTES + 1))):
            left -= len(line)
            yield line
