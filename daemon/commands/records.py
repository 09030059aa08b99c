"""Reads the trail for people: ids by their beginning, the newest records without the whole file."""

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.commands import CommandError, Exit

if TYPE_CHECKING:
    from audit.record import Record
    from daemon.settings import Settings

_ID = re.compile(rb'"reflection":("(?:[^"\\]|\\.)*")')
_SPAN = re.compile(r"(\d+)\s*(m|h|d|w)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def trail_path(settings: "Settings") -> Path:
    """The trail's file."""
    return settings.state / "audit" / "trail.jsonl"


def record_numbered(path: Path, number: int) -> "Record | None":
    """The record with this number, which is also its line; None if there are not so many."""
    from audit.record import NotARecord, from_line

    try:
        line = next(islice(_lines(path), number - 1, number), None) if number > 0 else None
        return from_line(line.rstrip(b"\n")) if line else None
    except NotARecord as error:
        message = f"record {number} is broken: {error}; 'mendd audit verify' says more"
        raise CommandError(message, Exit.WORLD) from None


def _lines(path: Path) -> Iterator[bytes]:
    from audit.files import parts

    return (line for part in parts(path) for line in part.lines())


def trail_size(settings: "Settings") -> int:
    """Where the trail ends now, for `records_since`."""
    from audit.files import size_of

    return size_of(trail_path(settings))


def records_since(settings: "Settings", size: int) -> list["Record"]:
    """The records that were appended since the trail had this size."""
    from audit.recent import appended_since

    lines = appended_since(trail_path(settings), size).split(b"\n")
    return list(_readable(lines[:-1]))


def newest_records(path: Path, events: Collection[str], most: int) -> list["Record"]:
    """The last records with one of these events, newest first; cheap on a trail of any length."""
    from audit.recent import newest_first

    return list(islice(newest_first(path, events), most))


def last_records(path: Path, count: int) -> list["Record"]:
    """The last `count` records in order, read from the end.

    Raises TrailBroken at a line that is no record, as reading from the start would.
    """
    from audit.recent import lines_backwards
    from audit.record import NotARecord, from_line
    from audit.verify import records_in

    with suppress(NotARecord):
        return [from_line(line) for line in islice(lines_backwards(path), count)][::-1]
    return list(records_in(path, last=count))


def _readable(lines: Iterable[bytes]) -> Iterator["Record"]:
    from audit.record import NotARecord, from_line

    for line in lines:
        with suppress(NotARecord):
            yield from_line(line)


def reflection_ids(path: Path) -> list[str]:
    """Every reflection the trail names, in the order they came; a quick scan, nothing is parsed."""
    found: dict[str, None] = {}
    for line in _lines(path):
        ids = _ID.findall(line)
        if ids:
            found[_decoded(ids[-1])] = None  # the last one is the record's own member
    found.pop("", None)
    return list(found)


def _decoded(text: bytes) -> str:
    try:
        return str(json.loads(text.decode("utf-8", "replace")))
    except ValueError:
        return ""


def full_id(given: str, known: Iterable[str], what: str) -> str:
    """The one id that is `given`, begins with it, or ends with it. Raises CommandError."""
    ids = list(dict.fromkeys(known))
    if given in ids:
        return given
    begun = [each for each in ids if given and each.startswith(given)]
    begun = begun or [each for each in ids if given and each.endswith(given)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        shown = ", ".join(begun[:5]) + (f" and {len(begun) - 5} more" if len(begun) > 5 else "")
        raise CommandError(
            f"{given!r} may be any of {len(begun)} {what}s: {shown}; write more of it"
        )
    near = difflib.get_close_matches(given, ids, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else _some(ids, what)
    raise CommandError(f"no {what} is called {given!r}; {hint}")


def _some(ids: list[str], what: str) -> str:
    if not ids:
        return f"there is no {what} at all"
    return f"there {'is' if len(ids) == 1 else 'are'} {', '.join(ids[-5:])}"


def moment(text: str, now: datetime) -> datetime:
    """A point in time: `90m`, `2h`, `3d`, `1w` ago, `today`, or a date and time (local if bare).

    Raises CommandError.
    """
    span = _SPAN.fullmatch(text.strip().lower())
    if span is not None:
        try:
            return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    if text == "today":
        return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise CommandError(
            f"{text!r} is no time; write 30m, 2h, 3d, today, 2026-11-20 or 2026-11-20T09:00"
        ) from None
