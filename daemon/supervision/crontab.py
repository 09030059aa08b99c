"""Crontab lines as cron means them, carried out by APScheduler.

Two traps lie between them (APScheduler 3.11, measured): its weekday 0 is Monday where cron's is
Sunday, and it wants day of month *and* weekday to fit where cron is content with either. Weekdays
are therefore translated to names, and a line that restricts both days becomes two triggers.
All times are UTC.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
WEEKDAY_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")
MOST_MISSED = 1000
"""More missed runs than this are counted as this many: a record needs no more."""


class Trigger(Protocol):
    """What APScheduler asks for the next time."""

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """The first time at or after `now`."""


def crontab(line: str) -> Trigger:
    """The trigger of a crontab line of five fields, or of @hourly and its like.

    Raises ValueError saying which part is wrong.
    """
    fields = SHORTHANDS.get(line.strip().lower(), line).lower().split()
    if len(fields) != 5:
        raise ValueError(
            f"{line!r} is no crontab line: five fields are needed (minute, hour, day of month,"
            f" month, weekday) or one of {', '.join(SHORTHANDS)}, got {len(fields)}"
        )
    minute, hour, day, month, weekday = fields
    if day.startswith("*") or weekday.startswith("*"):
        return _trigger(line, minute, hour, day, month, weekday)
    either = [
        _trigger(line, minute, hour, day, month, "*"),
        _trigger(line, minute, hour, "*", month, weekday),
    ]
    return cast(Trigger, OrTrigger(either))


def times_between(trigger: Trigger, after: datetime, until: datetime) -> list[datetime]:
    """The times that lie after `after` and not after `until`, at most MOST_MISSED of them."""
    times: list[datetime] = []
    moment = after + timedelta(microseconds=1)
    while len(times) < MOST_MISSED:
        found = trigger.get_next_fire_time(None, moment)
        if found is None or found > until:
            break
        times.append(found)
        moment = found + timedelta(microseconds=1)
    return times


def _trigger(line: str, minute: str, hour: str, day: str, month: str, weekday: str) -> Trigger:
    try:
        return cast(
            Trigger,
            CronTrigger(
                minute=minute,
                hour=hour,
                day=day,
                month=month,
                day_of_week=_weekday_names(weekday),
                timezone=UTC,
            ),
        )
    except ValueError as error:
        raise ValueError(f"{line!r} is no crontab line: {error}") from None


def _weekday_names(field: str) -> str:
    """`1-5` -> `mon,tue,wed,thu,fri`; 0 and 7 are Sunday; a range may run over the week's end."""
    if field == "*":
        return field
    days = {WEEKDAYS[day % 7] for part in field.split(",") for day in _weekdays(part)}
    return ",".join(name for name in WEEKDAYS if name in days)


def _weekdays(part: str) -> range:
    match = WEEKDAY_PART.fullmatch(part)
    if match is None:
        raise ValueError(f"weekday {part!r} is not understood")
    step = int(match["step"] or 1)
    if not 1 <= step <= 7:
        raise ValueError(f"weekday step {step} is not 1 to 7")
    if match["first"] is None:
        return range(0, 7, step)
    first = _weekday(match["first"])
    if match["last"] is None:
        return range(first, 7, step) if match["step"] else range(first, first + 1)
    last = _weekday(match["last"])
    return range(first, (last if last >= first else last + 7) + 1, step)


def _weekday(text: str) -> int:
    if text.isdecimal() and int(text) <= 7:
        return int(text)
    if text[:3] in WEEKDAYS:
        return WEEKDAYS.index(text[:3])
    raise ValueError(f"weekday {text!r} is neither 0 to 7 nor a name")
