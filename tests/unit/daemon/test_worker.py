"""The cycle's edge: what breaks is recorded, not tried for ever, and stops nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from daemon.worker import DONE, MOST_BREAKS, STOPPED, work
from reflections.store import State
from sandbox.errors import EngineUnavailable, SandboxDied
from sandbox.module import Module
from tests.fakes import LocalBench, ScriptedEngine
from tests.place import CODE, FIXED, NOTE, REPORT, RIGHT, Place


def raising(error: BaseException) -> Callable[..., Any]:
    """A function that raises, whatever it is called with."""

    def function(*_: object, **__: object) -> None:
        raise error

    return function


def test_work_that_breaks_the_cycle_again_and_again_is_left_to_a_person(
    place: Callable[..., Place],
) -> None:
    """It was taken up every hour for ever, each time with all its tests and a model's cost."""
    here = place()
    here.mend(ScriptedEngine(REPORT, []))  # a defect of ours: IndexError

    for _ in range(MOST_BREAKS * 2):
        here.now += timedelta(hours=2)
        here.work()

    (frozen,) = here.shop.store.all()
    assert frozen.state is State.FROZEN and "IndexError" in frozen.data["reason"]
    assert here.events().count("failed") == MOST_BREAKS - 1
    assert here.events()[-1] == "frozen"


def test_frozen_work_may_start_afresh(place: Callable[..., Place]) -> None:
    """With the defect mended, a person's approval is all it takes."""
    here = place()
    here.mend(ScriptedEngine(REPORT, []))
    for _ in range(MOST_BREAKS):
        here.now += timedelta(hours=2)
        here.work()

    here.engines = [ScriptedEngine(REPORT, [RIGHT])]
    here.order("approve", here.shop.store.all()[0].id)
    here.now += timedelta(hours=2)
    here.work()

    assert here.file.read_text() == FIXED


def test_an_outage_is_waited_for_however_long_it_takes(place: Callable[..., Place]) -> None:
    """No Docker for days is no defect: the work is never given up."""
    here = place()
    here.sandbox.broken = EngineUnavailable("no engine answers")
    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    for _ in range(MOST_BREAKS * 2):
        here.now += timedelta(hours=2)
        here.work()

    assert here.shop.store.all()[0].state is State.WAITING


def test_a_note_that_breaks_the_choice_of_its_target_stops_nothing_else(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That choice was made outside the edge, so the worker died, and died again at each start."""
    here = place()
    monkeypatch.setattr("daemon.worker.target_of", raising(RuntimeError("odd note")))

    assert here.mend(ScriptedEngine(REPORT, [RIGHT])) == DONE

    assert here.last("failed")["reason"] == "RuntimeError: odd note"
    assert here.shop.store.all()[0].state is State.WAITING


def test_what_an_error_left_unrecorded_is_settled_before_the_next_work(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change stood, its history could not be written: one pass records it and closes it."""
    here = place()
    with monkeypatch.context() as broken:
        broken.setattr("daemon.road.settle.remember", raising(OSError("No space left on device")))
        here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.file.read_text() == FIXED
    assert here.shop.store.all() == []
    assert here.events().count("applied") == 1


def test_a_change_that_cannot_be_settled_yet_is_not_recorded_each_time(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target whose disk is away for months: every worker's start told the trail so."""
    here = place()
    with monkeypatch.context() as dying:
        dying.setattr("daemon.road.chronicle.Chronicle.applied", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            here.mend(ScriptedEngine(REPORT, [RIGHT]))
    here.module.rename(here.folder / "away")
    here.work()
    here.work()
    assert "recovered" not in here.events()

    (here.folder / "away").rename(here.module)
    here.work()

    assert here.events().count("recovered") == here.events().count("applied") == 1
    assert here.last("applied")["certificate"]


def test_a_clock_that_was_years_ahead_keeps_no_work_waiting(place: Callable[..., Place]) -> None:
    """Set right, it leaves times that nothing waits for."""
    here = place()
    right = here.now
    here.now += timedelta(days=3650)
    here.sandbox.broken = EngineUnavailable("no engine answers")
    here.mend(ScriptedEngine(REPORT, [RIGHT]), note={**NOTE, "timestamp": right.isoformat()})
    assert here.file.read_text() == CODE

    here.now, here.sandbox.broken = right, None
    here.work()

    assert here.file.read_text() == FIXED


def test_a_clock_set_back_by_a_day_keeps_no_work_waiting_for_a_day(
    place: Callable[..., Place],
) -> None:
    """A retry that was a minute away became one that was a day and a minute away."""
    here = place()
    here.sandbox.broken = EngineUnavailable("no engine answers")
    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    here.now, here.sandbox.broken = here.now - timedelta(days=1), None
    here.work()

    assert here.file.read_text() == FIXED


@pytest.mark.parametrize("how", ["kill switch", "signal"])
def test_a_container_that_dies_of_the_switch_is_no_outage(
    place: Callable[..., Place], how: str
) -> None:
    """It may be gone a moment before the watching thread says why; no failure is on record."""
    here = place()

    def killed() -> None:
        if how == "signal":
            here.shop.stop._tell(15, None)
        else:
            here.shop.kill_switch.throw("enough", "me")
        raise SandboxDied("the trial's container was removed while it ran")

    here.sandbox.before_run = killed

    assert here.mend(ScriptedEngine(REPORT, [RIGHT])) == STOPPED
    assert "failed" not in here.events()
    assert here.shop.store.all()[0].state is State.OPEN


def test_containers_go_even_when_the_disk_is_full(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word left for the service is the last thing a worker writes."""
    here = place()
    closed: list[bool] = []
    monkeypatch.setattr(here.sandbox, "close", lambda: closed.append(True))
    monkeypatch.setattr("daemon.worker.write_due", raising(OSError("No space left on device")))

    with pytest.raises(OSError):
        here.work()

    assert closed


def test_a_suite_that_cannot_judge_is_run_once_for_all_that_waits(
    place: Callable[..., Place],
) -> None:
    """Thirty notes on a target whose suite hangs were an hour of hanging, every hour."""
    here = place()
    (here.module / "test_shop.py").unlink()
    runs: list[int] = []
    here.sandbox.before_run = lambda: runs.append(1)
    for number, words in enumerate(("total fails", "least is wrong", "an error in shop.py")):
        here.drop({**NOTE, "outcome": words, "reflection": words}, name=f"{number}.json")

    work(here.shop, complete=["0.json", "1.json", "2.json"])

    assert len(runs) == 2
    assert here.events().count("failed") == 3
    assert {item.state for item in here.shop.store.all()} == {State.WAITING}


def test_a_file_edited_while_it_is_diagnosed_is_begun_again_at_once(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first start meets a person's edit; the second works on what the module is now."""
    here = place()
    first = here.sandbox.prepare

    def edited_behind(module: Module) -> LocalBench:
        bench = first(module)
        if "# by Ada" not in here.file.read_text():
            here.file.write_text(CODE + "# by Ada\n")
        return bench

    monkeypatch.setattr(here.sandbox, "prepare", edited_behind)

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.file.read_text() == FIXED + "# by Ada\n"
    assert "failed" not in here.events()


def test_a_pass_comes_to_its_end_whatever_breaks_in_telling_of_it(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word for the service, when it is wanted next, was lost with it."""
    here = place()
    monkeypatch.setattr("daemon.worker.send_alerts", raising(RuntimeError("odd answer")))

    assert here.mend(ScriptedEngine(REPORT, [RIGHT])) == DONE
    assert (here.shop.state / "due.json").exists()
