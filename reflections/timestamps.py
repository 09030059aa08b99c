"""The many ways agents write a time, read as UTC; a time without a zone is taken as UTC."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # nano-, micro-, milliseconds
_NUMBER = re.compile(r"\d{9,19}(?:\.\d{1,9})?")
_FORMATS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y-%m-%d_%H-%M-%S",
            "%d %b %Y %H:%M:%S", "%b %d, %Y %H:%M:%S", "%a %b %d %H:%M:%S %Y")  # fmt: skip


def read_time(value: Any, *, received: datetime) -> datetime:
    """A time from an epoch (s, ms, us or ns), an ISO 8601 form or a mail date.

    None and empty text give `received`. ValueError, fit to be shown, for anything else.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return received
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"timestamp is not a time but a {type(value).__name__}")
    found = _from_text(value.strip()) if isinstance(value, str) else _from_epoch(float(value))
    if found is None or not _EARLIEST <= found < _LATEST:
        raise ValueError(
            f"timestamp {str(value)[:60]!r} is not a time; write it as 2026-11-20T09:03:09Z"
        )
    return found


def _from_epoch(seconds: float) -> datetime | None:
    scale = next((by for above, by in _SCALES if seconds >= above), 1)
    try:
        return datetime.fromtimestamp(seconds / scale, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _from_text(text: str) -> datetime | None:
    if len(text) > 60:
        return None
    if _NUMBER.fullmatch(text):
        return _from_epoch(float(text))
    text = re.sub(r"(?i)\s*\b(?:utc|gmt)$", "+00:00", text) if text[:1].isdigit() else text
    for read in (_from_iso, _from_formats, _from_mail):
        if found := read(text):
            return _in_utc(found)
    return None


def _in_utc(found: datetime) -> datetime | None:
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None


def _from_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(re.sub(r"\s+([+-]\d\d:?\d\d)$", r"\1", text))
    except ValueError:
        return None


def _from_formats(text: str) -> datetime | None:
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _from_mail(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
