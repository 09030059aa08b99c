"""Where nothing works, a target is left alone: for longer each time, across restarts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest

from daemon.breakers import Breakers
from daemon.engines import NoPatch
from daemon.settings import BreakerSettings
from reflections.store import State
from sandbox.errors import EngineUnavailable
from tests.fakes import ScriptedEngine
from tests.place import FIXED, NOTE, REPORT, RIGHT, Place

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTINGS = BreakerSettings(failures=3, pause_s=100, pause_most_s=350)


class Clock:
    """A clock that a test sets; it may go on with every look, as real ones do."""

    def __init__(self) -> None:
        self.now = NOON
        self.tick = timedelta(0)

    def __call__(self) -> datetime:
        self.now += self.tick
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def restarted(tmp_path: Path, clock: Clock) -> Callable[[], Breakers]:
    """The breakers as a new process finds them."""
    return lambda: Breakers(tmp_path / "breakers.json", SETTINGS, clock)


def opened(restarted: Callable[[], Breakers]) -> None:
    for number in range(SETTINGS.failures):
        restarted().failed("shop", f"no engine, {number}")


def test_it_opens_with_the_nth_failure_in_a_row(restarted: Callable[[], Breakers]) -> None:
    """One more success in between, and the count begins anew; other targets do not care."""
    restarted().failed("shop", "a")
    restarted().failed("shop", "b")
    restarted().came_to_something("shop")
    restarted().failed("shop", "c")
    restarted().failed("shop", "d")
    assert not restarted().paused()

    breaker = restarted().failed("shop", "e")

    assert breaker and breaker.until == NOON + timedelta(seconds=100)
    assert set(restarted().paused()) == {"shop"}
    assert restarted().paused()["shop"].reason == "e"


def test_each_pause_is_twice_as_long_up_to_a_limit(
    restarted: Callable[[], Breakers], clock: Clock
) -> None:
    """And every process that starts meanwhile sees the same."""
    opened(restarted)
    pauses = []
    for _ in range(4):
        until = restarted().paused()["shop"].until
        assert until
        pauses.append((until - clock.now).total_seconds())
        clock.now = until
        assert restarted().begin("shop")
        restarted().failed("shop", "still away")

    assert pauses == [100, 200, 350, 350]


def test_half_open_is_one_try(restarted: Callable[[], Breakers], clock: Clock) -> None:
    """While it is under way, and after a crash in it, the target is paused."""
    opened(restarted)
    clock.pass_s(100)
    assert not restarted().paused()

    trying = restarted().begin("shop")

    assert trying and trying.trying
    assert set(restarted().paused()) == {"shop"}


def test_a_good_try_closes_it(restarted: Callable[[], Breakers], clock: Clock) -> None:
    """Everything is as new."""
    opened(restarted)
    clock.pass_s(100)
    restarted().begin("shop")

    assert restarted().came_to_something("shop")
    assert restarted().all() == {}


def test_a_try_that_was_stopped_from_outside_is_made_again(
    restarted: Callable[[], Breakers], clock: Clock
) -> None:
    """The kill switch says nothing about the target, and makes no pause longer."""
    opened(restarted)
    clock.pass_s(100)
    restarted().begin("shop")
    restarted().call_off("shop")

    assert not restarted().paused()
    trying = restarted().begin("shop")
    assert trying and trying.until == clock.now + timedelta(seconds=200)


def test_work_for_a_waiting_person_within_a_pause_is_no_try(
    restarted: Callable[[], Breakers], clock: Clock
) -> None:
    """It neither doubles the pause nor takes the try away."""
    opened(restarted)
    assert restarted().begin("shop") is None
    assert restarted().failed("shop", "away") is None

    assert restarted().paused()["shop"].until == NOON + timedelta(seconds=100)


@pytest.mark.parametrize("step", [timedelta(days=1), timedelta(days=-1)])
def test_a_clock_stepped_by_a_day_pauses_nobody_for_a_day(
    restarted: Callable[[], Breakers], clock: Clock, step: timedelta
) -> None:
    """Forward or back, one try is made; if it fails the pause goes on from there."""
    opened(restarted)
    clock.now += step
    clock.tick = timedelta(microseconds=1)

    assert not restarted().paused()
    clock.tick = timedelta(0)
    assert restarted().begin("shop")
    restarted().failed("shop", "still away")
    until = restarted().paused()["shop"].until
    assert until == clock.now + timedelta(seconds=200)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"shop": 5}', '{"shop": {"until": "soon"}}', '{"shop": {"until": 1}}'],
)
def test_a_file_that_cannot_be_read_counts_as_none(
    tmp_path: Path, restarted: Callable[[], Breakers], content: str
) -> None:
    """It costs a few more tries, and is whole again with the next failure."""
    (tmp_path / "breakers.json").write_text(content)

    assert restarted().paused() == {}
    restarted().failed("shop", "away")
    assert restarted().all()["shop"].failures == 1


def test_a_person_ends_every_pause(restarted: Callable[[], Breakers]) -> None:
    """What was counted below the limit stays."""
    opened(restarted)
    restarted().failed("other", "once")

    assert set(restarted().end()) == {"shop"}
    assert set(restarted().all()) == {"other"}
    assert restarted().end() == {}


# -- on the road ---------------------------------------------------------------------------------


def notes(here: Place, count: int) -> None:
    """As many notes about different failures."""
    for letter in ascii_lowercase[:count]:
        note: dict[str, Any] = {**NOTE, "reflection": f"total fails with the basket {letter * 4}"}
        here.drop(note, f"{letter}.json")


def steps(here: Place) -> list[str]:
    return [str(each.data["step"]) for each in here.shop.trail.records(event="breaker")]


def test_a_storm_of_failures_pauses_the_target(place: Callable[..., Place]) -> None:
    """Twenty notes and no Docker: five fail, the others wait untouched."""
    here = place()
    here.sandbox.broken = EngineUnavailable("no engine answers")
    notes(here, 20)

    for _ in range(3):
        here.work()

    assert here.events().count("failed") == 5
    assert steps(here) == ["paused"]
    assert here.last("breaker")["reason"] == "no engine answers"
    assert '"next": "2026-11-20T09:15:00+00:00"' in (here.shop.state / "due.json").read_text()


def test_after_the_pause_one_work_is_tried(place: Callable[..., Place]) -> None:
    """Then the next, longer one begins."""
    here = place()
    here.sandbox.broken = EngineUnavailable("no engine answers")
    notes(here, 20)
    here.work()

    here.now += timedelta(minutes=15)
    here.work()

    assert here.events().count("failed") == 6
    assert steps(here) == ["paused", "trying", "paused"]
    assert '"next": "2026-11-20T09:45:00+00:00"' in (here.shop.state / "due.json").read_text()


def test_when_the_world_is_back_all_of_it_is_done(place: Callable[..., Place]) -> None:
    """The one try closes the breaker, and the rest follows at once."""
    here = place()
    here.sandbox.broken = EngineUnavailable("no engine answers")
    notes(here, 8)
    here.work()

    here.sandbox.broken = None
    here.engines = [ScriptedEngine(REPORT, [RIGHT, *[NoPatch(reason="none")] * 9])]
    here.now += timedelta(minutes=15)
    here.work()

    assert here.file.read_text() == FIXED
    assert steps(here) == ["paused", "trying", "closed"]
    assert not [work for work in here.shop.store.all() if work.state is State.OPEN]


def test_works_rejected_in_a_row_pause_the_target_too(place: Callable[..., Place]) -> None:
    """Nothing found five times: the sixth waits, and no money is spent on it."""
    here = place()
    notes(here, 9)
    engine = ScriptedEngine(REPORT, [NoPatch(reason="nothing found")] * 9)
    here.engines = [engine]

    here.work()

    assert here.events().count("rejected") == 5
    assert len(engine.answers) == 4
    assert "nothing found" in here.last("breaker")["reason"]


def test_mendd_on_ends_the_pause(place: Callable[..., Place]) -> None:
    """An order like any other, so it is on record and wakes the service."""
    here = place()
    here.sandbox.broken = EngineUnavailable("no engine answers")
    notes(here, 8)
    here.work()

    here.sandbox.broken = None
    here.engines = [ScriptedEngine(REPORT, [RIGHT, *[NoPatch(reason="none")] * 9])]
    here.order("resume", "pauses")

    assert here.file.read_text() == FIXED
    assert here.last("ordered")["outcome"] == "the pause of shop is over"
    assert here.last("breaker")["step"] == "closed" and here.last("breaker")["by"] == "ada"


def test_a_stopped_try_is_made_again(place: Callable[..., Place]) -> None:
    """The kill switch in the middle of it makes no pause longer."""
    here = place()
    here.sandbox.broken = EngineUnavailable("no engine answers")
    notes(here, 6)
    here.work()
    here.now += timedelta(minutes=15)
    here.sandbox.broken = None
    here.shop.kill_switch.path.write_text("stop")
    here.sandbox.before_run = here.shop.stop.set
    here.work()

    assert here.shop.breakers.paused() == {}
