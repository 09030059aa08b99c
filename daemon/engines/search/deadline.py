"""A point in time that bounds a search, handed from step to step."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Deadline:
    """When something has to be over, on a monotonic clock."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Self:
        """So many seconds from now."""
        return cls(clock() + seconds, clock)

    @property
    def left_s(self) -> float:
        """Seconds left; 0 when it has passed."""
        return max(0.0, self.at - self.clock())

    def part(self, share: float) -> "Deadline":
        """An earlier one: when this share of what is left will be used up."""
        return Deadline.after(self.left_s * share, self.clock)

    def at_least(self, seconds: float) -> "Deadline":
        """This one, or a later one that leaves so many seconds."""
        return Deadline.after(max(seconds, self.left_s), self.clock)
