"""Figures about sales."""

import datetime

import pytest

from ledgerly.figures import busiest_day, median, moving_average, share_of_total

MONDAY, TUESDAY, FRIDAY = (datetime.date(2024, 4, day) for day in (1, 2, 5))


def test_the_median_of_an_odd_number_of_values():
    assert median([9, 1, 4]) == 4


def test_the_median_of_an_even_number_of_values():
    assert median([7, 3, 11, 5]) == 6


def test_there_is_no_median_of_nothing():
    with pytest.raises(ValueError):
        median([])


def test_the_moving_average_reaches_the_last_value():
    assert moving_average([2, 4, 9, 5], 2) == [3.0, 6.5, 7.0]
    assert moving_average([2, 4, 9, 5], 4) == [5.0]


def test_a_window_of_one_changes_nothing():
    assert moving_average([3, 8, 1], 1) == [3, 8, 1]


def test_too_few_values_have_no_moving_average():
    assert moving_average([3, 8], 5) == []


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError):
        moving_average([1, 2], 0)


def test_the_busiest_day():
    assert busiest_day({MONDAY: 81_000, TUESDAY: 43_000, FRIDAY: 127_500}) == FRIDAY


def test_of_equal_days_the_earliest_is_the_busiest():
    assert busiest_day({FRIDAY: 50_000, MONDAY: 50_000}) == MONDAY


def test_a_holiday_week_has_no_busiest_day():
    assert busiest_day({}) is None


def test_shares_are_percentages():
    assert share_of_total(30, 120) == 25.0
    assert share_of_total(1, 3) == 33.3


def test_a_share_of_nothing_is_nothing():
    assert share_of_total(5, 0) == 0.0
