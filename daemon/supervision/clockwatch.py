"""Notices that the clock on the wall was set, by the one that nobody can set.

Timers are kept by the wall: set back by a day, each of them comes a day late.
"""

import time
from collections.abc import Callable

LEAST_S = 30.0
"""Smaller steps delay nothing that matters; clocks that are only slewed never make one."""


def steady() -> float:
    """Seconds since the machine started, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Compares two clocks at every look; a drift between two looks is too small to count."""

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady
    ) -> None:
        self._wall, self._steady = wall, steady
        self._apart_s = wall() - steady()

    def stepped_s(self) -> float:
        """By how many seconds the clock was set since the last look; 0.0 when it was not."""
        before, self._apart_s = self._apart_s, self._wall() - self._steady()
        by_s = self._apart_s - before
        return by_s if abs(by_s) >= LEAST_S else 0.0
