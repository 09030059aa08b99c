"""What becomes of a proven patch when the world moves on, or the live check says no."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from daemon.apply import CannotApply
from daemon.engines import Baseline
from daemon.killswitch import StopSignal
from daemon.road import baseline as measuring
from reflections.store import State
from tests.fakes import ScriptedEngine
from tests.place import CODE, FIXED, NOTE, REPORT, RIGHT, Place, proposal

EDITED = "\n\nNEW = 1\n"
TARGET_TEST = str(REPORT.failing_test)


def edit_during_trial(here: Place, also: Callable[[], None] = lambda: None) -> None:
    """A person saves the file while the patch is tried: the run after the baseline's two."""
    runs = iter(range(1000))

    def save() -> None:
        if next(runs) == 2:
            here.file.write_text(CODE + EDITED)
            also()

    here.sandbox.before_run = save


def test_a_patch_tried_again_is_on_record(place: Callable[..., Place]) -> None:
    """The second trial is what the change rests on, so the trail has it too."""
    here = place()
    edit_during_trial(here)

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.file.read_text() == FIXED + EDITED
    assert here.events()[-4:] == ["trial", "changed_meanwhile", "trial", "applied"]


def test_a_patch_that_loses_its_proof_meanwhile_is_held(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the edit the target test became flaky: what is left is regression-only."""
    here = place()
    measure = measuring.baseline

    def flaky(*arguments: Any, **more: Any) -> Baseline:
        found = measure(*arguments, **more)
        stable = {t: was for t, was in found.outcomes.items() if t != TARGET_TEST}
        return replace(found, outcomes=stable, flaky=(TARGET_TEST,))

    edit_during_trial(here, lambda: monkeypatch.setattr("daemon.road.job.baseline", flaky))
    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.file.read_text() == CODE + EDITED
    assert here.shop.store.all()[0].state is State.HELD
    assert here.last("held")["evidence"] == "regression-only"


def unhealthy_and_edited(place: Callable[..., Place]) -> Place:
    """A patch whose live check fails, in a file that was edited since: it cannot be taken back."""
    here = place('health = ["sh", "-c", "echo >> shop.py; false"]\nhealth_s = 0')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    return here


def test_a_patch_that_cannot_be_taken_back_is_not_said_to_be(place: Callable[..., Place]) -> None:
    """The trail had "reverted" as the ending of code that stood."""
    here = unhealthy_and_edited(place)

    assert here.file.read_text() == FIXED + "\n"
    assert here.events()[-3:] == ["applied", "revert_refused", "frozen"]
    assert "still stands" in here.shop.store.all()[0].data["reason"]


def test_a_disk_that_fails_at_taking_back_freezes_the_work(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not mended afresh on top of a patch that failed."""
    here = place('health = ["false"]\nhealth_s = 0')

    def full(*_: object, **__: object) -> None:
        raise CannotApply("No space left on device")

    monkeypatch.setattr("daemon.road.live.revert_change", full)
    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.events()[-3:] == ["applied", "revert_refused", "frozen"]
    assert here.shop.store.all()[0].state is State.FROZEN


def test_a_patch_that_stands_frozen_can_be_reverted(place: Callable[..., Place]) -> None:
    """Once the file is as mendd wrote it, `mendd revert` finds the patch, and closes the work."""
    here = unhealthy_and_edited(place)
    here.file.write_text(FIXED)
    (frozen,) = here.shop.store.all()

    here.order("revert", frozen.id)

    assert here.last("ordered")["outcome"] == "reverted"
    assert here.file.read_text() == CODE
    assert here.shop.store.all() == []


def test_a_patch_that_stands_frozen_can_be_kept(place: Callable[..., Place]) -> None:
    """Approving it closes the work as applied; it stays revertable."""
    here = unhealthy_and_edited(place)
    (frozen,) = here.shop.store.all()

    here.order("approve", frozen.id)

    kept = here.shop.store.find_archived(frozen.id)
    assert kept is not None
    assert (kept["verdict"], "applied" in kept["extra"]) == ("applied", True)
    assert here.last("approved")["by"] == "ada"
    assert here.events().count("applied") == 1


def test_a_patch_that_stands_frozen_is_not_rejected_in_words_only(
    place: Callable[..., Place],
) -> None:
    """Rejecting would close the work, and leave the code as it is."""
    here = unhealthy_and_edited(place)
    (frozen,) = here.shop.store.all()

    here.order("reject", frozen.id)

    assert "mendd revert" in here.last("ordered")["outcome"]
    assert here.shop.store.all() == [frozen]


def test_a_commit_on_a_branch_of_its_own_is_not_watched(place: Callable[..., Place]) -> None:
    """Nothing live has changed: no restart, and no blame for what was unhealthy before."""
    here = place('git = "branch"\nhealth = ["false"]\nhealth_s = 0\non_applied = ["false"]')
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "start"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *words], cwd=here.module, check=True)

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert here.events()[-1] == "applied"
    assert here.file.read_text() == CODE


def test_a_service_started_by_on_applied_is_no_trouble(place: Callable[..., Place]) -> None:
    """`… &` keeps the output open and goes on; that took 60 s and the patch back."""
    here = place('on_applied = ["sh", "-c", "sleep 30 & echo $! > ../pid"]')
    begin = time.monotonic()

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    subprocess.run(["kill", (here.folder / "pid").read_text().strip()], check=True)
    assert here.events()[-1] == "applied"
    assert time.monotonic() - begin < 25


def came_back(place: Callable[..., Place], autonomy: str) -> Place:
    """A patch was applied and taken out again by somebody; the failure is noted a second time."""
    here = place(f'autonomy = "{autonomy}"')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    here.file.write_text(CODE)
    other = proposal("    return sum(price for price in prices)\n")
    note = {**NOTE, "timestamp": "2026-11-22T10:00:00Z"}
    here.mend(ScriptedEngine(REPORT, [other]), note=note)
    return here


def test_a_failure_that_came_back_is_trusted_less(place: Callable[..., Place]) -> None:
    """The last fix did not hold, so a person looks at the next, proven as it is."""
    here = came_back(place, "apply-proven")

    assert here.file.read_text() == CODE
    assert "came back" in here.last("held")["reason"]


def test_apply_any_is_one_step_less_as_well(place: Callable[..., Place]) -> None:
    """Then only what is proven is applied."""
    here = came_back(place, "apply-any")

    assert here.events()[-1] == "applied"
    assert here.last("applied")["evidence"] == "proven"


def test_a_revert_by_order_tells_the_service_too(place: Callable[..., Place]) -> None:
    """As the live check's own does: else the old code stands, and the new one runs on."""
    here = place('on_applied = ["sh", "-c", "cat shop.py >> ../told"]')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    done = next(iter(here.shop.store.archived(1)))

    here.order("revert", done["id"])

    assert (here.folder / "told").read_text() == FIXED + CODE
    assert here.last("ordered")["outcome"] == "reverted"


def test_a_revert_says_when_the_service_could_not_be_told(place: Callable[..., Place]) -> None:
    """The code is the old one; that the service runs it is for a person to see to."""
    here = place('on_applied = ["sh", "-c", "test ! -e ../told && touch ../told"]')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    done = next(iter(here.shop.store.archived(1)))

    here.order("revert", done["id"])

    assert here.file.read_text() == CODE
    assert here.last("ordered")["outcome"] == "reverted; but on_applied failed: sh ended with 1"


def test_an_interrupted_live_check_is_not_passed_over(place: Callable[..., Place]) -> None:
    """The switch came while health was watched: what stands is told, with what was not seen."""
    here = place('health = ["sh", "-c", "touch ../state/KILL"]\nhealth_s = 30')
    here.shop.stop.listen(signals=False)
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    assert here.file.read_text() == FIXED

    here.shop.kill_switch.lift()
    here.shop = replace(here.shop, stop=StopSignal(here.shop.kill_switch))
    here.work()

    assert "live check may not have come to an end" in here.last("recovered")["what"]
