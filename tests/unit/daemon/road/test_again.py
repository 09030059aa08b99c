"""Patches that come too often wait for a person, whatever the clock says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.road.again import patches_of_this_bug
from daemon.road.history import PastEdit
from daemon.road.moment import Moment, Uptime, seconds_between, uptime
from reflections.store import State
from tests.fakes import ScriptedEngine
from tests.place import CODE, FIXED, NOTE, REPORT, RIGHT, Place, proposal

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR_S = 3600.0


def at(wall: datetime, seconds: float, boot: str = "this") -> Moment:
    return Moment(wall=wall, uptime=Uptime(boot=boot, seconds=seconds))


@pytest.mark.parametrize("step", [-2 * DAY, -DAY, timedelta(), DAY, 400 * DAY])
def test_a_stepped_clock_changes_no_span_within_one_start(step: timedelta) -> None:
    """An hour is an hour, whatever the clock on the wall says meanwhile."""
    assert seconds_between(at(NOON, 100.0), at(NOON + step, 100.0 + HOUR_S)) == HOUR_S


def test_across_a_start_the_wall_counts_and_never_less_than_the_uptime() -> None:
    """A clock that was a day ahead before the restart cannot make the past the future."""
    assert seconds_between(at(NOON, 9e9, "last"), at(NOON + DAY, 60.0)) == 86_400
    assert seconds_between(at(NOON + DAY, 9e9, "last"), at(NOON, 90_000.0)) == 90_000


def test_the_kernel_tells_the_uptime() -> None:
    """It only grows."""
    first, second = uptime(), uptime()

    assert first.boot and first.boot == second.boot
    assert 0 < first.seconds <= second.seconds


def patched_before(here: Place, count: int, ago_s: float, **changes: Any) -> None:
    """The file was patched that often, that long ago, in other functions."""
    then = here.now.timestamp() - ago_s
    for number in range(count):
        edit = PastEdit(
            patch_id=f"p{number}",
            time=(here.now - timedelta(seconds=ago_s)).isoformat(),
            region=f"other{number}",
            original=f"x{number}",
            replacement=f"y{number}",
            boot="this",
            uptime_s=then,
        )
        here.shop.history.remember("shop", "shop.py", [replace(edit, **changes)])


def test_a_file_patched_too_often_in_a_day_is_frozen(place: Callable[..., Place]) -> None:
    """Five patches of a file within a day, in whatever functions, are enough."""
    here = place()
    patched_before(here, 5, HOUR_S)

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.last("frozen")["reason"] == "shop.py was already patched 5 times within a day"
    assert here.shop.store.all()[0].state is State.FROZEN
    assert here.file.read_text() == CODE


@pytest.mark.parametrize(
    ("target", "count", "ago_s"),
    [("", 4, HOUR_S), ("", 5, 25 * HOUR_S), ("day_patches = 6", 5, HOUR_S)],
)
def test_fewer_or_older_ones_are_no_hindrance(
    place: Callable[..., Place], target: str, count: int, ago_s: float
) -> None:
    """The limit is a setting, and a day is a day."""
    here = place(target)
    patched_before(here, count, ago_s)

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.file.read_text() == FIXED


@pytest.mark.parametrize("step", [DAY, -DAY])
def test_a_clock_stepped_by_a_day_opens_nothing(
    place: Callable[..., Place], step: timedelta
) -> None:
    """Five patches an hour ago stay five patches an hour ago."""
    here = place()
    patched_before(here, 5, HOUR_S)
    stood = here.now.timestamp()
    here.shop = replace(here.shop, steady=lambda: Uptime(boot="this", seconds=stood + 60))
    here.now += step

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert "5 times within a day" in here.last("frozen")["reason"]


def test_a_clock_that_was_a_day_ahead_closes_nothing(place: Callable[..., Place]) -> None:
    """Patches made two days ago under a clock that ran ahead do not count for today."""
    here = place()
    patched_before(here, 5, 48 * HOUR_S, time=(here.now + DAY).isoformat())

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.file.read_text() == FIXED


def test_a_patch_that_a_crash_kept_out_of_the_history_counts(place: Callable[..., Place]) -> None:
    """It is in the trail, recorded after the crash."""
    here = place("day_patches = 2")
    patched_before(here, 1, HOUR_S)
    for patch in ("p0", "crashed"):
        data = {"patch": patch, "files": ["shop.py"], "recovered": True}
        here.shop.trail.append("applied", reflection="r", target="shop", data=data)
    here.shop.trail.append(
        "applied",
        reflection="r",
        target="other",
        data={"patch": "elsewhere", "files": ["shop.py"], "recovered": True},
    )
    here.now = datetime.now(UTC)

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert "2 times within a day" in here.last("frozen")["reason"]


def test_edits_of_before_uptimes_were_kept_can_be_read() -> None:
    """An older line has only its time."""
    edit = PastEdit(
        patch_id="p", time="2026-11-20T12:00:00", region="", original="", replacement=""
    )

    assert seconds_between(edit.moment, at(NOON + DAY, 5.0)) == 86_400
    assert replace(edit, time="soon").moment.wall.year == 1970


def test_the_same_bug_is_never_patched_more_than_three_times(place: Callable[..., Place]) -> None:
    """Whatever autonomy says, and wherever the patches were made: the fourth waits."""
    here = place('autonomy = "apply-any"\nregion_edits = 100\nday_patches = 100')
    ways = ["sum(prices)", "sum(p for p in prices)", "sum(list(prices))", "sum(tuple(prices))"]

    for day, way in enumerate(ways):
        here.file.write_text(CODE)
        here.now += DAY
        note = {**NOTE, "timestamp": f"2026-11-{22 + day}T10:00:00Z"}
        here.mend(ScriptedEngine(REPORT, [proposal(f"    return {way}\n")]), note=note)

    assert here.events().count("applied") == 3
    assert here.file.read_text() == CODE
    assert "already patched 3 times" in here.last("frozen")["reason"]
    (frozen,) = here.shop.store.all()
    assert len(patches_of_this_bug(frozen, here.shop.store)) == 3


def test_a_failure_that_comes_back_lowers_trust_on_the_whole_road(
    place: Callable[..., Place],
) -> None:
    """Applied, back again, held for a person, approved, and back once more: held again."""
    here = place()
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    assert here.file.read_text() == FIXED

    for day, way in enumerate(["sum(p for p in prices)", "sum(list(prices))"]):
        here.file.write_text(CODE)
        note = {**NOTE, "timestamp": f"2026-11-{22 + day}T10:00:00Z"}
        here.mend(ScriptedEngine(REPORT, [proposal(f"    return {way}\n")]), note=note)

        (held,) = here.shop.store.all()
        assert held.state is State.HELD and held.came_back_of
        assert "came back" in here.last("held")["reason"]
        assert here.file.read_text() == CODE

        here.order("approve", held.id)
        assert way in here.file.read_text()

    assert here.events().count("came_back") == 2
