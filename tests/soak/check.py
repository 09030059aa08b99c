"""What a longer reliability check is, and how its result reads.

A module of this package is found by its name `CHECKS`: a tuple of `Check`. Its `run` yields a `Row`
as soon as one is known, so that an interrupted run still says what it saw.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


class CannotRun(Exception):
    """What the check needs is not here; the message says what. Never reads as a pass."""


@dataclass(frozen=True)
class Row:
    """One line of the table: what was tried how often, and how often the promise did not hold."""

    what: str
    tried: int
    broken: int
    figure: str = ""  # what was measured beside it: percentiles, growth


@dataclass(frozen=True)
class Setting:
    """What a check gets: its own seeded numbers, an empty folder, how much to do, and a voice."""

    rng: random.Random
    folder: Path
    scale: float  # 1.0: as often as published
    say: Callable[[str], None]  # progress, one line

    def times(self, published: int) -> int:
        """How often, at this scale; never not at all."""
        return max(1, round(published * self.scale))


@dataclass(frozen=True)
class Check:
    """One promise. `criterion` is what must hold, with the figure that must be met."""

    name: str  # sandbox.kill-latency
    criterion: str
    run: Callable[[Setting], Iterable[Row]]
