"""Amounts of money."""

import pytest

from ledgerly.money import format_amount, late_fee, parse_amount, split_evenly


@pytest.mark.parametrize(
    ("text", "cents"),
    [("12.50", 1250), ("1,250", 125_000), ("-3.05", -305), ("(3.05)", -305), (" 7.5 ", 750)],
)
def test_amounts_are_read(text, cents):
    assert parse_amount(text) == cents


@pytest.mark.parametrize("text", ["", "twelve", "1.234", "1.x", "."])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError):
        parse_amount(text)


@pytest.mark.parametrize(
    ("cents", "text"), [(1250, "12.50"), (5, "0.05"), (-250, "-2.50"), (1_234_567, "12,345.67")]
)
def test_amounts_are_written(cents, text):
    assert format_amount(cents) == text


def test_shares_add_up():
    assert split_evenly(1000, 3) == [334, 333, 333]
    assert split_evenly(7, 7) == [1] * 7


def test_nothing_can_be_split_into_no_parts():
    with pytest.raises(ValueError):
        split_evenly(100, 0)


@pytest.mark.parametrize("days", [0, 2, 3])
def test_no_late_fee_within_the_days_of_grace(days):
    assert late_fee(50_000, days) == 0


def test_only_days_after_the_grace_are_charged():
    assert late_fee(50_000, 4) == 100
    assert late_fee(50_000, 10) == 700


def test_the_days_of_grace_can_be_agreed():
    assert late_fee(20_000, 12, grace_days=0) == 480
    assert late_fee(20_000, 12, grace_days=10) == 80
