"""The story, told with a scripted engine and real tests in a local copy."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from daemon.apply import CannotApply, StoppedByKillSwitch
from daemon.desk.intake import take_in
from daemon.desk.orders import Order, give_order
from daemon.engines import BugReport, Declined, NoPatch, Proposal, Reproduction
from daemon.road.baseline import UnusableBaseline
from daemon.worker import DONE, STOPPED
from reflections.store import State
from sandbox.errors import EngineUnavailable
from sandbox.patch import Hunk, Patch
from tests.fakes import ScriptedEngine
from tests.place import CODE, FIXED, NOTE, REPORT, RIGHT, WRONG, Place, proposal


def raising(error: Exception) -> Callable[..., Any]:
    """A function that raises, whatever it is called with."""

    def function(*_: object, **__: object) -> None:
        raise error

    return function


def test_a_right_patch_is_proven_and_applied(place: Callable[..., Place]) -> None:
    """Received to applied, each step in the trail, the store empty at the end."""
    here = place()

    assert here.mend(ScriptedEngine(REPORT, [RIGHT])) == DONE

    assert here.file.read_text() == FIXED
    assert here.events() == [
        "received", "baseline", "reported", "reproduced", "proposed", "trial", "applied",
    ]  # fmt: skip
    assert here.last("applied")["evidence"] == "proven"
    assert here.shop.store.all() == []


def test_a_wrong_patch_becomes_feedback(place: Callable[..., Place]) -> None:
    """The engine hears which tests failed, and its second patch is applied."""
    here = place()
    engine = ScriptedEngine(REPORT, [WRONG, RIGHT])

    here.mend(engine)

    assert engine.heard[0] is None
    assert engine.heard[1] is not None and "test_total" in engine.heard[1].reason
    assert here.file.read_text() == FIXED


def test_attempts_run_out_and_the_module_stays(place: Callable[..., Place]) -> None:
    """Three wrong patches, no advice: rejected, with a report, nothing changed."""
    here = place()

    here.mend(ScriptedEngine(REPORT, [WRONG] * 3))

    assert here.file.read_text() == CODE
    assert here.events()[-1] == "rejected"
    assert next((here.shop.reports).glob("*.md")).read_text().count("## Attempt") == 3


def test_self_diagnosis_starts_one_fresh_cycle(place: Callable[..., Place]) -> None:
    """The engine reads its own attempts; its advice opens the next session."""
    here = place()
    engine = ScriptedEngine(REPORT, [WRONG, WRONG, WRONG, RIGHT], advice="do not slice")

    here.mend(engine)

    assert "Attempt 3" in engine.read[0]
    assert engine.cases[1].advice == "do not slice"
    assert here.file.read_text() == FIXED


def test_a_refusing_gate_counts_as_an_attempt_and_is_recorded(place: Callable[..., Place]) -> None:
    """A patch that swallows everything never reaches a trial."""
    here = place()
    cheat = proposal("    try:\n        return sum(prices)\n    except Exception:\n        pass\n")

    here.mend(ScriptedEngine(REPORT, [cheat, RIGHT]))

    assert here.last("gate_refused")["gate"] == "policy"
    assert here.events().count("trial") == 1


def test_rivals_make_the_bug_ambiguous_and_hold_it(place: Callable[..., Place]) -> None:
    """Two patches that pass but differ are shown to a person; neither is applied."""
    here = place()

    here.mend(ScriptedEngine(REPORT, [proposal("    return sum(prices)\n", "    return 3\n")]))

    assert here.file.read_text() == CODE
    held = here.shop.store.all()[0]
    assert held.state is State.HELD and "ambiguous" in held.data["reason"]
    assert len(held.data["rival_diffs"]) == 1


def test_a_patch_its_own_engine_doubts_is_held(place: Callable[..., Place]) -> None:
    """It passes every test and has no rival; a person looks first all the same."""
    here = place()

    here.mend(ScriptedEngine(REPORT, [replace(RIGHT, doubt="it contradicts an example")]))

    assert here.file.read_text() == CODE
    held = here.shop.store.all()[0]
    assert held.state is State.HELD
    assert held.data["reason"] == "doubtful: it contradicts an example"


def test_without_a_failing_test_a_patch_is_held(place: Callable[..., Place]) -> None:
    """regression-only evidence is not enough for apply-proven, and is for apply-any."""
    report = BugReport(filename="shop.py", function="least", summary="least fails for []")
    hunk = Hunk(
        filename="shop.py",
        first_line=6,
        last_line=6,
        original="    return min(prices)\n",
        replacement="    return min(prices, default=0)\n",
    )
    patch = Proposal(patch=Patch(hunks=(hunk,), rationale="guard"))
    here = place()

    here.mend(ScriptedEngine(report, [patch]))

    assert here.last("held")["evidence"] == "regression-only"
    assert here.file.read_text() == CODE


def test_apply_any_applies_regression_only(place: Callable[..., Place]) -> None:
    """A target may ask for more daring."""
    report = BugReport(filename="shop.py", function="total", summary="tidy up")
    here = place('autonomy = "apply-any"')

    here.mend(ScriptedEngine(report, [RIGHT]))

    assert here.last("applied")["evidence"] == "regression-only"


def test_a_written_test_that_fails_now_makes_the_evidence_reproduced(
    place: Callable[..., Place],
) -> None:
    """The engine's own test must fail before and pass after; it stays out of the module."""
    report = BugReport(filename="shop.py", function="total", summary="forgets the first")
    code = "from shop import total\n\n\ndef test_one():\n    assert total([7]) == 7\n"
    weak = Reproduction(filename="x.py", code="def test_ok():\n    pass\n", explanation="")
    good = Reproduction(filename="x.py", code=code, explanation="one price")
    here = place()

    here.mend(ScriptedEngine(report, [RIGHT], tests=[weak, good]))

    assert here.last("applied")["evidence"] == "reproduced"
    assert sorted(path.name for path in here.module.glob("*.py")) == ["shop.py", "test_shop.py"]


def test_a_written_test_is_kept_when_the_target_wants_it(place: Callable[..., Place]) -> None:
    """keep_reproduction_tests adds it beside the other tests, in the same change."""
    report = BugReport(filename="shop.py", function="total", summary="forgets the first")
    code = "from shop import total\n\n\ndef test_one():\n    assert total([7]) == 7\n"
    test = Reproduction(filename="x.py", code=code, explanation="one price")
    here = place("keep_reproduction_tests = true")

    here.mend(ScriptedEngine(report, [RIGHT], tests=[test]))

    assert next(here.module.glob("test_mendd_*.py")).read_text() == code


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (Declined(category="not_a_bug", reason="works as told"), "works as told"),
        (BugReport(filename="gone.py", function=None, summary=""), "no file 'gone.py'"),
        (BugReport(filename="shop.py", function="totl", summary=""), "its names are: total"),
        (BugReport(filename="test_shop.py", function=None, summary=""), "protected"),
    ],
)
def test_a_report_that_does_not_fit_is_declined(
    place: Callable[..., Place], report: BugReport | Declined, said: str
) -> None:
    """Declining is a normal end, whoever finds the reason."""
    here = place()

    here.mend(ScriptedEngine(report, []))

    assert said in here.last("declined")["reason"]


def test_the_next_engine_gets_the_first_ones_hints(place: Callable[..., Place]) -> None:
    """`auto`: what the search suspects goes into the model's case."""
    here = place()
    first = ScriptedEngine(REPORT, [NoPatch(reason="none fits", suspicious=("shop.py:2 sum",))])
    second = ScriptedEngine(REPORT, [RIGHT], name="claude")

    here.mend(first, second)

    assert "shop.py:2 sum" in second.cases[0].advice
    assert here.last("applied")["engine"] == "claude"


def test_an_outage_uses_up_no_attempt_and_waits_longer_each_time(
    place: Callable[..., Place],
) -> None:
    """No Docker: failed is recorded, the work waits, and is mended once Docker is back."""
    here = place()
    here.sandbox.broken = EngineUnavailable("no engine answers")
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    waiting = here.shop.store.all()[0]
    assert waiting.state is State.WAITING and waiting.attempts == 0
    assert here.last("failed")["reason"] == "no engine answers"

    here.sandbox.broken = None
    assert here.work() == DONE
    assert here.file.read_text() == CODE, "not before its time"
    here.now = waiting.not_before or here.now
    here.work()

    assert here.file.read_text() == FIXED


def test_the_kill_switch_stops_before_anything_is_applied(place: Callable[..., Place]) -> None:
    """Thrown during the trial: nothing is applied, the work stays open, later it is mended."""
    here = place()
    here.sandbox.before_run = lambda: bool(here.shop.kill_switch.throw("enough", "me"))

    assert here.mend(ScriptedEngine(REPORT, [RIGHT])) == STOPPED
    assert here.file.read_text() == CODE
    assert [work.state for work in here.shop.store.all()] == [State.OPEN]

    here.sandbox.before_run = lambda: None
    here.shop.kill_switch.lift()
    here.engines = [ScriptedEngine(REPORT, [RIGHT])]
    assert here.work() == DONE
    assert here.file.read_text() == FIXED


def test_an_engine_that_breaks_does_not_stop_the_others(place: Callable[..., Place]) -> None:
    """The cycle's edge: a defect of ours is recorded and the work is not lost."""
    here = place()

    here.mend(ScriptedEngine(REPORT, []))

    assert "IndexError" in here.last("failed")["reason"]
    assert here.shop.store.all()[0].state is State.WAITING


def test_the_same_failure_after_a_patch_came_back(place: Callable[..., Place]) -> None:
    """A second note after the patch means that it did not hold."""
    here = place()
    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    here.mend(
        ScriptedEngine(Declined(category="not_a_bug", reason="now fine"), []),
        note={**NOTE, "timestamp": "2026-11-21T10:00:00Z"},
    )

    assert "came_back" in here.events()


def test_an_unhealthy_service_gets_its_old_code_back(place: Callable[..., Place]) -> None:
    """health fails after the patch: reverted at once, frozen for a person."""
    here = place('health = ["false"]\nhealth_s = 0')

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.file.read_text() == CODE
    assert here.events()[-2:] == ["applied", "reverted"]
    assert here.shop.store.all()[0].state is State.FROZEN


def test_what_a_failing_command_said_is_told(place: Callable[..., Place]) -> None:
    """The end of it; the patch is taken back."""
    here = place('on_applied = ["sh", "-c", "echo no such unit >&2; exit 5"]')

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.file.read_text() == CODE
    assert here.last("reverted")["reason"] == "on_applied failed: sh ended with 5: no such unit"


def test_a_patch_that_undoes_an_earlier_one_is_frozen(place: Callable[..., Place]) -> None:
    """Oscillation waits for a person, whatever the tests say."""
    here = place()
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    here.file.write_text(CODE)

    here.mend(ScriptedEngine(REPORT, [RIGHT]), note={**NOTE, "timestamp": "2026-11-22T10:00:00Z"})

    assert here.last("frozen")["reason"].startswith("it is the same as patch")
    assert here.file.read_text() == CODE


def test_an_approved_patch_is_proven_again_and_applied(place: Callable[..., Place]) -> None:
    """Approval is an order; the worker tries the patch on the module as it is now."""
    here = place('autonomy = "propose"')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    held = here.shop.store.all()[0]
    (here.module / "new.py").write_text("x = 1\n")

    order = Order(kind="approve", id=held.id, by="ada", time=here.now.isoformat())
    give_order(here.shop.state, order)
    here.work()

    assert here.file.read_text() == FIXED
    assert here.last("approved")["by"] == "ada"
    assert here.shop.store.all() == []


@pytest.mark.parametrize("trouble", [EngineUnavailable("no engine"), UnusableBaseline("it hangs")])
def test_an_approval_that_cannot_be_tried_now_leaves_the_patch_held(
    place: Callable[..., Place], trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is answered, the patch waits for the next one, and other work goes on."""
    here = place('autonomy = "propose"')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    held = here.shop.store.all()[0]
    monkeypatch.setattr("daemon.desk.obey.prove_and_apply", raising(trouble))

    order = Order(kind="approve", id=held.id, by="ada", time=here.now.isoformat())
    give_order(here.shop.state, order)

    assert here.work() == DONE
    assert here.last("ordered")["outcome"].startswith(f"could not be carried out: {trouble}")
    assert here.shop.store.all()[0].state is State.HELD
    assert not list((here.shop.state / "orders").iterdir())


def test_a_revert_that_cannot_be_written_is_answered(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk must not make one order stop every worker at its start."""
    here = place()
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    done = next(iter(here.shop.store.archived(1)))
    full = CannotApply("shop.py could not be written: No space left on device")
    monkeypatch.setattr("daemon.desk.obey.revert_change", raising(full))

    order = Order(kind="revert", id=done["id"], by="ada", time=here.now.isoformat())
    give_order(here.shop.state, order)

    assert here.work() == DONE
    assert "No space left on device" in here.last("ordered")["outcome"]
    assert here.file.read_text() == FIXED


def test_the_kill_switch_during_a_revert_keeps_the_order(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is carried out when the switch is lifted."""
    here = place()
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    done = next(iter(here.shop.store.archived(1)))
    monkeypatch.setattr("daemon.desk.obey.revert_change", lambda *_, **__: StoppedByKillSwitch())

    order = Order(kind="revert", id=done["id"], by="ada", time=here.now.isoformat())
    give_order(here.shop.state, order)

    assert here.work() == STOPPED
    assert len(list((here.shop.state / "orders").iterdir())) == 1


def test_a_person_chooses_between_rivals(place: Callable[..., Place]) -> None:
    """`approve --choice 1` applies the rival."""
    here = place()
    rival = "    return sum(price for price in prices)\n"
    here.mend(ScriptedEngine(REPORT, [proposal("    return sum(prices)\n", rival)]))
    held = here.shop.store.all()[0]

    order = Order(kind="approve", id=held.id, by="ada", time=here.now.isoformat(), choice=1)
    give_order(here.shop.state, order)
    here.work()

    assert rival in here.file.read_text()


def test_an_applied_patch_is_reverted_on_order(place: Callable[..., Place]) -> None:
    """The original comes back byte for byte, and the trail says who asked."""
    here = place()
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    done = next(iter(here.shop.store.archived(1)))

    order = Order(kind="revert", id=done["id"], by="ada", time=here.now.isoformat(), reason="no")
    give_order(here.shop.state, order)
    here.work()

    assert here.file.read_text() == CODE
    assert here.last("reverted")["by"] == "ada"


def test_two_notes_on_one_failure_are_one_piece_of_work(place: Callable[..., Place]) -> None:
    """The second joins the first and raises its priority."""
    here = place()
    here.drop(name="a.json")
    here.drop({**NOTE, "timestamp": "2026-11-19T10:00:00Z"}, name="b.json")

    take_in(here.shop, ["a.json", "b.json"])

    (work_item,) = here.shop.store.all()
    assert (work_item.seen, work_item.priority) == (2, 1)


class Crash(BaseException):
    """Stands for the death of the process at one point."""


@pytest.mark.parametrize(
    "point",
    [
        "daemon.road.chronicle.Chronicle.applied",
        "daemon.road.settle.remember",
        "reflections.store.Store.finish",
    ],
)
def test_a_crash_after_the_change_loses_no_record(
    place: Callable[..., Place], point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was not recorded when the process died is recorded once at the next start."""
    here = place()

    def crash(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as dying:
        dying.setattr(point, crash)
        with pytest.raises(Crash):
            here.mend(ScriptedEngine(REPORT, [RIGHT]))
    assert here.file.read_text() == FIXED

    here.engines = []
    here.work()

    assert here.events().count("applied") == 1
    assert here.shop.store.all() == []
    assert next(iter(here.shop.store.archived(1)))["verdict"] == "applied"
    assert here.file.read_text() == FIXED


def test_a_reverted_patch_is_not_reverted_twice_after_a_crash(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live check took the patch back and the process died before saying so."""
    here = place('health = ["false"]\nhealth_s = 0')

    def crash(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as dying:
        dying.setattr("daemon.road.chronicle.Chronicle.reverted", crash)
        with pytest.raises(Crash):
            here.mend(ScriptedEngine(REPORT, [RIGHT]))
    here.engines = [ScriptedEngine(REPORT, [RIGHT])]
    here.work()

    assert here.file.read_text() == CODE
    assert here.events().count("reverted") == 1
    assert here.shop.store.all()[0].state is State.FROZEN
