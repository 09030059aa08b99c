"""One line of the trail: what it holds, the exact bytes that are hashed, and how it is read back.

Canonical JSON is RFC 8785; the hash is SHA-256 over the record without its `hash` member. Only
the standard library and rfc8785 are loaded here, because the supervisor writes records too.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NoReturn

import rfc8785

from audit.clean import Hide, clean, clean_text

_ROAD = (
    "received joined unreadable ignored reported declined baseline reproduced proposed "
    "tool_refused gate_refused trial reviewed applying applied changed_meanwhile held approved "
    "rejected reverted revert_refused health came_back frozen waiting failed"
)
_SERVICE = "started stopped killed resumed budget_stop breaker ordered missed recovered alerted"
_OTHER_WORK = "modified experiment learned"

EVENTS = frozenset(f"{_ROAD} {_SERVICE} {_OTHER_WORK}".split())
"""The events mendd writes; docs/audit.md says what `data` each of them holds."""

GENESIS = "0" * 64
"""`prev` of the first record."""

MAX_LINE_BYTES = 8 * 1024 * 1024
"""No record is longer: `clean` stops far below. A longer line is not read into memory."""

_KEYS = frozenset({"seq", "time", "event", "reflection", "target", "data", "prev", "hash"})
_HASH = re.compile(r"[0-9a-f]{64}")
_EVENT = re.compile(r"[a-z][a-z_]{0,39}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
# The quick look: json and RFC 8785 write the same unless there are numbers with a fraction or of
# 16 digits and more, or keys beyond the BMP (bytes from 0xf0 on), which sort differently.
_ASTRAL = re.compile(rb"[\xf0-\xf4]")
_LONG = 16


class NotARecord(ValueError):
    """A line of the trail is not a record; the message says why."""


class _Delicate(Exception):
    """The quick reader met a number that json and RFC 8785 may write differently."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One thing that happened. `time` is UTC, RFC 3339, with microseconds and a `Z`."""

    seq: int  # counts from 1 and equals the line number
    time: str
    event: str
    reflection: str | None
    target: str | None
    data: Mapping[str, Any]
    prev: str  # the hash of the record before, GENESIS for the first
    hash: str

    def line(self) -> bytes:
        """The record as it stands in the file, newline included."""
        return rfc8785.dumps({**self._hashed(), "hash": self.hash}) + b"\n"

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return {**self._hashed(), "hash": self.hash}

    def _hashed(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "time": self.time,
            "event": self.event,
            "reflection": self.reflection,
            "target": self.target,
            "data": dict(self.data),
            "prev": self.prev,
        }

    def sealed(self) -> "Record":
        """The same record with the hash that belongs to it."""
        return replace(self, hash=hashlib.sha256(rfc8785.dumps(self._hashed())).hexdigest())


def new_record(
    event: str,
    *,
    seq: int,
    prev: str,
    time: datetime,
    reflection: str | None = None,
    target: str | None = None,
    data: Mapping[str, Any] | None = None,
    hide: Hide = str,
) -> Record:
    """A sealed record; `hide` takes secrets out of the texts of its data.

    Raises ValueError for an event docs/audit.md does not know.
    """
    if event not in EVENTS:
        raise ValueError(f"{event!r} is no event of the trail; add it to EVENTS and docs/audit.md")
    record = Record(
        seq=seq,
        time=time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        event=event,
        reflection=None if reflection is None else clean_text(reflection),
        target=None if target is None else clean_text(target),
        data=clean(dict(data or {}), hide),
        prev=prev,
        hash="",
    )
    return record.sealed()


def from_line(line: bytes) -> Record:
    """Read one line back (without its newline): members, types, canonical form and own hash.

    Raises NotARecord. Whether the record follows on the one before is `verify`'s question.
    """
    value, canonical = _parse(line)
    record = _checked(value)
    if not canonical and _canonical(value) != line:
        raise NotARecord("its bytes are not the canonical form of what it says (RFC 8785)")
    if _own_hash(line, record.hash) != record.hash:
        raise NotARecord("its content does not match its hash: it was changed after it was written")
    return record


def _canonical(value: Any) -> bytes | None:
    """The canonical form, or None where RFC 8785 has none.

    So it is with integers from 2^53 on, and with half a character (a lone surrogate) in a name.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        return None


def _parse(line: bytes) -> tuple[Any, bool]:
    """The value, and whether the quick look already showed that its form is canonical."""
    try:
        text = line.decode("utf-8")
        try:
            value = _QUICK_READER.decode(text)
        except _Delicate:
            return json.loads(text), False
        again = _QUICK_WRITER.encode(value)
    except (ValueError, RecursionError) as error:
        raise NotARecord(f"it is not JSON: {error}"[:200]) from None
    return value, again == text and (line.isascii() or not _ASTRAL.search(line))


def _delicate(_: str) -> NoReturn:
    raise _Delicate


def _short(digits: str) -> int:
    return int(digits) if len(digits) < _LONG else _delicate(digits)


_QUICK_READER = json.JSONDecoder(parse_float=_delicate, parse_constant=_delicate, parse_int=_short)
_QUICK_WRITER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _checked(value: Any) -> Record:
    if not isinstance(value, dict):
        raise NotARecord("it is JSON, but not an object")
    if value.keys() != _KEYS:
        odd = ", ".join(sorted(str(key)[:40] for key in value.keys() ^ _KEYS))
        raise NotARecord(f"its members are not those of a record (missing or extra: {odd})"[:300])
    wrong = [name for name, ok in _shapes(value) if not ok]
    if wrong:
        raise NotARecord(f"its member {wrong[0]!r} has the wrong type or form")
    return Record(**value)


def _shapes(value: Mapping[str, Any]) -> list[tuple[str, bool]]:
    seq = value["seq"]
    return [
        ("seq", type(seq) is int and 1 <= seq < 2**53),
        ("time", _matches(_TIME, value["time"])),
        ("event", _matches(_EVENT, value["event"])),
        ("reflection", value["reflection"] is None or isinstance(value["reflection"], str)),
        ("target", value["target"] is None or isinstance(value["target"], str)),
        ("data", isinstance(value["data"], dict)),
        ("prev", _matches(_HASH, value["prev"])),
        ("hash", _matches(_HASH, value["hash"])),
    ]


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _own_hash(line: bytes, claimed: str) -> str:
    """SHA-256 of the line without its `hash` member.

    The last occurrence is the record's own: `data` sorts before it, and the strings after it
    cannot hold an unescaped quote.
    """
    member = b'"hash":"%s",' % claimed.encode("ascii")
    at = line.rindex(member)
    return hashlib.sha256(line[:at] + line[at + len(member) :]).hexdigest()
