"""What is under way can be read at any moment, and a broken file is no news."""

import time
from pathlib import Path

from daemon.desk.progress import FILENAME, Beacon, read_progress


def test_stages_and_details_are_seen_as_they_come(tmp_path: Path) -> None:
    """A detail renews the beat and keeps the stage's beginning."""
    beacon = Beacon(tmp_path)
    beacon.work("r1", "app")
    beacon.stage("trial", "shop.py")
    first = read_progress(tmp_path)
    beacon.detail("half way")
    second = read_progress(tmp_path)

    assert first and second
    assert (second.reflection, second.target, second.stage) == ("r1", "app", "trial")
    assert (second.detail, second.since) == ("half way", first.since)
    assert second.beat >= first.beat


def test_at_the_end_nothing_is_under_way(tmp_path: Path) -> None:
    """The file goes with the work."""
    beacon = Beacon(tmp_path)
    beacon.stage("trial")
    beacon.end()

    assert read_progress(tmp_path) is None


def test_a_file_that_cannot_be_understood_counts_as_none(tmp_path: Path) -> None:
    """Half a file or a foreign one never breaks `mendd status`."""
    for text in ("{", "[]", '{"pid": 1}', "null"):
        (tmp_path / FILENAME).write_text(text)
        assert read_progress(tmp_path) is None


def test_it_beats_while_something_silent_runs(tmp_path: Path) -> None:
    """The detail stays what it was, and afterwards nothing is written any more."""
    beacon = Beacon(tmp_path)
    beacon.stage("trial", "shop.py")
    first = read_progress(tmp_path)
    with beacon.beating(60, every_s=0.01):
        time.sleep(0.1)
    second = read_progress(tmp_path)
    beacon.end()
    time.sleep(0.05)

    assert first and second
    assert second.beat > first.beat
    assert (second.stage, second.detail) == ("trial", "shop.py")
    assert read_progress(tmp_path) is None


def test_it_stops_beating_when_the_limit_is_passed(tmp_path: Path) -> None:
    """What should have ended long ago is silent again, and is found out."""
    beacon = Beacon(tmp_path)
    beacon.stage("trial")
    first = read_progress(tmp_path)
    with beacon.beating(0, every_s=0.01):
        time.sleep(0.1)

    assert read_progress(tmp_path) == first
