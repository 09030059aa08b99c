"""A session that goes on by itself: its ends, what is left of it, and nothing done twice."""

from collections.abc import Callable
from typing import Any

import pytest

from daemon.budget import ReflectionBudgetSpent
from daemon.cli import main
from daemon.engines import Proposal
from daemon.experiment.lab import Lab
from daemon.experiment.session import PRIORITY
from daemon.learning.book import RecipeBook
from reflections.store import State, Store, Work
from sandbox.errors import EngineUnavailable
from tests.place import NOTE
from tests.unit.daemon.experiment.conftest import ID, METRICS, Researching, change

Make = Callable[..., Researching]
BETTER = change("COST = 100", "COST = 90", "fewer steps")
STILL = change("COST = 90", "COST = 80", "fewer still")
WORSE = change("COST = 80", "COST = 95", "maybe")
NO_GAIN = change("COST = 100", "COST = 100 + 0", "the same")


class Died(BaseException):
    """SIGKILL, as near as one process comes to it."""


def looped(place: Researching, *answers: Proposal) -> None:
    place.script(*answers)
    place.step("setup")
    place.step("loop")


def test_a_loop_goes_to_its_last_iteration_and_leaves_everything(researching: Make) -> None:
    """Two winning commits, a report, a plot, what later work may learn from."""
    place = researching()
    looped(place, BETTER, STILL, WORSE)

    assert place.outcomes() == ["kept", "kept", "reverted"]
    assert len(place.commits()) == 2
    record = place.archived()
    assert record["verdict"] == "applied"
    assert "all 3 iterations are done" in record["reason"]
    winning = record["extra"]["winning_edits"]
    assert [(each["gain"], each["value"]) for each in winning] == [(10, 90), (10, 80)]
    assert winning[0]["evidence"]["runs"] == [90, 90, 90]
    folder = place.shop.state / "research" / ID
    assert "# Experiments with `cost`" in (folder / "report.md").read_text()
    assert "<svg" in (folder / "plot.svg").read_text()
    assert (folder / "report.json").exists()
    assert place.steps() == ["setup", *["edit", "run", "decide"] * 3, "finalize"]


def test_a_finished_session_can_be_taken_back_whole(researching: Make) -> None:
    """The branch goes; what was merged is put back as it was."""
    place = researching()
    looped(place, BETTER, STILL, WORSE)
    place.git("merge", "-q", "--ff-only", place.session().branch)

    place.order("revert", ID)

    assert str(place.last("ordered")["outcome"]).startswith("reverted")
    assert "COST = 100" in place.file.read_text()


def test_what_was_taken_back_is_a_loss_of_each_of_its_recipes(researching: Make) -> None:
    """A session's edits won when they were kept; its revert counted against none of them."""
    place = researching(METRICS.replace("iterations = 3", "iterations = 1"))
    looped(place, change("COST = 100", "COST = abs(90)"))
    before = {id_: each.wins for id_, each in RecipeBook.open(place.shop.state).recipes.items()}

    place.order("revert", ID)

    after = RecipeBook.open(place.shop.state).recipes
    assert before and all(before.values())
    assert {id_: each.losses for id_, each in after.items()} == dict.fromkeys(before, 1)


def test_a_session_that_dies_while_it_is_opened_is_opened_again(
    researching: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work stood there without its session, and the order was refused for ever after."""
    place = researching()
    update = Store.update

    def dies(self: Store, work: Work, **changes: Any) -> Work:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(Store, "update", dies)
        with pytest.raises(Died):
            place.step("setup")
    assert update is Store.update
    place.work()

    assert str(place.last("ordered")["outcome"]).startswith("done")
    assert place.session().baseline


def test_a_plateau_is_an_end(researching: Make) -> None:
    """Nothing kept in so many edits."""
    place = researching(METRICS.replace("iterations = 3", "iterations = 9\nplateau = 2"))
    looped(place, NO_GAIN, change("COST = 100", "COST = 101"))

    assert place.archived()["reason"].startswith("no edit was kept; plateau: the last 2 edits")


def test_a_spent_budget_is_an_end_and_keeps_what_was_kept(researching: Make) -> None:
    """The session's own limit; what is committed stays."""
    place = researching()
    engine = place.script(BETTER)
    told = engine.open

    def refuse(case: Any) -> Any:
        if not engine.answers:
            raise ReflectionBudgetSpent("it may spend no more")
        return told(case)

    engine.open = refuse  # type: ignore[method-assign]
    place.step("setup")
    place.step("loop")

    assert place.archived()["verdict"] == "applied"
    assert place.archived()["reason"].endswith("budget: it may spend no more")


def test_without_git_what_was_kept_is_held_as_one_patch(researching: Make) -> None:
    """A person approves it, and it is proven once more."""
    place = researching(git=False)
    looped(place, BETTER, STILL, WORSE)

    work = place.shop.store.get(ID)
    assert work is not None
    assert work.state is State.HELD
    assert "-COST = 100" in work.data["diff"]
    assert "+COST = 80" in work.data["diff"]
    place.order("approve", ID)
    assert "COST = 80" in place.file.read_text()
    assert place.archived()["verdict"] == "applied"
    assert len(place.archived()["work"]["data"]["winning_edits"]) == 2


def test_explain_and_propose_make_no_commit(researching: Make) -> None:
    """Where a person decides about everything, a branch is not made either."""
    place = researching(f'autonomy = "propose"\n{METRICS}')
    looped(place, BETTER, STILL, WORSE)

    assert place.commits() == []
    assert place.shop.store.get(ID) is not None


def test_a_suite_that_cannot_judge_spends_nothing(researching: Make) -> None:
    """Nothing could be kept, so no engine is asked; told loudly, and it waits."""
    place = researching()
    (place.module / "test_shop.py").write_text("")
    place.git("commit", "-qam", "no tests")
    engine = place.script(BETTER)

    place.step("setup")
    place.step("loop")

    work = place.shop.store.get(ID)
    assert work is not None
    assert work.state is State.PAUSED
    assert place.session().gates.enforced["suite"] is False
    assert "suite: it cannot judge" in work.data["reason"]
    assert engine.cases == []


def test_bugs_come_first(researching: Make) -> None:
    """A session has the lowest priority there is."""
    place = researching()
    place.step("setup")

    work = place.shop.store.get(ID)
    assert work is not None
    assert work.priority == PRIORITY < 0


@pytest.mark.parametrize("at", [1, 4, 5, 8, 9, 13])
def test_the_kill_switch_stops_at_once_and_the_session_goes_on_where_it_was(
    researching: Make, at: int
) -> None:
    """Whichever run it falls into: no iteration is counted twice, no commit made twice."""
    place = researching()
    place.script(BETTER, STILL, WORSE)
    runs = 0

    def kill() -> None:
        nonlocal runs
        runs += 1
        if runs == at:
            place.shop.kill_switch.throw("now", "ada")

    place.sandbox.before_run = kill
    place.step("setup") if at > 5 else None
    if at <= 5:
        place.order("research", ID, data={"step": "setup", "arguments": {}})
        place.shop.kill_switch.lift()
        place.work()
    place.order("research", ID, data={"step": "loop", "arguments": {}})
    place.shop.kill_switch.lift()
    place.work()

    assert whole(place)


def whole(place: Researching) -> bool:
    """The session came to the end it would have come to undisturbed."""
    assert place.outcomes() == ["kept", "kept", "reverted"]
    assert len(place.commits()) == 2
    applied = [r.data["commit"] for r in place.shop.trail.records(event="applied")]
    assert len(applied) == len(set(applied)) == 2
    numbers = [r.data["nth"] for r in place.shop.trail.records(event="experiment")]
    assert numbers == sorted(set(numbers))
    decided = [
        r.data["iteration"]
        for r in place.shop.trail.records(event="experiment")
        if r.data["step"] == "decide"
    ]
    assert decided == [1, 2, 3]
    return True


@pytest.mark.parametrize("at", [1, 2, 4, 5, 7, 9, 11, 12, 13, 15, 18, 22, 29, 30, 31, 32, 33, 34])
def test_a_death_at_any_write_is_resumed(
    researching: Make, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Killed before the n-th time the session is stored, every other time after it."""
    place = researching()
    place.step("setup")
    place.script(BETTER, BETTER, STILL, STILL, WORSE, WORSE)
    save, writes = Lab.save, 0

    def dying(lab: Lab, session: Any) -> None:
        nonlocal writes
        writes += 1
        if writes == at and at % 2:
            raise Died
        save(lab, session)
        if writes == at:
            raise Died

    monkeypatch.setattr(Lab, "save", dying)
    engine = place.engines[0]

    def answers_by_state(case: Any) -> Any:  # what an engine says depends on the code it sees
        cost = str(case.source.text("shop.py")).partition("\n")[0]
        engine.answers = [{"COST = 100": BETTER, "COST = 90": STILL, "COST = 80": WORSE}[cost]]
        return type(engine).open(engine, case)

    engine.open = answers_by_state  # type: ignore[method-assign]
    try:
        place.step("loop")
    except Died:
        place.work()

    assert whole(place)


@pytest.mark.parametrize(
    "where", ["daemon.experiment.land.kept", "daemon.road.job.Chronicle.applied"]
)
def test_a_death_after_the_commit_makes_no_second_one(
    researching: Make, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The journal tells of it; the session takes it up as kept."""
    place = researching()
    place.step("setup")
    place.script(BETTER, STILL, WORSE)

    def die(*_: Any, **__: Any) -> None:
        raise Died

    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(where, die)
        place.step("loop")
    place.work()

    assert whole(place)


def test_an_outage_uses_up_no_iteration(researching: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker away for a while: the edit that was paid for is still there afterwards."""
    place = researching()
    place.script(BETTER, STILL, WORSE)
    place.step("setup")

    def away(*_: Any) -> None:
        raise EngineUnavailable("Docker does not answer")

    with monkeypatch.context() as patch:
        patch.setattr("daemon.research.measure", away)
        place.step("loop")
    work = place.shop.store.get(ID)
    assert work is not None
    assert (work.state, place.session().next) == (State.WAITING, "run")

    place.shop.store.update(work, not_before=None)
    place.work()
    assert whole(place)


SLOW = {**NOTE, "outcome": "total is slow", "reflection": "total in shop.py takes far too long"}


def test_a_performance_note_opens_an_experiment_where_there_is_a_metric(researching: Make) -> None:
    """Which goes on by itself; the note's words reach the engine as a hint."""
    place = researching()
    engine = place.script(BETTER, STILL, WORSE)
    place.drop(SLOW)
    place.work()

    record = next(place.shop.store.archived())
    assert record["work"]["kind"] == "experiment"
    assert record["verdict"] == "applied"
    assert "total is slow" in engine.cases[0].task.hints[0]
    assert place.steps()[:2] == ["open", "setup"]


def test_a_performance_note_without_a_metric_ends_with_a_hypothesis(researching: Make) -> None:
    """Where the time likely goes, and what to do to have it tried."""
    place = researching(METRICS.partition("[[target.metric]]")[0])
    place.drop(SLOW)
    place.work()

    reason = place.last("declined")["reason"]
    assert "shop.py:5 total" in reason
    assert "[[target.metric]]" in reason


def test_the_status_answers_for_running_and_finished_sessions(
    researching: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Baseline, best, gates, each edit; in words and as JSON."""
    place = researching()
    config = str(place.folder / "mendd.toml")
    place.step("setup")

    assert main(["--config", config, "research", "status"]) == 0
    assert "paused, next: edit" in capsys.readouterr().out
    place.script(BETTER, STILL, change("COST = 80", "COST = -1"))
    place.step("loop")
    assert main(["--config", config, "research", "status", "--json"]) == 0
    told = capsys.readouterr().out
    assert '"suite_enforced": true' in told
    assert '"state": "finished"' in told
    assert '"suite": 1' in told


def test_a_secret_in_what_a_person_says_is_kept_nowhere(researching: Make) -> None:
    """Words, hypothesis, reason: none of them reaches store, trail, archive or report."""
    place = researching()
    key = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
    place.step("setup", words=f"the feed needs {key}")
    hunk = BETTER.patch.hunks[0]
    sent = {
        "filename": hunk.filename, "start_line": hunk.first_line, "end_line": hunk.last_line,
        "original_code": hunk.original, "new_code": hunk.replacement,
    }  # fmt: skip
    place.step("edit", hypothesis=f"with {key}", hunks=[sent])
    place.step("stop", reason=f"out of {key}")

    assert place.archived()
    kept = [path for path in place.shop.state.rglob("*") if path.is_file()]
    assert [path for path in kept if key.encode() in path.read_bytes()] == []
