"""A clock that is set is noticed, one that only drifts is not."""

from daemon.supervision.clockwatch import LEAST_S, ClockWatch


class Clocks:
    """Two clocks that a test moves."""

    def __init__(self) -> None:
        self.wall_s, self.steady_s = 1_000_000.0, 50.0

    def go(self, seconds: float, *, drift: float = 0.0, step_s: float = 0.0) -> None:
        """Time passes; the one on the wall goes wrong or is set meanwhile."""
        self.steady_s += seconds
        self.wall_s += seconds * (1 + drift) + step_s


def test_a_step_is_told_once_with_its_size() -> None:
    """Forth and back."""
    clocks = Clocks()
    watch = ClockWatch(wall=lambda: clocks.wall_s, steady=lambda: clocks.steady_s)
    clocks.go(0.4)
    assert watch.stepped_s() == 0.0
    for step_s in (86_400.0, -86_400.0, -2 * LEAST_S):
        clocks.go(0.4, step_s=step_s)
        assert round(watch.stepped_s()) == step_s
        clocks.go(0.4)
        assert watch.stepped_s() == 0.0


def test_drift_and_sleep_are_no_step() -> None:
    """A month of a bad clock, corrected bit by bit; a night of suspend, which both clocks count."""
    clocks = Clocks()
    watch = ClockWatch(wall=lambda: clocks.wall_s, steady=lambda: clocks.steady_s)
    for _ in range(1_000):
        clocks.go(2_592.0, drift=0.0005)
        assert watch.stepped_s() == 0.0
    clocks.go(30_000.0)
    assert watch.stepped_s() == 0.0


def test_the_real_clocks_agree() -> None:
    """Nobody set this machine's clock between two looks."""
    assert ClockWatch().stepped_s() == 0.0
