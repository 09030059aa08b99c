"""Timers, and runs that fell into a time when nobody was there."""

import errno
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apscheduler.events import EVENT_JOB_MISSED, JobExecutionEvent

from daemon.supervision.schedule import LastRun, Schedule

NOON = datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)
HOURLY = "0 * * * *"


def test_scans_fire_until_stopped() -> None:
    """The job only says its name."""
    fired: list[str] = []
    twice = threading.Event()

    def fire(job: str) -> None:
        fired.append(job)
        if len(fired) > 1:
            twice.set()

    schedule = Schedule(every="", scan_s=0.05, fired=fire, dropped=lambda *_: None)
    schedule.start()

    assert twice.wait(30)
    schedule.stop()
    assert set(fired) == {"scan"}


def test_a_bad_crontab_line_is_refused_at_once() -> None:
    """Before anything runs."""
    with pytest.raises(ValueError, match="no crontab line"):
        Schedule(every="often", scan_s=1, fired=lambda _: None, dropped=lambda *_: None)


def test_a_job_that_the_scheduler_drops_is_told() -> None:
    """APScheduler itself only writes a log line."""
    dropped: list[tuple[str, str]] = []
    schedule = Schedule(
        every="", scan_s=60, fired=lambda _: None, dropped=lambda *about: dropped.append(about)
    )

    schedule._scheduler._dispatch_event(JobExecutionEvent(EVENT_JOB_MISSED, "scan", "x", NOON))

    assert dropped == [("scan", "the job was too late")]


def test_nothing_is_missed_before_the_first_run(tmp_path: Path) -> None:
    """A new installation has no past."""
    last = LastRun(tmp_path)

    assert last.missed(HOURLY, NOON) == (None, False)
    assert last.missed(HOURLY, NOON + timedelta(minutes=10)) == (None, False)


def test_a_run_at_its_time_is_due_and_not_missed(tmp_path: Path) -> None:
    """Fired a moment ago."""
    last = LastRun(tmp_path)
    last.honoured(HOURLY, NOON - timedelta(minutes=30))

    assert last.missed(HOURLY, NOON) == (None, True)


def test_runs_while_the_service_was_down_are_counted(tmp_path: Path) -> None:
    """Three hours down, back at half past: three missed, one run is due."""
    last = LastRun(tmp_path)
    last.honoured(HOURLY, NOON)

    missed, due = last.missed(HOURLY, NOON + timedelta(hours=3, minutes=30))

    assert due
    assert missed is not None
    assert missed.data == {
        "job": "cycle",
        "count": 3,
        "at_least": False,
        "first": "2026-11-20T13:00:00Z",
        "last": "2026-11-20T15:00:00Z",
        "made_up_for": True,
    }


def test_another_crontab_line_begins_to_count_anew(tmp_path: Path) -> None:
    """What the old line wanted is nobody's business any more."""
    last = LastRun(tmp_path)
    last.honoured(HOURLY, NOON)

    assert last.missed("30 * * * *", NOON + timedelta(hours=5)) == (None, False)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"every": "0 * * * *", "cycle": 5}'])
def test_a_broken_record_of_the_last_run_counts_as_none(tmp_path: Path, content: bytes) -> None:
    """And is replaced by a good one."""
    (tmp_path / "last_run").write_bytes(content)
    last = LastRun(tmp_path)

    assert last.missed(HOURLY, NOON) == (None, False)
    assert last.missed(HOURLY, NOON + timedelta(hours=1)) == (None, True)


def test_a_clock_that_was_set_back_does_no_harm(tmp_path: Path) -> None:
    """A last run in the future counts as none."""
    last = LastRun(tmp_path)
    last.honoured(HOURLY, NOON + timedelta(days=365))

    assert last.missed(HOURLY, NOON) == (None, False)


def test_housekeeping_is_due_once_a_day(tmp_path: Path) -> None:
    """And recording it does not forget the last cycle."""
    last = LastRun(tmp_path)
    last.honoured(HOURLY, NOON)

    assert last.housekeeping_due(NOON)
    last.kept_house(NOON)
    assert not last.housekeeping_due(NOON + timedelta(hours=23))
    assert last.housekeeping_due(NOON + timedelta(hours=24))
    assert last.missed(HOURLY, NOON + timedelta(hours=1)) == (None, True)


def test_a_run_that_the_next_one_overtakes_was_missed(tmp_path: Path) -> None:
    """A worker was at work all the time, or rested after failures: both runs became one."""
    last = LastRun(tmp_path)
    hour = timedelta(hours=1)
    last.honoured(HOURLY, NOON)  # a worker began

    assert last.missed(HOURLY, NOON + hour) == (None, True)
    overtaken, due = LastRun(tmp_path).missed(HOURLY, NOON + 2 * hour)  # a crash forgets nothing

    assert due and overtaken is not None
    assert (overtaken.count, overtaken.first) == (1, (NOON + hour).replace(second=0))
    last.told(HOURLY, overtaken, NOON + 2 * hour)
    assert last.missed(HOURLY, NOON + 2 * hour) == (None, True)


def test_a_run_that_begins_late_was_missed(tmp_path: Path) -> None:
    """It was due while no worker could start, and nothing else was due until one could."""
    last = LastRun(tmp_path)
    last.honoured(HOURLY, NOON - timedelta(minutes=30))
    assert last.missed(HOURLY, NOON) == (None, True)

    late, due = last.missed(HOURLY, NOON + timedelta(minutes=7))

    assert due and late is not None
    assert (late.count, late.first) == (1, NOON.replace(second=0))


def test_a_full_disk_makes_no_run_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written counts all the same, until the service ends."""
    last = LastRun(tmp_path)
    last.honoured(HOURLY, NOON - timedelta(minutes=30))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr("daemon.supervision.schedule.write_whole", full)
        last.honoured(HOURLY, NOON)
        assert last.missed(HOURLY, NOON + timedelta(minutes=8)) == (None, False)
    last.kept_house(NOON)

    assert LastRun(tmp_path).missed(HOURLY, NOON + timedelta(minutes=8)) == (None, False)


def test_a_clock_that_is_corrected_by_seconds_makes_no_run_missed(tmp_path: Path) -> None:
    """A run began at its time, the clock is set back a little, and another worker begins."""
    last = LastRun(tmp_path)
    last.honoured(HOURLY, NOON)

    assert last.missed(HOURLY, NOON - timedelta(seconds=20)) == (None, False)
    assert last.missed(HOURLY, NOON + timedelta(hours=1)) == (None, True)


def test_more_missed_runs_than_anybody_counts_are_told_once(tmp_path: Path) -> None:
    """A service that was down for years."""
    last = LastRun(tmp_path)
    last.honoured(HOURLY, NOON - timedelta(days=900))
    missed, due = last.missed(HOURLY, NOON)
    assert missed is not None and missed.at_least and due

    last.told(HOURLY, missed, NOON)

    assert last.missed(HOURLY, NOON) == (None, False)
