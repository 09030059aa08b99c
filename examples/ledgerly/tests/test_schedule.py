"""Dates."""

import datetime

import pytest

from ledgerly.schedule import Slot, add_business_days, is_business_day, next_due, overlaps

EASTER_MONDAY = datetime.date(2024, 4, 1)


def slot(start, end):
    day = datetime.datetime(2024, 4, 8)
    return Slot(day.replace(hour=start), day.replace(hour=end))


def test_slots_that_share_time_overlap():
    assert overlaps(slot(9, 12), slot(11, 14))
    assert overlaps(slot(11, 14), slot(9, 12))
    assert overlaps(slot(9, 17), slot(12, 13))


@pytest.mark.parametrize(
    ("first", "second"), [((9, 10), (13, 14)), ((13, 14), (9, 10)), ((9, 10), (10, 11))]
)
def test_slots_apart_do_not_overlap(first, second):
    assert overlaps(slot(*first), slot(*second)) is False


def test_weekends_and_holidays_are_no_business_days():
    assert is_business_day(datetime.date(2024, 4, 5))
    assert not is_business_day(datetime.date(2024, 4, 6))
    assert not is_business_day(EASTER_MONDAY, holidays=[EASTER_MONDAY])


def test_business_days_skip_the_weekend():
    assert add_business_days(datetime.date(2024, 4, 4), 2) == datetime.date(2024, 4, 8)


def test_business_days_skip_holidays():
    friday = datetime.date(2024, 3, 29)
    assert add_business_days(friday, 1, holidays=[EASTER_MONDAY]) == datetime.date(2024, 4, 2)


def test_a_weekly_bill():
    assert next_due(datetime.date(2024, 12, 27), "week") == datetime.date(2025, 1, 3)


def test_a_monthly_bill():
    assert next_due(datetime.date(2024, 1, 28), "month") == datetime.date(2024, 2, 28)


def test_a_monthly_bill_of_december_comes_in_january():
    assert next_due(datetime.date(2024, 12, 15), "month") == datetime.date(2025, 1, 15)
    assert next_due(datetime.date(2025, 12, 1), "month") == datetime.date(2026, 1, 1)


def test_an_unknown_rhythm_is_refused():
    with pytest.raises(ValueError):
        next_due(datetime.date(2024, 1, 1), "fortnight")
