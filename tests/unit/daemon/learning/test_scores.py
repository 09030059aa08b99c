"""Scores are counted from the trail, once, and steer `auto` only when there is enough to go by."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.trail import Trail
from daemon.learning.scores import search_is_hopeless, up_to_date


class Diary:
    """Writes works into a trail, ten seconds to the record."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.now = datetime(2026, 11, 20, 9, tzinfo=UTC)
        self.trail = Trail(state / "audit" / "trail.jsonl", clock=self.tick)
        self.count = 0

    def tick(self) -> datetime:
        """The clock."""
        self.now += timedelta(seconds=10)
        return self.now

    def work(self, *turns: tuple[str, int], end: str = "rejected", **data: Any) -> None:
        """One work: per turn an engine and how many patches it proposed; then its end."""
        self.count += 1
        id_ = f"w{self.count}"
        self.write("received", id_, work=id_, kind="bug")
        for engine, proposals in turns:
            self.write("reported", id_, engine=engine)
            for _ in range(proposals):
                self.write("proposed", id_, engine=engine)
                self.write("trial", id_, accepted=False)
        self.write(end, id_, **data)

    def write(self, event: str, id_: str, **data: Any) -> None:
        """One record."""
        self.trail.append(event, reflection=id_, target="shop", data=data)


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    """An empty one."""
    return Diary(tmp_path)


def shown(diary: Diary) -> dict[str, dict[str, Any]]:
    """The scores by engine."""
    return {s.engine: s.shown() for s in up_to_date(diary.state).scores.values()}


def test_each_engines_turn_is_a_try_of_its_own(diary: Diary) -> None:
    """Who passed on lost; who was applied won and bears the cost."""
    diary.work(("search", 0), ("claude", 2), end="applied", cost_usd="0.25")
    diary.work(("search", 1), end="applied")

    found = shown(diary)

    assert found["search"]["tries"] == 2
    assert found["search"]["success"] == 0.5
    assert found["search"]["cost_usd"] == 0
    assert found["claude"] == {
        "engine": "claude", "kind": "bug", "target": "shop", "tries": 1, "attempts": 2,
        "success": 1.0, "came_back": 0, "seconds": 50.0, "cost_usd": 0.25,
    }  # fmt: skip


def test_no_record_is_counted_twice(diary: Diary) -> None:
    """Whenever the scores are asked for, also in the middle of a work, and without their file."""
    diary.work(("search", 1), end="applied")
    shown(diary)
    diary.write("received", "w9", work="w9", kind="bug")
    diary.write("proposed", "w9", engine="search")
    shown(diary)
    diary.write("applied", "w9")
    one = shown(diary)
    (diary.state / "scores.json").write_text("{")
    again = shown(diary)

    assert one["search"]["tries"] == 2
    assert one == again


@pytest.mark.parametrize(
    ("wins", "losses", "hopeless"), [(0, 9, False), (0, 10, True), (2, 18, False), (0, 40, True)]
)
def test_only_enough_failures_put_the_search_last(
    diary: Diary, wins: int, losses: int, hopeless: bool
) -> None:
    """Ten tries at least, less than one in ten a success."""
    for number in range(wins + losses):
        diary.work(("search", 1), end="applied" if number < wins else "rejected")

    assert search_is_hopeless(up_to_date(diary.state), "bug", "shop") is hopeless
    assert not search_is_hopeless(up_to_date(diary.state), "bug", "other")


def test_a_session_of_experiments_is_no_mending_of_bugs(diary: Diary) -> None:
    """No note was received for it: its edits counted as the search engine's failures at bugs."""
    diary.write("experiment", "s1", step="setup")
    for outcome in ("kept", "reverted", "crashed"):
        diary.write("proposed", "s1", engine="search")
        if outcome == "kept":
            diary.write("applied", "s1")
        diary.write("experiment", "s1", step="decide", outcome=outcome)
    diary.write("experiment", "s1", step="finalize")
    diary.write("rejected", "s1")

    (score,) = up_to_date(diary.state).scores.values()
    assert (score.engine, score.kind) == ("search", "experiment")
    assert (score.tries, score.wins, score.attempts) == (3, 1, 3)


def test_a_session_costs_what_its_edits_cost(diary: Diary) -> None:
    """The records of a session hold what it has spent so far, all edits together."""
    diary.write("experiment", "s1", step="setup")
    for spent in ("0.100000", "0.250000"):
        diary.write("proposed", "s1", engine="claude")
        diary.write("experiment", "s1", step="decide", outcome="reverted", spent_usd=spent)

    assert shown(diary)["claude"]["cost_usd"] == 0.125


def test_a_patch_whose_failure_came_back_is_counted_for_who_made_it(diary: Diary) -> None:
    """It was shown as 0 whatever came back."""
    diary.work(("search", 1), end="rejected")
    diary.work(("search", 0), ("claude", 1), end="applied")
    shown(diary)
    diary.write("came_back", "w3", earlier="w2")
    diary.write("came_back", "w4", earlier="w1")

    assert {name: each["came_back"] for name, each in shown(diary).items()} == {
        "search": 0, "claude": 1,
    }  # fmt: skip


def test_what_is_only_to_be_explained_is_no_failure(diary: Diary) -> None:
    """With `autonomy = "explain"` each patch that passed counted against its engine."""
    for accepted in (True, False):
        diary.write("received", f"x{accepted}", work=f"x{accepted}", kind="bug")
        diary.write("proposed", f"x{accepted}", engine="search")
        diary.write("trial", f"x{accepted}", accepted=accepted)
        diary.write("declined", f"x{accepted}", reason="autonomy is explain")

    assert shown(diary)["search"]["success"] == 0.5
