"""The two formulas: confidence in a rule, and the chance that it helps."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.prompting.weigh import chance_rarer, confidence

COUNTS = st.lists(st.integers(0, 6), min_size=1, max_size=8)


@given(COUNTS, st.floats(0.1, 1.0))
def test_more_evidence_is_never_less_sure(counts: list[int], precision: float) -> None:
    """One more occurrence, or one more note."""
    more = [counts[0] + 1, *counts[1:]]
    sure = confidence(counts, len(counts), precision=precision)

    assert 0 <= sure <= confidence(more, len(counts), precision=precision) <= 1
    assert sure <= confidence(counts, len(counts), precision=precision, notes=1) + 1e-12


def test_the_figures_of_the_documentation() -> None:
    """docs/learn.md shows these."""
    assert confidence([1], 1, precision=0.91) == pytest.approx(0.455)
    assert confidence([2], 1, precision=0.91) == pytest.approx(0.6825)
    assert confidence([1, 1], 2, precision=0.91) == pytest.approx(0.703, abs=0.001)
    assert confidence([1, 1], 40, precision=0.91) == pytest.approx(0.176, abs=0.001)
    assert confidence([], 0, precision=0.91, notes=9) == pytest.approx(0.4375)


@pytest.mark.parametrize(
    ("before", "after"),
    [((5, 10), (2, 10)), ((0, 10), (5, 10)), ((1, 1), (10, 10)), ((2, 3), (0, 9))],
)
def test_the_exact_sum_is_what_sampling_says(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    """Against 20,000 draws from both distributions."""
    dice = random.Random(1)  # noqa: S311 - draws a sample

    def share(pair: tuple[int, int]) -> float:
        return dice.betavariate(1 + pair[0], 1 + pair[1] - pair[0])

    drawn = sum(share(after) < share(before) for _ in range(20_000)) / 20_000

    assert chance_rarer(before, after) == pytest.approx(drawn, abs=0.015)


def test_nothing_changed_is_not_rarer() -> None:
    """Equal shares are a chance of one half, which retires a rule."""
    assert chance_rarer((5, 10), (5, 10)) == pytest.approx(0.5)
