"""A few crashes and full disks within whole cycles; `python -m tests.soak crash` has them all."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from audit.trail import Trail
from tests.accounting import faults, unrecorded
from tests.changing import RecordedScene, make_template
from tests.drops import KINDS, Drop
from tests.rounds import Round, in_memory, quiet
from tests.stepping import CannotTrace, Stepped, killed_after, starved

# Python 3.12 warns of forks beside threads; what other tests left running holds no lock of ours.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
PAIR = [Drop("pair", "apple"), Drop("unreadable", "cherry")]
GIT = [Drop("right", "apple"), Drop("rivals", "cherry")]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where that can be had."""
    with in_memory(tmp_path) as name:
        yield name


@pytest.fixture(scope="module", autouse=True)
def traced() -> None:
    """Where nobody may trace a child these tests cannot run: under CI that is a failure."""
    try:
        assert killed_after(0, lambda: 0).ended
    except CannotTrace as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


def ready(folder: Path, drops: list[Drop], *, git: bool) -> Round:
    """An installation with its notes dropped."""
    here = Round(folder, drops, git=git)
    here.drop_all()
    return here


def a_pass(here: Round) -> int:
    """One worker, without its log."""
    quiet()
    return here.work()


def soon() -> datetime:
    """When retries are due."""
    return datetime.now(UTC) + timedelta(hours=1)


def spread(count: int, times: int) -> range:
    """That many numbers from 1 to `count`."""
    return range(count // times // 2 + 1, count + 1, count // times)


@pytest.mark.parametrize("git", [False, True], ids=["plain", "git"])
def test_a_kill_within_a_cycle_loses_and_doubles_nothing(folder: Path, git: bool) -> None:
    """At eight of its system calls."""
    drops = GIT if git else PAIR
    first = ready(folder / "whole", drops, git=git)
    whole = killed_after(0, lambda: a_pass(first))
    assert (whole.ended, whole.code, faults(first)) == (True, 0, [])

    for call in spread(whole.own, 8):
        here = ready(folder / str(call), drops, git=git)
        killed_after(call, partial(a_pass, here), own=True)
        here.finish(clock=soon)
        assert faults(here) == [], f"killed at call {call}"


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from there on"])
def test_a_full_disk_within_a_cycle_fails_closed_and_passes(folder: Path, lasting: bool) -> None:
    """At eight of its writes; no change is left that neither trail nor journal tells of."""
    first = ready(folder / "whole", PAIR, git=False)
    writes = space_ends(first, 0, lasting=False).points
    assert faults(first) == [] and len(writes) > 100

    for number in spread(len(writes), 8):
        here = ready(folder / str(number), PAIR, git=False)
        seen = space_ends(here, number, lasting=lasting)
        assert seen.code in (0, 3), f"no space at write {number}"
        assert unrecorded(here) == []
        here.finish(clock=soon)
        assert faults(here) == [], f"no space at write {number}"


def space_ends(here: Round, number: int, *, lasting: bool) -> Stepped:
    """A worker whose write with that number finds no space."""
    return starved(lambda: a_pass(here), here.folder, number, lasting=lasting)


def test_a_kill_within_a_change_leaves_all_old_or_all_new(folder: Path) -> None:
    """At sixteen of its system calls."""
    template = make_template(folder / "template")
    whole = killed_after(0, RecordedScene(folder / "whole", template, "plain").mend)
    for call in spread(whole.calls, 16):
        scene = RecordedScene(folder / str(call), template, "plain")
        killed_after(call, scene.mend)
        assert scene.faults_after_crash() == "", f"killed at call {call}"


def test_every_kind_of_note_comes_to_its_end(folder: Path) -> None:
    """Without any fault: what the other tests and checks count on."""
    for number, kinds in enumerate((KINDS[:4], KINDS[4:8], KINDS[8:])):
        drops = [Drop(kind, fruit) for kind, fruit in zip(kinds, FRUIT_FOR_EACH, strict=False)]
        here = ready(folder / str(number), drops, git=number == 0)
        assert here.finish() == [0]
        assert faults(here) == []


def test_what_went_wrong_is_seen(folder: Path) -> None:
    """A file by half, a patch applied twice, a note that is lost: none passes for a good end."""
    here = ready(folder / "round", [Drop("right", "apple")], git=False)
    assert any("not done" in fault for fault in faults_of_unworked(here))
    here.finish()
    trail = Trail(here.state / "audit" / "trail.jsonl")
    (applied,) = trail.records(event="applied")

    (here.module / "apple.py").write_text(here.read("apple")[:30])
    assert any("apple.py is" in fault for fault in faults(here))
    trail.append("applied", reflection=applied.reflection, data=applied.data)
    assert any("applied 2 times" in fault for fault in faults(here))
    here.drops = [*here.drops, Drop("wrong", "cherry")]
    assert any("ended []" in fault for fault in faults(here))


def faults_of_unworked(here: Round) -> list[str]:
    """Of a round that nobody has worked on."""
    (here.state / "audit").mkdir(parents=True)
    return faults(here)


FRUIT_FOR_EACH = ("apple", "cherry", "elder", "grape")
