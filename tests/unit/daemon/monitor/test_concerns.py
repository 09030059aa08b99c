"""Each concern is seen when it is there, and not when it is not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.trail import Trail
from daemon.monitor.concerns import Concern, concerns
from daemon.settings import AlertSettings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTINGS = AlertSettings(failed_attempts=3)
Said = tuple[str, dict[str, Any]]


def found(
    folder: Path, records: Sequence[Said], age: timedelta = timedelta(hours=1)
) -> dict[str, Concern]:
    """The concerns of a trail with these records about work r1 of `shop`, by kind."""
    trail = Trail(folder / "trail.jsonl", clock=lambda: NOW - age)
    for event, data in records:
        trail.append(event, reflection=data.pop("id", "r1"), target="shop", data=data)
    return {each.kind: each for each in concerns(trail.path, SETTINGS, NOW)}


APPLIED: Said = ("applied", {"files": ["cart.py"]})
CASES: dict[str, list[Said]] = {
    "edited-often": [("applied", {"files": ["cart.py"]}) for _ in range(3)],
    "failed-attempts": [("trial", {"accepted": False, "reason": "1 test fails"})] * 3,
    "came-back": [("came_back", {"earlier": "r0"})],
    "taken-back": [("reverted", {"reason": "health failed"})],
    "still-stands": [("revert_refused", {"reason": "edited since"})],
    "paused": [("breaker", {"step": "paused", "failures": 5, "until": "x", "reason": "no"})],
    "waits": [("held", {"reason": "ambiguous"})],
    "outage": [("failed", {"reason": "no engine"})] * 3,
    "refused-often": [("gate_refused", {"gate": "scope", "reason": "tests/ is protected"})] * 3,
    "budget": [("budget_stop", {"reason": "day_usd"})],
    "harm": [("learned", {"step": "retired", "rule": "retry-loop", "reason": "not rarer"})],
}


@pytest.mark.parametrize("kind", CASES)
def test_each_concern_is_seen(tmp_path: Path, kind: str) -> None:
    """Its own records raise it, with words, a remedy and the times."""
    concern = found(tmp_path, [(event, dict(data)) for event, data in CASES[kind]])[kind]

    assert concern.words
    assert concern.remedy
    assert concern.target == "shop"
    assert concern.count == len(CASES[kind])
    assert concern.key.startswith(f"{kind}:shop:")


@pytest.mark.parametrize(
    ("kind", "records"),
    [
        ("edited-often", [APPLIED, APPLIED, ("applied", {"files": ["other.py"]})]),
        ("edited-often", [("experiment", {"step": "setup"}), APPLIED, APPLIED, APPLIED]),
        ("failed-attempts", [("trial", {"accepted": True})] * 9),
        (
            "failed-attempts",
            [("experiment", {"step": "setup"}), *[("trial", {"accepted": False})] * 9],
        ),
        ("taken-back", [("reverted", {"reason": "by ada", "by": "ada"})]),
        ("paused", [("breaker", {"step": "paused"}), ("breaker", {"step": "closed"})]),
        ("waits", [("held", {}), ("rejected", {"by": "ada"})]),
        ("refused-often", [("gate_refused", {"gate": "shape", "reason": "no-op"})] * 9),
        ("harm", [("learned", {"step": "added", "rule": "retry-loop"})]),
    ],
)
def test_what_is_no_concern_raises_none(tmp_path: Path, kind: str, records: list[Said]) -> None:
    """Too few, the other outcome, or decided since."""
    assert kind not in found(tmp_path, [(event, dict(data)) for event, data in records])


def test_a_concern_passes_with_its_window(tmp_path: Path) -> None:
    """What happened last month worries nobody today."""
    assert not found(tmp_path, [("came_back", {"earlier": "r0"})], age=timedelta(days=30))


def test_the_gravest_come_first(tmp_path: Path) -> None:
    """Urgent, warning, notice."""
    kinds = ("budget", "came-back", "still-stands")
    records = [(event, dict(data)) for kind in kinds for event, data in CASES[kind]]

    assert [each.severity for each in found(tmp_path, records).values()] == [
        "urgent",
        "warning",
        "notice",
    ]


def test_harm_names_the_command_that_shows_it(tmp_path: Path) -> None:
    """The record of a recipe is not among the rules."""
    harm = {"step": "harm", "recipe": "0123456789abcdef", "reason": "it failed 3 times"}
    concern = found(tmp_path, [("learned", harm)])["harm"]

    assert concern.subject == "recipe 0123456789abcdef"
    assert "mendd learning list" in concern.remedy


def test_attempts_that_no_gate_let_pass_have_failed_too(tmp_path: Path) -> None:
    """A model that only ever proposes what cannot be tried went unseen."""
    refused = ("gate_refused", {"gate": "shape", "reason": "lines 1-2 are as they were"})

    assert "as they were" in found(tmp_path, [refused] * 3)["failed-attempts"].words
