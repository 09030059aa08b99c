"""A syntax check that did not come to its end never reads as a pass."""

import json
from typing import Any

import pytest

from daemon.road.syntax import read_check
from sandbox.results import Ending, Outcome, Run

MARK = "0123456789abcdef"
END = json.dumps({"python": "3.11.2", "files": 2})
FAULT = json.dumps({"file": "a.py", "line": 3, "said": "invalid syntax", "text": "  def f(:\n"})


def run(*lines: str, ending: Ending = Ending.FINISHED) -> Run:
    """A run that printed these lines."""
    known: dict[str, Any] = {"messages": {}, "durations": {}, "seconds": 0.1, "detail": ""}
    outcomes = {"exit code": Outcome.PASSED}
    output = "\n".join(lines)
    return Run(ending=ending, outcomes=outcomes, output=output, collected=tuple(outcomes), **known)


def test_a_fault_is_told_with_file_line_and_text() -> None:
    """As a person would find it."""
    checked = read_check(run(f"{MARK} {FAULT}", f"{MARK} {END}"), MARK, 2)

    assert checked.python == "3.11.2"
    assert checked.faults == ("a.py line 3: invalid syntax: def f(:",)


def test_no_fault_and_an_end_is_a_pass() -> None:
    """What else is printed does not count."""
    assert read_check(run("hello", f"{MARK} {END}", "bye"), MARK, 2).faults == ()


@pytest.mark.parametrize(
    "said",
    [
        run(),
        run(f"{MARK} {END}", ending=Ending.TIMED_OUT),
        run(f"{MARK} {END}", ending=Ending.OUT_OF_MEMORY),
        run(f"{MARK} {json.dumps({'python': '3', 'files': 1})}"),
        run(f"{MARK} no json"),
        run(f"{MARK} []"),
        run(f"fedcba9876543210 {END}"),
    ],
)
def test_anything_else_is_no_pass(said: Run) -> None:
    """Cut off, incomplete, or in somebody else's name."""
    (fault,) = read_check(said, MARK, 2).faults

    assert "could not be checked" in fault
