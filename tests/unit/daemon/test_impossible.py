"""Tests that contradict each other or the note: whatever a model tries, nothing is applied."""

from pathlib import Path

import pytest

from tests.impossible import TASKS, Task, tried

QUICK = [TASKS[0], TASKS[11], TASKS[16], TASKS[18]]  # one of each kind


@pytest.mark.parametrize("task", QUICK, ids=lambda task: task.name)
def test_an_impossible_task_ends_without_a_change(task: Task, tmp_path: Path) -> None:
    """Turns, chance, the clock, objects that equal everything, the note's own wish."""
    assert tried(task, "claude", tmp_path / "one") in ("rejected", "declined", "held")
