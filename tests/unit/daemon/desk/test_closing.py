"""A work ends once in the trail, wherever the worker dies between its record and the store."""

import errno
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from daemon.desk import closing
from daemon.engines import Declined, NoPatch
from reflections.errors import StoreUnwritable
from reflections.store import State, Store
from tests.fakes import ScriptedEngine
from tests.place import NOTE, REPORT, RIGHT, Death, Place, dies


def rejecting() -> ScriptedEngine:
    return ScriptedEngine(REPORT, [NoPatch(reason="nothing fits", suspicious=())])


def declining() -> ScriptedEngine:
    return ScriptedEngine(Declined(category="not_a_bug", reason="as it should be"), [])


def holding() -> ScriptedEngine:
    return ScriptedEngine(REPORT, [RIGHT])


HELD = 'autonomy = "propose"'
ODD = (
    '{"work": "a", "target": null, "verdict": "rejected", "reason": "", "event": "rejected", '
    '"told": {}, "stays": "", "data": {}, "state": "open", "attempts": 0, "after": 0, "changes": 3}'
)


@pytest.mark.parametrize("step", ["write", "save_report", "put_away", "over"])
@pytest.mark.parametrize(
    ("event", "engine", "target"),
    [("rejected", rejecting, ""), ("declined", declining, ""), ("held", holding, HELD)],
)
def test_an_end_is_recorded_once_wherever_the_worker_dies(
    place: Callable[..., Place],
    monkeypatch: pytest.MonkeyPatch,
    event: str,
    engine: Callable[[], ScriptedEngine],
    target: str,
    step: str,
) -> None:
    """Before its record, before its report, before the store, before it is forgotten."""
    here = place(target)
    owner = "daemon.desk.finish" if step in ("put_away", "over") else "daemon.road.chronicle"
    name = f"Chronicle.{step}" if owner.endswith("chronicle") else step
    with monkeypatch.context() as patched:
        if step == "write":
            only_at(event, patched)
        else:
            patched.setattr(f"{owner}.{name}", dies)
        with pytest.raises(Death):
            here.mend(engine())
    asked = list(here.events())

    here.engines = []  # asked again, it would find nobody
    assert here.work() == 0

    assert here.events().count(event) == 1
    assert [each for each in here.events()[len(asked) :] if each in ("baseline", "proposed")] == []
    assert ended(here) == ("held" if event == "held" else event)
    assert closing.announced(here.shop.state) is None
    (report,) = here.shop.reports.glob("*.md")
    assert event in report.read_text()


def test_a_report_that_cannot_be_written_keeps_no_work_from_its_end(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked again for it, and the target's breaker hears of the rejection."""
    here = place("[breaker]\nfailures = 1\n")
    with monkeypatch.context() as patched:
        patched.setattr("daemon.road.chronicle.save_report", full)
        here.mend(rejecting())

    assert here.events().count("rejected") == 1 and "failed" not in here.events()
    assert ended(here) == "rejected"
    assert here.shop.breakers.paused()


def test_a_store_that_is_full_in_the_end_postpones_nothing(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pass ends, the end is recorded; the next worker brings the store up to it."""
    here = place()
    with monkeypatch.context() as patched:
        patched.setattr("daemon.desk.finish.put_away", full)
        with pytest.raises(StoreUnwritable, match="came to its end"):
            here.mend(rejecting())
    here.engines = []

    here.work()

    assert here.events().count("rejected") == 1 and "failed" not in here.events()
    assert ended(here) == "rejected"


def test_a_defect_in_one_works_end_stops_no_other(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that cannot be made stopped every worker there was, for ever."""
    here = place()
    monkeypatch.setattr("audit.report.markdown_report", broken)
    monkeypatch.setattr("daemon.road.chronicle.markdown_report", broken)
    here.mend(rejecting())
    assert ended(here) == "rejected"

    with monkeypatch.context() as patched:
        patched.setattr("daemon.desk.finish.put_away", dies)
        with pytest.raises(Death):
            here.mend(rejecting(), note={**NOTE, "reflection": "least in shop.py errs"})
    monkeypatch.setattr("daemon.desk.recovery.put_away", broken)
    here.engines = [rejecting()]

    assert here.work() == 0
    assert closing.announced(here.shop.state) is None


@pytest.mark.parametrize(
    "step",
    [
        "daemon.road.chronicle.Chronicle.save_report",
        "daemon.desk.finish.put_away",
        "daemon.desk.finish.forget",
    ],
)
def test_a_patch_that_stands_unhealthy_waits_for_a_person_after_a_crash(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """It is frozen, not done: the journal's change was archived as applied."""
    here = place('autonomy = "apply-any"\nhealth = ["false"]\nhealth_s = 0\n')
    monkeypatch.setattr("daemon.road.settle.take_back", lambda done, trouble, job: "it cannot")
    with monkeypatch.context() as patched:
        patched.setattr(step, dies)
        with pytest.raises(Death):
            here.mend(ScriptedEngine(REPORT, [RIGHT]))
    here.engines = []

    here.work()

    (work,) = here.shop.store.all()
    assert work.state is State.FROZEN and work.data["applied"]["files"] == ["shop.py"]
    assert here.events().count("applied") == here.events().count("frozen") == 1


def test_an_order_that_a_crash_cut_off_is_answered_rightly(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had been carried out: the next worker finds the order, and nothing to reject."""
    here = place(HELD)
    here.mend(holding())
    (work,) = here.shop.store.all()
    with monkeypatch.context() as patched:
        patched.setattr("daemon.desk.finish.put_away", dies)
        with pytest.raises(Death):
            here.order("reject", work.id)

    here.work()

    assert here.last("ordered")["outcome"] == "rejected"
    assert here.events().count("rejected") == 1


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "no space left")


def only_at(event: str, patched: pytest.MonkeyPatch) -> None:
    """Die instead of writing this record."""
    from daemon.road.chronicle import Chronicle

    write = Chronicle.write

    def written(self: Chronicle, name: str, **data: Any) -> None:
        if name == event:
            raise Death
        write(self, name, **data)

    patched.setattr(Chronicle, "write", written)


def ended(here: Place) -> str:
    """Where the one note came to."""
    store = Store(here.shop.state)
    states = [work.state.value for work in store.all()]
    states += [each["verdict"] for each in store.archived()]
    (state,) = states
    return str(state)


def test_a_held_patch_survives_with_its_end(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approving it applies it: nothing was tried a second time for it."""
    here = place(HELD)
    with monkeypatch.context() as patched:
        patched.setattr("daemon.desk.finish.put_away", dies)
        with pytest.raises(Death):
            here.mend(holding())
    here.engines = []
    here.work()

    (work,) = here.shop.store.all()
    assert work.attempts == 1 and "diff" in work.data
    here.order("approve", work.id)

    assert here.last("applied")["files"] == ["shop.py"]


def test_an_end_announced_for_work_that_went_on_is_forgotten(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that lost power may bring back an announcement that was over."""
    here = place()
    kept: list[closing.Closing] = []
    announce = closing.announce

    def announced(this: closing.Closing, state: Any) -> None:
        kept.append(this)
        announce(this, state)

    monkeypatch.setattr("daemon.desk.finish.announce", announced)
    here.mend(rejecting())
    before = here.events()
    announce(kept[0], here.shop.state)
    announce(replace(kept[0], work="nobody"), here.shop.state)

    here.work()

    assert here.events() == before
    assert closing.announced(here.shop.state) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"work": 5}', '{"work": "a"}', ODD])
def test_an_announcement_that_cannot_be_read_is_none(
    place: Callable[..., Place], content: str
) -> None:
    """The work is done again then, as it was before there were any."""
    here = place()
    (here.shop.state / closing.FILENAME).parent.mkdir(exist_ok=True)
    (here.shop.state / closing.FILENAME).write_text(content)

    assert here.mend(rejecting()) == 0
    assert here.events().count("rejected") == 1


def test_work_that_breaks_the_cycle_is_frozen_once(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fifth break, and the worker dies before the store knows."""
    here = place()
    here.drop()
    monkeypatch.setattr("daemon.worker.MOST_BREAKS", 1)
    monkeypatch.setattr("daemon.worker.lane_of", broken)
    with monkeypatch.context() as patched:
        patched.setattr("daemon.desk.finish.put_away", dies)
        with pytest.raises(Death):
            here.work()

    here.work()

    assert here.events().count("frozen") == 1
    (work,) = here.shop.store.all()
    assert work.state is State.FROZEN


def broken(*_: object) -> None:
    raise ZeroDivisionError
