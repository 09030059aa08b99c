"""Figures about sales: what the owner looks at on Sunday evening."""

import datetime
from collections.abc import Mapping, Sequence


def median(values: Sequence[float]) -> float:
    """The middle value; of two middle ones their mean. Raises ValueError for no values."""
    if not values:
        raise ValueError("there is no median of nothing")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def moving_average(values: Sequence[float], size: int) -> list[float]:
    """The mean of every `size` neighbours, from the first to the last; none for too few values."""
    if size < 1:
        raise ValueError("a window holds at least one value")
    return [sum(values[start : start + size]) / size for start in range(len(values) - size)]


def busiest_day(takings: Mapping[datetime.date, int]) -> datetime.date | None:
    """The day with the highest takings, the earliest of equals; None when there were no sales."""
    return max(sorted(takings), key=lambda day: takings[day])


def share_of_total(part: float, total: float) -> float:
    """`part` in percent of `total`, with one decimal; 0.0 when there is no total."""
    if total == 0:
        return 0.0
    return round(100 * part / total, 1)
