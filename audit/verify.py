"""Reads the trail as a suspect: is every line a record, and does each follow on the one before?

The chain alone cannot see a cut tail, a changed last record that was hashed again, or a chain
rewritten from some record on. A head (count and hash) kept elsewhere shows all three.
"""

import json
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from audit.errors import TrailBroken
from audit.files import parts
from audit.record import GENESIS, MAX_LINE_BYTES, NotARecord, Record, from_line


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What `verify` found. `first_bad` is the sequence number that should stand at `line`."""

    ok: bool
    records: int  # the good ones, before the first bad one
    head_hash: str = GENESIS  # of the last good one
    first_bad: int | None = None
    file: str | None = None  # the name of the file it stands in, or should
    line: int | None = None  # in that file
    reason: str = ""
    torn: bool = False  # the fault is half a line at the very end: a crash, or a cut
    agreed: int = 0  # up to this record a head says the same

    def __str__(self) -> str:
        """One line for the terminal."""
        if self.ok:
            return f"{self.records} records, unbroken; head: {self.records} {self.head_hash}"
        if self.first_bad is None:
            return self.reason
        return f"record {self.first_bad} (line {self.line}): {self.reason}"


def verify(
    path: Path, *, head: tuple[int, str] | None = None, heads: Iterable[tuple[int, str]] = ()
) -> Verification:
    """Check every line of every file in one streaming pass; memory does not grow with the trail.

    `head` is (count, hash) as noted earlier and elsewhere, `heads` are more of them: the trail must
    still hold those records. A missing file is an empty trail. Appends may go on meanwhile; they
    are not looked at. Raises OSError when a file cannot be read.
    """
    known = _by_number([*heads, *([] if head is None else [head])])
    count, last, agreed = 0, GENESIS, 0
    place, number = path.name, 0
    for part in parts(path):
        place, number = part.name, 0
        for number, line in enumerate(part.lines(), start=1):
            try:
                record = _next(line, count, last, grows=part.grows)
                if record.seq in known:
                    _meets_heads(record, known[record.seq], agreed)
                    agreed = record.seq
            except NotARecord as error:
                torn = part.grows and not line.endswith(b"\n")
                cut = torn and max(known, default=0) > count
                return Verification(
                    ok=False, records=count, head_hash=last, first_bad=count + 1, file=place,
                    line=number, reason=_gone(known) if cut else str(error), agreed=agreed,
                    torn=torn and not cut,
                )  # fmt: skip
            count, last = record.seq, record.hash
    if known and max(known) > count:
        return Verification(
            ok=False, records=count, head_hash=last, first_bad=count + 1, file=place,
            line=number + 1, reason=_gone(known), agreed=agreed,
        )  # fmt: skip
    return Verification(ok=True, records=count, head_hash=last, agreed=agreed)


def _gone(known: Collection[int]) -> str:
    return f"it is gone: the trail once held {max(known)} records"


def _by_number(heads: Iterable[tuple[int, str]]) -> dict[int, set[str]]:
    known: dict[int, set[str]] = {}
    for count, digest in heads:
        if count:  # a head of an empty trail says nothing about any record
            known.setdefault(count, set()).add(digest)
    return known


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
    lines: Iterable[tuple[str, int, bytes]] = (
        (part.name, number, line)
        for part in parts(path)
        for number, line in enumerate(part.lines(), start=1)
        if line.endswith(b"\n") and all(needle in line for needle in needles)
    )
    if last is not None and not needles:
        lines = deque(lines, maxlen=last)
    found = (
        record
        for record in (_readable(*each) for each in lines)
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


def _next(line: bytes, count: int, last: str, *, grows: bool) -> Record:
    """The line as the record after `count` records, the last of which has the hash `last`."""
    if not line.endswith(b"\n"):
        raise NotARecord(_unfinished(line, grows=grows))
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


def _unfinished(line: bytes, *, grows: bool) -> str:
    if len(line) > MAX_LINE_BYTES:
        return f"it is longer than a record can be ({MAX_LINE_BYTES} bytes)"
    if not grows:
        return "it is half a line, in a file that was closed whole: something was cut off"
    return "it is half a line: a crash in the middle of a write (the next record sets it aside)"


def _meets_heads(record: Record, digests: set[str], agreed: int) -> None:
    if digests != {record.hash}:
        before = f"it or one after record {agreed}" if agreed + 1 < record.seq else "it"
        raise NotARecord(
            f"its hash is not the one noted in the head: {before} was changed and the chain "
            "was written again"
        )


def _readable(name: str, number: int, line: bytes) -> Record:
    try:
        return from_line(line[:-1])
    except NotARecord as error:
        raise TrailBroken(
            f"line {number} of the audit trail ({name}) is no record: {error}. "
            "`mendd audit verify` says more."
        ) from None
