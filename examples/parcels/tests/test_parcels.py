"""Postage, labels and tracking."""

import datetime

import pytest

from parcels.labels import label
from parcels.rates import postage
from parcels.tracking import Delivery, average_days, days_on_the_way

MONDAY = datetime.date(2024, 4, 8)


def after(days):
    return MONDAY + datetime.timedelta(days=days)


@pytest.mark.parametrize(
    ("grams", "cents"), [(1, 449), (1_000, 449), (1_001, 549), (5_000, 699), (10_000, 949)]
)
def test_postage_goes_by_weight(grams, cents):
    assert postage(grams) == cents


@pytest.mark.parametrize("grams", [0, -5, 10_001])
def test_what_cannot_be_sent_is_refused(grams):
    with pytest.raises(ValueError):
        postage(grams)


def test_the_label():
    assert label("A. Baker", "Mill Lane 3", "Whitby", "YO21") == "A. Baker\nMill Lane 3\nYO21 WHITBY"


def test_a_parcel_on_its_way_counts_until_today():
    assert days_on_the_way(Delivery(MONDAY), after(3)) == 3
    assert days_on_the_way(Delivery(MONDAY, after(2)), after(9)) == 2


def test_the_average_leaves_out_what_is_on_its_way():
    sent = [Delivery(MONDAY, after(2)), Delivery(MONDAY, after(5)), Delivery(MONDAY)]

    assert average_days(sent) == 3.5
