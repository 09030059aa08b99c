"""Bank statements."""

import datetime

import pytest

from ledgerly.statements import Entry, balance, group_by_day, parse_line, parse_statement

STATEMENT = """\
# April
2024-04-02; Coffee beans; -84.00
2024-04-02; Card payments; 512.30

2024-04-03; Card payments; 430.10
2024-04-05; Rent; -950.00
"""


def entry(day, cents=100):
    return Entry(datetime.date(2024, 4, day), "", cents)


def test_a_line_is_read():
    assert parse_line("2024-04-05; Rent; -950.00") == Entry(
        datetime.date(2024, 4, 5), "Rent", -95_000
    )


def test_a_line_with_too_few_fields_is_refused():
    with pytest.raises(ValueError, match="date; text; amount"):
        parse_line("2024-04-05; Rent")


def test_comments_and_empty_lines_are_left_out():
    assert [each.text for each in parse_statement(STATEMENT)] == [
        "Coffee beans", "Card payments", "Card payments", "Rent",
    ]


def test_the_balance_starts_from_the_opening_balance():
    assert balance(parse_statement(STATEMENT), opening=10_000) == 840


def test_no_entries_make_no_groups():
    assert group_by_day([]) == []
    assert group_by_day(iter([])) == []


def test_every_day_has_its_group():
    groups = group_by_day([entry(2), entry(2, -50), entry(3), entry(5)])

    assert [[each.day.day for each in group] for group in groups] == [[2, 2], [3], [5]]


def test_one_day_makes_one_group():
    assert group_by_day([entry(9), entry(9, 20)]) == [[entry(9), entry(9, 20)]]
