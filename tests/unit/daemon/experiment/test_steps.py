"""A session step by step: what is kept, what is reverted, what is refused, and what is told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from daemon.engines import Declined, Proposal
from sandbox.patch import Patch
from tests.unit.daemon.experiment.conftest import ID, METRICS, SHOP, Researching, change

Make = Callable[..., Researching]
BETTER = change("COST = 100", "COST = 90", "fewer steps")


def given(old: str, new: str, *, line: int = 1, filename: str = "shop.py") -> dict[str, Any]:
    """A caller's edit as the step's arguments."""
    hunk = {"filename": filename, "start_line": line, "end_line": line}
    return {
        "hypothesis": "it helps",
        "hunks": [{**hunk, "original_code": f"{old}\n", "new_code": f"{new}\n"}],
    }


def taken(place: Researching, *answers: Any) -> str:
    """Set up, and one iteration with the first answer; what decide said."""
    place.script(*answers)
    place.step("setup")
    place.step("edit")
    place.step("run")
    return place.step("decide")


def test_the_setup_measures_the_unmodified_code_and_its_noise(researching: Make) -> None:
    """Several runs, the suite's own baseline, and the other metrics."""
    place = researching(jumps=(0, 2, 1))

    assert place.step("setup").startswith("done: setup: cost 101")
    event = place.last("experiment")
    assert (event["baseline"], event["runs"], event["others"]) == (
        101,
        [100, 102, 101],
        {"size": 5},
    )
    assert event["noise"] == pytest.approx(4.4478)
    assert place.session().gates.enforced["suite"] is True


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"metric": "nope"}, "has no metric 'nope'"),
        ({"pattern": "cost: (.*) (.*)", "command": ["true"]}, "it has 2"),
        (
            {"metric": "x", "command": ["python3", "bench.py"], "pattern": "speed: (.*)"},
            "cost: 100",
        ),
        ({"metric": "x", "command": ["false"], "pattern": "(.*)"}, "exit code"),
        ({"files": ["test_shop.py"]}, "protected"),
        ({"files": ["bench.py"]}, "is what measures"),
        ({"files": ["gone.py"]}, "no file of the target"),
        ({"iterations": 0}, "greater than or equal to 1"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_setup_that_cannot_work_is_refused_with_what_to_see(
    researching: Make, arguments: dict[str, Any], why: str
) -> None:
    """An unreadable metric shows the output; nothing stays open."""
    place = researching()

    outcome = place.step("setup", **arguments)

    assert outcome.startswith("refused: ")
    assert why in outcome
    assert place.shop.store.all() == []


def test_a_better_edit_becomes_a_commit_on_the_sessions_own_branch(researching: Make) -> None:
    """With gain and evidence in its message; the checked-out tree stays as it is."""
    place = researching()

    assert "edit 1 kept" in taken(place, BETTER)
    assert place.commits() == ["mendd: cost 100 -> 90: fewer steps"]
    assert place.file.read_text() == SHOP
    assert place.git("status", "--porcelain") == ""
    assert place.last("applied")["branch"].startswith("refs/heads/mendd/research-")
    assert place.session().best is not None
    assert all(place.session().gates.enforced.values())


def test_the_next_edit_builds_on_what_was_kept(researching: Make) -> None:
    """Engine and gates see it, runs hold it, and its commit stands upon the first."""
    place = researching()
    second = change("COST = 90", "COST = 80", "fewer still")
    engine = place.script(BETTER, second)
    place.step("setup")
    for _ in range(2):
        for step in ("edit", "run", "decide"):
            place.step(step)

    assert place.outcomes() == ["kept", "kept"]
    assert place.commits() == [
        "mendd: cost 90 -> 80: fewer still",
        "mendd: cost 100 -> 90: fewer steps",
    ]
    assert "COST = 90" in str(engine.cases[1].source.text("shop.py"))
    assert "edit 1, kept" in engine.cases[1].task.hints[0]


def test_an_edit_within_the_noise_is_reverted(researching: Make) -> None:
    """Better by 2 where the metric jumps by 4 says nothing."""
    place = researching(jumps=(0, 2, 1))

    assert "within the noise" in taken(place, change("COST = 100", "COST = 98"))
    assert place.outcomes() == ["reverted"]
    assert place.commits() == []


def test_a_lucky_first_run_is_not_confirmed(researching: Make) -> None:
    """The first run was 50 better; repeated in turn with the best so far it is not."""
    place = researching(jumps=(0, 0, 0, -50, 0, 0, 0, 0))

    assert "not confirmed" in taken(place, change("COST = 100", "COST = 100 + 0"))
    assert place.session().gates.rejections["confirmation"] == 1


def test_a_worse_edit_is_reverted(researching: Make) -> None:
    """And the words say by how much."""
    place = researching()

    assert "worse by 10" in taken(place, change("COST = 100", "COST = 110"))


def test_an_edit_that_breaks_the_suite_is_refused_by_that_gate(researching: Make) -> None:
    """However much better the metric is; counted, and told in the status."""
    place = researching()

    outcome = taken(place, change("COST = 100", "COST = -1"))

    assert "edit 1 refused: suite: 1 test that passed before now fails" in outcome
    assert place.session().gates.rejections["suite"] == 1
    assert "test_cost" in place.session().gates.last_reason
    assert place.commits() == []


def test_an_edit_that_makes_another_metric_worse_is_refused(researching: Make) -> None:
    """The other metrics of the baseline guard."""
    place = researching()
    both = change("COST = 100", "COST = 90\nSIZE = 1\n_ = 0")
    gone = change("SIZE = 5", "").patch.hunks
    both = Proposal(patch=Patch(hunks=(*both.patch.hunks, *gone), rationale="both"))

    assert "size is worse by 4 (5, now 1)" in taken(place, both)
    assert place.session().gates.rejections["metrics"] == 1


def test_a_crash_is_told_from_no_improvement(researching: Make) -> None:
    """With the end of its output."""
    place = researching()

    assert "edit 1 crashed: the run failed" in taken(place, change("COST = 100", "COST = 1 / 0"))
    assert "ZeroDivisionError" in place.session().tries[0].output


def test_an_edit_that_prints_the_metric_itself_is_refused(researching: Make) -> None:
    """The last match would count."""
    place = researching()
    cheat = change("COST = 100", 'COST = 100\nprint("cost: 1")')

    assert "cost 2 times instead of 1" in taken(place, cheat)
    assert place.outcomes() == ["refused"]


def test_the_evaluation_is_frozen(researching: Make) -> None:
    """An edit of what measures never gets as far as a run; the engine hears why."""
    place = researching("attempts = 2\n" + METRICS.replace('files = ["shop.py"]\n', ""))
    cheat = change('print(f"cost', "print('cost: 1')", filename="bench.py")
    engine = place.script(cheat, cheat)
    place.step("setup")

    outcome = place.step("edit")

    assert "edit 1 refused: gate scope: bench.py is protected" in outcome
    assert place.steps() == ["setup", "decide"]
    assert "bench.py is protected" in str(engine.heard[1])
    assert place.session().gates.rejections["policy"] == 2


def test_a_caller_may_give_the_edit(researching: Make) -> None:
    """Through the same gates; by whom is told."""
    place = researching()
    place.step("setup")

    assert place.step("edit", **given("COST = 100", "COST = 60")).startswith(
        "done: edit 1: it helps"
    )
    assert place.step("run") == "done: run: cost 60; next: decide"
    assert "kept" in place.step("decide")
    assert place.last("applied")["engine"] == "given"


def test_an_edit_whose_lines_do_not_fit_is_no_iteration(researching: Make) -> None:
    """The caller is shown the real lines."""
    place = researching()
    place.step("setup")

    outcome = place.step("edit", **given("COST = 7", "COST = 60"))

    assert outcome.startswith("refused: ")
    assert "COST = 100" in outcome
    assert place.session().tries == ()


@pytest.mark.parametrize("step", ["run", "decide", "dance"])
def test_a_step_that_is_not_due_is_refused(researching: Make, step: str) -> None:
    """With the one that is, or with those there are."""
    place = researching()
    place.step("setup")

    assert place.step(step).startswith("refused: ")
    assert place.session().next == "edit"


def test_an_engine_that_declines_has_had_its_iteration(researching: Make) -> None:
    """So a model without ideas comes to an end."""
    place = researching()
    place.script(Declined(category="not_enough_information", reason="no idea"))
    place.step("setup")

    assert "proposed nothing: no idea" in place.step("edit")
    assert place.outcomes() == ["refused"]


def test_without_a_model_constants_are_tuned_or_the_edit_has_to_be_given(researching: Make) -> None:
    """Honest about what is missing."""
    place = researching(METRICS.replace('engine = "claude"', 'engine = "search"'))
    place.step("setup")

    assert place.step("edit").startswith("done: edit 1: 200 instead of 100 is better")
    place.step("run")
    place.step("decide")
    assert place.outcomes() == ["reverted"]


def test_a_policy_that_changed_refuses_every_step(researching: Make) -> None:
    """Put back, the session goes on."""
    place = researching()
    place.script(BETTER)
    place.step("setup")
    place.step("edit")
    agreed = place.shop
    target = replace(agreed.settings.targets[0], max_lines=9999)
    place.shop = replace(agreed, settings=replace(agreed.settings, targets=(target,)))

    assert "the policy changed since the setup" in place.step("run")
    assert place.session().gates.enforced["policy"] is False
    place.shop = agreed
    assert place.step("run").startswith("done: run")


def test_an_exchanged_evaluation_refuses_every_step(researching: Make) -> None:
    """Also when a person exchanges it."""
    place = researching()
    place.step("setup")
    (place.module / "bench.py").write_text("print('cost: 1')\n")

    assert "the evaluation changed" in place.step("edit", **given("COST = 100", "COST = 1"))


def test_a_module_that_changed_meanwhile_is_measured_anew(researching: Make) -> None:
    """Nothing is compared with figures of other code."""
    place = researching()
    place.step("setup")
    place.file.write_text(SHOP.replace("100", "70"))
    place.git("commit", "-qam", "a person was faster")

    place.step("edit", **given("COST = 70", "COST = 60"))

    assert place.steps() == ["setup", "setup", "edit"]
    assert place.session().baseline["cost"].middle == 70


def test_stop_and_finalize_are_ends_of_their_own(researching: Make) -> None:
    """With who and why; the edit under way is forgotten."""
    place = researching()
    place.step("setup")
    place.step("edit", **given("COST = 100", "COST = 60"))

    place.step("stop", reason="enough")

    assert place.archived()["verdict"] == "rejected"
    assert place.archived()["reason"] == "no edit was kept; stopped: stopped by ada: enough"
    assert place.session().tries == ()
    assert "no open session" in place.step("edit")


def test_an_unknown_session_is_refused(researching: Make) -> None:
    """Nothing is made up."""
    assert "no open session" in researching().step("run")


def test_the_order_of_a_session_is_its_id(researching: Make) -> None:
    """So a command finds what it began."""
    place = researching()
    place.step("setup")

    assert [work.id for work in place.shop.store.all()] == [ID]
