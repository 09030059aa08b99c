"""A baseline is what two runs agree on; a suite that cannot judge is refused with a remedy."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.road.baseline import UnusableBaseline, baseline, compared
from sandbox.results import Ending, Outcome, Run
from sandbox.trial import Module

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED


def run(outcomes: Mapping[str, Outcome], ending: Ending = Ending.FINISHED, output: str = "") -> Run:
    return Run(
        ending=ending,
        outcomes=outcomes,
        messages={},
        durations={},
        output=output,
        seconds=1.0,
        detail="",
        collected=tuple(outcomes),
    )


def bench(tree: str = "t1") -> Any:
    return SimpleNamespace(
        module=Module(name="app", root=Path("/app")),
        tree=SimpleNamespace(hash=tree),
        image_id="sha256:i",
    )


def test_what_differs_between_two_runs_is_flaky() -> None:
    """Changed outcomes and ids seen once only are counted in neither."""
    first = run({"a": PASSED, "b": FAILED, "c": PASSED, "d": PASSED})
    second = run({"a": PASSED, "b": FAILED, "c": FAILED, "e": PASSED})

    found = compared(first, second)

    assert found.outcomes == {"a": PASSED, "b": FAILED}
    assert set(found.flaky) == {"c", "d", "e"}
    assert found.failing == ("b",)


def test_an_equal_tree_is_not_measured_again(tmp_path: Path, now: datetime) -> None:
    """Remembered by tree, image and command; another tree is measured."""
    runs: list[int] = []

    def measure() -> Run:
        runs.append(1)
        return run({"a": PASSED})

    first = baseline(bench(), tmp_path, measure, now=now)
    again = baseline(bench(), tmp_path, measure, now=now)
    baseline(bench("t2"), tmp_path, measure, now=now)

    assert again.outcomes == first.outcomes
    assert len(runs) == 4


def test_a_damaged_memory_is_measured_again(tmp_path: Path, now: datetime) -> None:
    """What cannot be read back is no baseline."""
    baseline(bench(), tmp_path, lambda: run({"a": PASSED}), now=now)
    next(tmp_path.glob("*.json")).write_text('{"outcomes": {"a": "splendid"}}')

    assert baseline(bench(), tmp_path, lambda: run({"a": FAILED}), now=now).failing == ("a",)


def test_a_baseline_is_kept_for_a_day(tmp_path: Path, now: datetime) -> None:
    """A test that looks at the calendar made every patch of an unchanged tree fail for ever."""
    baseline(bench(), tmp_path, lambda: run({"a": PASSED}), now=now)

    def on(day: datetime) -> Outcome:
        return baseline(bench(), tmp_path, lambda: run({"a": FAILED}), now=day).outcomes["a"]

    assert on(now + timedelta(hours=23)) is PASSED
    assert on(now + timedelta(hours=25)) is FAILED


@pytest.mark.parametrize(
    ("ending", "remedy"),
    [
        (Ending.TIMED_OUT, "raise timeout_s"),
        (Ending.OUT_OF_MEMORY, "raise sandbox.memory_mib"),
        (Ending.FLOODED, "raise sandbox.output_kib"),
        (Ending.CRASHED, "run the test command by hand"),
        (Ending.NO_TESTS, "give the target tests"),
    ],
)
def test_a_suite_that_does_not_end_in_outcomes_is_refused(
    tmp_path: Path, ending: Ending, remedy: str, now: datetime
) -> None:
    """Hanging, hungry, loud, dying or empty: each with its remedy, and nothing is remembered."""
    with pytest.raises(UnusableBaseline, match=remedy):
        baseline(bench(), tmp_path, lambda: run({}, ending, "…"), now=now)

    assert not list(tmp_path.glob("*.json"))
