"""Crontab lines mean what cron means."""

from datetime import UTC, datetime, timedelta

import pytest

from daemon.supervision.crontab import MOST_MISSED, crontab, times_between

SUNDAY = datetime(2026, 11, 15, 0, 0, tzinfo=UTC)


def days(line: str) -> list[str]:
    """The weekdays of one week on which the line fires."""
    times = times_between(crontab(line), SUNDAY - timedelta(seconds=1), SUNDAY + timedelta(days=7))
    return [time.strftime("%a").lower() for time in times if time < SUNDAY + timedelta(days=7)]


@pytest.mark.parametrize(
    ("weekday", "expected"),
    [
        ("0", "sun"),
        ("7", "sun"),
        ("1", "mon"),
        ("1-5", "mon tue wed thu fri"),
        ("0-2", "sun mon tue"),
        ("5-7", "sun fri sat"),
        ("fri-mon", "sun mon fri sat"),
        ("*/2", "sun tue thu sat"),
        ("1-5/2", "mon wed fri"),
        ("SUN,3", "sun wed"),
        ("*", "sun mon tue wed thu fri sat"),
    ],
)
def test_weekdays_are_counted_from_sunday(weekday: str, expected: str) -> None:
    """APScheduler's own from_crontab would take 0 for Monday."""
    assert days(f"0 3 * * {weekday}") == expected.split()


def test_day_of_month_or_weekday_is_enough() -> None:
    """cron fires when either fits; APScheduler alone would want both."""
    assert days("0 3 17 * 4") == ["tue", "thu"]


def test_a_shorthand_is_a_line() -> None:
    """@weekly is Sunday at midnight."""
    assert times_between(crontab("@weekly"), SUNDAY - timedelta(days=1), SUNDAY) == [SUNDAY]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("61 * * * *", "61"),
        ("* * * * 8", "'8'"),
        ("* * * * */9", "step 9"),
        ("* * * * 1-", "'1-'"),
        ("* * * foo *", "foo"),
        ("@fortnightly", "five fields"),
    ],
)
def test_a_bad_line_is_refused_with_its_part(line: str, part: str) -> None:
    """The message stands in the configuration's list of faults."""
    with pytest.raises(ValueError, match="no crontab line") as refused:
        crontab(line)

    assert part in str(refused.value)


def test_the_time_of_the_last_run_is_not_counted_again() -> None:
    """After is exclusive, until is inclusive."""
    hourly = crontab("0 * * * *")

    times = times_between(hourly, SUNDAY, SUNDAY + timedelta(hours=2))

    assert times == [SUNDAY + timedelta(hours=1), SUNDAY + timedelta(hours=2)]


def test_counting_what_was_missed_ends_somewhere() -> None:
    """A laptop closed for a year and a line that fires each minute."""
    times = times_between(crontab("* * * * *"), SUNDAY, SUNDAY + timedelta(days=365))

    assert len(times) == MOST_MISSED
