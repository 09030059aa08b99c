"""Which files the inbox's events call complete."""

from watchdog.events import (
    DirCreatedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
)

from daemon.supervision.arrivals import MOST_HANDED_ON, MOST_NAMES, Arrivals


def arrivals() -> tuple[Arrivals, list[None]]:
    """A collector and its calls to wake."""
    calls: list[None] = []
    return Arrivals(lambda: calls.append(None)), calls


def test_a_closed_and_a_renamed_file_are_complete_a_created_one_is_not() -> None:
    """Also one renamed in from a folder that nobody watches: its source is empty."""
    collected, _ = arrivals()

    collected.heard(FileCreatedEvent("/in/created.json"))
    collected.heard(FileClosedEvent("/in/closed.json"))
    collected.heard(FileMovedEvent("", "/in/moved.json"))
    collected.heard(FileMovedEvent("/in/.x.tmp", "/in/renamed.json"))
    collected.heard(DirCreatedEvent("/in/folder"))

    assert collected.take() == ["closed.json", "moved.json", "renamed.json"]
    assert collected.take() == []


def test_a_file_that_is_written_again_is_no_longer_complete() -> None:
    """Nor is one that was renamed away."""
    collected, _ = arrivals()

    collected.heard(FileClosedEvent("/in/again.json"))
    collected.heard(FileModifiedEvent("/in/again.json"))
    collected.heard(FileClosedEvent("/in/away.json"))
    collected.heard(FileMovedEvent("/in/away.json", ""))

    assert collected.take() == []


def test_the_loop_is_woken_once_for_many_events() -> None:
    """And again after it has looked."""
    collected, calls = arrivals()

    for number in range(100):
        collected.heard(FileClosedEvent(f"/in/{number}.json"))
    assert len(calls) == 1
    assert collected.came()
    assert not collected.came()
    collected.heard(FileClosedEvent("/in/more.json"))

    assert len(calls) == 2


def test_a_flood_is_bounded() -> None:
    """In memory and on the worker's command line; the scan finds what is not named."""
    collected, _ = arrivals()

    for number in range(MOST_NAMES + 10):
        collected.heard(FileClosedEvent(f"/in/{number}.json"))

    assert len(collected.take()) == MOST_HANDED_ON
    rest = 0
    while names := collected.take():
        rest += len(names)
    assert rest == MOST_NAMES - MOST_HANDED_ON
