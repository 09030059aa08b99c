"""Tests that contradict each other or the note: whatever a model tries, nothing is applied."""

from pathlib import Path

import pytest

from tests.impossible import TASKS, Task, asked

QUICK = [TASKS[0], TASKS[16]]  # all of them, and the search engine, in `make soak`


@pytest.mark.parametrize("task", QUICK, ids=lambda task: task.name)
def test_an_impossible_task_ends_without_a_change(task: Task, tmp_path: Path) -> None:
    """Answers that take turns, objects that equal everything, the note's own wish."""
    assert asked(task, tmp_path, attempts=3, cycles=0) in ("rejected", "declined", "held")
