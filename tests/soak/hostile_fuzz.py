"""Mangled bytes for the readers of strangers' input, many of them; replayed by the seed."""

import random
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzzing import READERS, Reader
from tests.soak.check import Check, Row, Setting

EXAMPLES = 20_000
ROUND = 1000  # examples that Hypothesis plans together
LONGEST_S = 5.0
MOST_GROWTH_MIB = 64


class Hung(BaseException):
    """One input took too long."""


def fuzz(setting: Setting) -> Iterator[Row]:
    """Each reader in turn; a broken promise ends its row with the words of the first."""
    for reader in READERS:
        tried = taken = broken = 0
        first, slowest, before = "", 0.0, peak_mib()
        for _ in range(max(1, setting.times(EXAMPLES) // ROUND)):
            round_ = Round(reader, setting.rng, min(ROUND, setting.times(EXAMPLES)))
            round_.run()
            tried, taken = tried + round_.tried, taken + round_.taken
            slowest = max(slowest, round_.slowest_s)
            broken += bool(round_.fault)
            first = first or round_.fault
            setting.say(f"{reader.name} {tried}")
        grown = peak_mib() - before
        broken += grown > MOST_GROWTH_MIB
        figure = f"{taken} taken, slowest {slowest * 1000:.0f} ms, memory +{grown:.0f} MiB {first}"
        yield Row(reader.name, tried, broken, figure)


class Round:
    """Some examples of one reader, and what they came to."""

    def __init__(self, reader: Reader, rng: random.Random, examples: int) -> None:
        self.reader, self._seed, self._examples = reader, rng.getrandbits(64), examples
        self.tried = self.taken = 0
        self.slowest_s, self.fault = 0.0, ""

    def run(self) -> None:
        """Feed them; the first broken promise is kept in words."""

        @seed(self._seed)
        @settings(
            max_examples=self._examples, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.data())
        def feed(data: st.DataObject) -> None:
            self.one(data.draw(self.reader.inputs))

        try:
            feed()
        except (Exception, Hung) as fault:  # noqa: BLE001 - whatever it is breaks the promise
            self.fault = f"{type(fault).__name__}: {str(fault)[:200]}"

    def one(self, given_: object) -> None:
        """One input, within its time."""
        self.tried += 1
        began = time.monotonic()
        with at_most(LONGEST_S):
            self.taken += self.reader.holds(given_)
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Hung after so long, whatever is under way."""

    def late(_: int, frame: FrameType | None) -> None:
        raise Hung(f"more than {seconds:g} s")

    old = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def peak_mib() -> float:
    """The most memory this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


CHECKS = (
    Check(
        "hostile.fuzz",
        "only documented errors, no hang over 5 s, memory + 64 MiB at most; what is taken reads "
        "back the same",
        fuzz,
    ),
)
