"""A change whose end nobody can tell yet: nothing else is decided about its work before."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from daemon.changes.gitrepo import GitFailed, Repository
from daemon.changes.journal import JournalBusy, open_changes
from daemon.desk.orders import Order, give_order
from daemon.engines import Declined
from reflections.store import State, Work
from tests.fakes import ScriptedEngine
from tests.place import CODE, FIXED, REPORT, RIGHT, Death, Place, dies, proposal

APPLY = 'autonomy = "apply-any"\ngit = "in-place"\n'
PROPOSE = 'autonomy = "propose"\ngit = "in-place"\n'
UNHEALTHY = 'health = ["false"]\nhealth_s = 0\n'


def in_git(place: Callable[..., Place], settings: str) -> Place:
    """The place, its module committed."""
    here = place(settings)
    words = "git init -q -b main && git add -A && git -c user.name=a -c user.email=a@b commit -qm x"
    subprocess.run(["sh", "-c", words], cwd=here.module, check=True)
    return here


@contextmanager
def git_fails(*, at: int = 1, back: str = "") -> Iterator[None]:
    """Git moves the branch (for the `at`-th time), fails, and answers nothing any more.

    Until `back` is called (a dotted name), if one is given.
    """
    git, away, moves = Repository.git, list[bool](), list[bool]()

    def fails(self: Repository, *arguments: str, **more: Any) -> bytes:
        if away:
            raise GitFailed("Resource temporarily unavailable")
        answer = git(self, *arguments, **more)
        if arguments[0] == "update-ref":
            moves.append(True)
            if len(moves) == at:
                away.append(True)
                raise GitFailed("killed")
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Repository, "git", fails)
        if back:
            from daemon.desk.recovery import recover

            def recovered(journal: Any) -> Any:
                away.clear()
                return recover(journal)

            patched.setattr(back, recovered)
        yield


def test_work_with_a_change_that_cannot_be_settled_yet_waits(place: Callable[..., Place]) -> None:
    """Done again, it would be declined on the changed file, and the change never be recorded."""
    here = in_git(place, APPLY)
    with git_fails():
        here.mend(ScriptedEngine(REPORT, [RIGHT]))
        here.now += timedelta(hours=3)
        declines = Declined(category="not_a_bug", reason="nothing is wrong here")
        here.engines = [ScriptedEngine(declines, [])]
        here.work()
        assert "declined" not in here.events()
        assert json.loads((here.shop.state / "due.json").read_text())["next"]
    here.now += timedelta(hours=3)
    here.engines = []

    here.work()

    assert here.file.read_text() == FIXED and here.events().count("applied") == 1
    (ended,) = here.shop.store.archived()
    assert ended["verdict"] == "applied"


def test_an_order_waits_for_the_change_of_the_order_before_it(place: Callable[..., Place]) -> None:
    """Approved, half done; the rejection that came after it does not hide what was applied."""
    here = in_git(place, PROPOSE)
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    (work,) = here.shop.store.all()
    here.now += timedelta(hours=1)
    given(here, work, "approve")
    here.now += timedelta(seconds=1)
    given(here, work, "reject")

    with git_fails(back="daemon.desk.recovery.recover"):
        here.work()

    assert here.file.read_text() == FIXED and here.events().count("applied") == 1
    (ended,) = here.shop.store.archived()
    assert ended["verdict"] == "applied"


def test_a_change_that_was_taken_back_after_all_does_not_stand(
    place: Callable[..., Place],
) -> None:
    """The live check failed, git failed in the middle of taking it back, and was settled then."""
    here = in_git(place, APPLY + UNHEALTHY)
    with git_fails(at=2, back="daemon.desk.recovery.recover"):
        here.mend(ScriptedEngine(REPORT, [RIGHT]))
        here.work()
    (work,) = here.shop.store.all()

    assert here.file.read_text() == CODE and here.events().count("reverted") == 1
    assert work.state is State.FROZEN and "applied" not in work.data


@pytest.mark.parametrize("step", ["put_away", "forget", "over"])
def test_an_approved_patch_that_was_taken_back_is_not_applied_again_after_a_crash(
    place: Callable[..., Place], step: str
) -> None:
    """The order still lies there; it was carried out, and what came of it was unhealthy."""
    here = approved_and_killed(place, UNHEALTHY, step)

    here.work()

    assert here.events().count("applied") == 1
    assert here.last("ordered")["outcome"].startswith("frozen")


def test_an_approval_that_a_crash_cut_off_is_answered_rightly(place: Callable[..., Place]) -> None:
    """It had been carried out; nothing is held any more."""
    here = approved_and_killed(place, "", "over")

    here.work()

    assert here.last("ordered")["outcome"].startswith("applied")


def test_an_approval_from_before_the_patch_stood_unhealthy_does_not_let_it_stay(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very order whose change failed its live check, found once more after a crash."""
    monkeypatch.setattr("daemon.road.settle.take_back", lambda done, trouble, job: "it cannot")
    here = approved_and_killed(place, UNHEALTHY, "over")

    here.work()

    (work,) = here.shop.store.all()
    assert work.state is State.FROZEN
    assert here.last("ordered")["outcome"].startswith("frozen")


def approved_and_killed(place: Callable[..., Place], settings: str, step: str) -> Place:
    """A held patch was approved; the worker died at this step of its end."""
    here = place(f'autonomy = "propose"\n{settings}')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    (work,) = here.shop.store.all()
    here.now += timedelta(hours=1)
    given(here, work, "approve")
    here.now += timedelta(seconds=5)
    with pytest.MonkeyPatch.context() as patched, pytest.raises(Death):
        patched.setattr(f"daemon.desk.finish.{step}", dies)
        here.work()
    here.now += timedelta(seconds=5)
    return here


@pytest.mark.parametrize("zone", [True, False])
def test_a_patch_that_stands_may_be_let_stay_whatever_the_clock_was(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, zone: bool
) -> None:
    """The clock was years ahead when it was frozen; an order may name no time zone."""
    here = place('autonomy = "apply-any"\n' + UNHEALTHY)
    monkeypatch.setattr("daemon.road.settle.take_back", lambda done, trouble, job: "it cannot")
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    (work,) = here.shop.store.all()
    here.now -= timedelta(days=400)

    given(here, work, "approve", zone=zone)
    here.work()

    assert here.last("ordered")["outcome"].startswith("applied")


def test_a_patch_id_is_used_once(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash after a patch was taken back; the work starts afresh, with a patch of its own."""
    here = place('autonomy = "apply-any"\n' + UNHEALTHY)
    with monkeypatch.context() as patched:
        patched.setattr("daemon.desk.finish.put_away", dies)
        with pytest.raises(Death):
            here.mend(ScriptedEngine(REPORT, [RIGHT]))
    here.engines = []
    here.work()
    (work,) = here.shop.store.all()
    here.now += timedelta(days=2)
    here.engines = [ScriptedEngine(REPORT, [proposal("    return sum(prices[:])\n")])]

    here.order("approve", work.id)

    ids = [record.data["patch"] for record in here.shop.trail.records(event="applied")]
    assert len(ids) == len(set(ids)) == 2


def test_a_busy_journal_does_not_turn_a_standing_patch_into_work(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is frozen and stays so; the next worker clears the journal."""
    here = place('autonomy = "apply-any"\n' + UNHEALTHY)
    monkeypatch.setattr("daemon.road.settle.take_back", lambda done, trouble, job: "it cannot")
    with monkeypatch.context() as patched:
        patched.setattr("daemon.desk.finish.forget", busy)
        with pytest.raises(Exception, match="came to its end"):
            here.mend(ScriptedEngine(REPORT, [RIGHT]))
    here.engines = []

    here.work()

    (work,) = here.shop.store.all()
    assert work.state is State.FROZEN and not open_changes(here.shop.journal)


def busy(*_: object) -> None:
    raise JournalBusy("another process holds it")


def given(here: Place, work: Work, kind: Any, *, zone: bool = True) -> None:
    """An order of this moment."""
    time = here.now if zone else here.now.replace(tzinfo=None)
    order = Order(kind=kind, id=work.id, by="ada", time=time.isoformat(), reason="so")
    give_order(here.shop.state, order)
