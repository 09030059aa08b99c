"""The budget: reserved before, settled after, never above the cap, never lost."""

import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.budget import Budget, DayBudgetSpent, ReflectionBudgetSpent
from daemon.engines import EngineError
from daemon.settings import BudgetSettings

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITS = BudgetSettings(reflection_usd=1.0, day_usd=2.0, reflection_tokens=1000)


def budget(folder: Path, *, now: datetime = NOON, limits: BudgetSettings = LIMITS) -> Budget:
    return Budget(folder / "budget.json", limits, lambda: now)


def test_a_settled_call_costs_what_it_really_used(tmp_path: Path) -> None:
    """The reservation is replaced by the real usage."""
    books = budget(tmp_path)

    booked = books.reserve("note", usd=0.9, tokens=900)
    books.settle(booked, usd=0.1, tokens=50)

    assert (books.spent("note").usd, books.spent("note").tokens) == (0.1, 50)
    assert books.spent_today().usd == 0.1


def test_a_crash_between_reserve_and_settle_keeps_the_reservation(tmp_path: Path) -> None:
    """A new process finds the worst case booked, never less."""
    budget(tmp_path).reserve("note", usd=0.9, tokens=900)

    assert budget(tmp_path).spent("note").usd == 0.9
    with pytest.raises(ReflectionBudgetSpent, match=r"nothing was sent"):
        budget(tmp_path).reserve("note", usd=0.2, tokens=1)


def test_a_call_that_would_pass_the_reflections_limit_is_refused(tmp_path: Path) -> None:
    """The message names the setting to change, and nothing is booked."""
    books = budget(tmp_path)

    with pytest.raises(ReflectionBudgetSpent, match=r"budget\.reflection_usd = 1"):
        books.reserve("note", usd=1.01, tokens=1)
    with pytest.raises(ReflectionBudgetSpent, match=r"budget\.reflection_tokens = 1000"):
        books.reserve("note", usd=0.01, tokens=1001)

    assert books.spent("note").usd == 0


def test_a_day_ends_at_midnight_utc_and_stepping_the_clock_back_frees_nothing(
    tmp_path: Path,
) -> None:
    """Each day has its own count; going back to a day finds what it spent."""
    for name in ("a", "b"):
        budget(tmp_path).reserve(name, usd=1.0, tokens=1)
    with pytest.raises(DayBudgetSpent, match="after midnight UTC"):
        budget(tmp_path).reserve("c", usd=0.1, tokens=1)

    tomorrow = budget(tmp_path, now=NOON + timedelta(days=1))
    tomorrow.settle(tomorrow.reserve("c", usd=1.0, tokens=1), usd=0.5, tokens=1)

    with pytest.raises(DayBudgetSpent):
        budget(tmp_path).reserve("d", usd=0.1, tokens=1)


def test_a_call_settled_after_midnight_counts_for_the_day_it_was_booked_on(tmp_path: Path) -> None:
    """The new day is not credited with the old day's reservation."""
    booked = budget(tmp_path).reserve("note", usd=1.0, tokens=1)
    tomorrow = budget(tmp_path, now=NOON + timedelta(days=1))

    tomorrow.settle(booked, usd=0.25, tokens=1)

    assert tomorrow.spent_today().usd == 0
    assert budget(tmp_path).spent_today().usd == 0.25


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"days": {}}',
        '{"days": {"2026-11-20": NaN}, "reflections": {}}',
        '{"days": {"2026-11-20": -5}, "reflections": {}}',
        '{"days": {"yesterday": 1}, "reflections": {}}',
        '{"days": {}, "reflections": {"note": {"usd": "x", "tokens": 1, "day": "2026-11-20"}}}',
    ],
)
def test_books_that_cannot_be_read_stop_all_spending(tmp_path: Path, content: str) -> None:
    """Without books nothing is sent; the message says what to do, and the file is left alone."""
    (tmp_path / "budget.json").write_text(content)

    with pytest.raises(EngineError, match="Move the file away"):
        budget(tmp_path).reserve("note", usd=0.1, tokens=1)

    assert (tmp_path / "budget.json").read_text() == content


def test_books_that_cannot_be_written_stop_all_spending(tmp_path: Path) -> None:
    """A state folder that is a file: no call is made."""
    (tmp_path / "state").write_text("in the way")

    with pytest.raises(EngineError, match="cannot be kept"):
        Budget(tmp_path / "state" / "budget.json", LIMITS).reserve("note", usd=0, tokens=0)


def test_old_days_and_reflections_are_forgotten(tmp_path: Path) -> None:
    """The file does not grow with history."""
    for number in range(100):
        books = budget(tmp_path, now=NOON + timedelta(days=number))
        books.reserve(f"note-{number}", usd=0.1, tokens=1)

    kept = json.loads((tmp_path / "budget.json").read_text())
    assert len(kept["days"]) <= 41
    assert len(kept["reflections"]) <= 41


def test_a_clock_that_was_years_ahead_clears_no_books(tmp_path: Path) -> None:
    """It forgot what was spent, and the day's money could be spent once more."""
    budget(tmp_path).reserve("note", usd=1.0, tokens=900)
    budget(tmp_path, now=NOON + timedelta(days=3650)).reserve("other", usd=0.1, tokens=1)

    assert budget(tmp_path).spent_today().usd == 1.0
    assert budget(tmp_path).spent("note").tokens == 900


def test_a_free_model_needs_no_money(tmp_path: Path) -> None:
    """A limit of nothing still allows what costs nothing."""
    limits = BudgetSettings(reflection_usd=0, day_usd=0, reflection_tokens=10)

    budget(tmp_path, limits=limits).reserve("note", usd=0.0, tokens=10)


def spend(folder: str, calls: int) -> int:
    """Book as long as it is allowed; how many calls were."""
    allowed = 0
    books = budget(Path(folder), limits=BudgetSettings(reflection_usd=9, day_usd=1.0))
    for _ in range(calls):
        try:
            books.reserve("note", usd=0.05, tokens=1)
        except DayBudgetSpent:
            continue
        allowed += 1
    return allowed


def test_two_processes_share_one_cap(tmp_path: Path) -> None:
    """Together they book exactly what the day allows."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        allowed = pool.starmap(spend, [(str(tmp_path), 15)] * 2)

    assert sum(allowed) == 20
