"""Dates: opening hours, appointments and bills that come again."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass

WEEK = datetime.timedelta(days=7)


@dataclass(frozen=True)
class Slot:
    """A stretch of time; the end does not belong to it."""

    start: datetime.datetime
    end: datetime.datetime


def overlaps(first: Slot, second: Slot) -> bool:
    """Whether the two share any time; one that begins when the other ends does not."""
    return first.start < second.end or second.start < first.end


def is_business_day(day: datetime.date, holidays: Collection[datetime.date] = ()) -> bool:
    """Monday to Friday, holidays left out."""
    return day.weekday() < 5 and day not in holidays


def add_business_days(
    day: datetime.date, count: int, holidays: Collection[datetime.date] = ()
) -> datetime.date:
    """The `count`-th business day after `day`."""
    while count > 0:
        day += datetime.timedelta(days=1)
        if is_business_day(day, holidays):
            count -= 1
    return day


def next_due(day: datetime.date, every: str) -> datetime.date:
    """When a bill of `day` comes again: "week" or "month".

    Monthly bills fall on a day from 1 to 28, so that every month has it. Raises ValueError for
    any other rhythm.
    """
    if every == "week":
        return day + WEEK
    if every == "month":
        return day.replace(month=day.month + 1)
    raise ValueError(f"not a rhythm: {every!r}")
