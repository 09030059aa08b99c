"""Noise is what a metric jumps by itself, told by a few runs."""

import pytest

from daemon.experiment.noise import level, widest


def test_a_metric_that_never_moves_has_no_noise() -> None:
    """Then any gain counts."""
    assert level([7.0] * 5).noise == 0


def test_the_middle_is_the_median_and_noise_three_robust_deviations() -> None:
    """3 x 1.4826 x the median absolute deviation."""
    found = level([10, 11, 12, 13, 14])

    assert found.middle == 12
    assert found.noise == pytest.approx(3 * 1.4826 * 1)


def test_one_wild_run_does_not_blow_the_noise_up() -> None:
    """A machine that hiccups once hides no gain."""
    assert level([10, 11, 12, 13, 500]).noise == pytest.approx(level([10, 11, 12, 13, 14]).noise)


def test_where_most_runs_agree_the_range_is_the_noise() -> None:
    """A metric that jumps now and then is noisy although its deviation is 0."""
    assert level([10, 10, 10, 10, 14]).noise == 4


def test_the_wider_noise_counts() -> None:
    """A difference of two levels has to pass the worse of them."""
    assert widest(level([1, 1]), level([1, 3, 5])) == level([1, 3, 5]).noise
