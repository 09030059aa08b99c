"""A target's actions in a real container: the patch that breaks one is refused, the next lands."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon import cli
from daemon.engines import BugReport, Proposal
from sandbox.patch import Hunk, Patch
from tests.fakes import ScriptedEngine
from tests.terminal import Home

pytestmark = pytest.mark.docker
ADD = """\
def add(a, b):
    return a - b


ACTIONS = [
    {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": {"type": "object", "properties": {"a": {}, "b": {}}},
        "execute": lambda **sent: add(**sent),
        "example": {"a": 1, "b": 2},
    }
]
"""
TEST = "from agent.sums import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"


def proposal(last: int, new: str) -> Proposal:
    """Lines 1 to `last` replaced."""
    original = "".join(ADD.splitlines(keepends=True)[:last])
    hunk = Hunk(
        filename="agent/sums.py", first_line=1, last_line=last, original=original, replacement=new
    )
    return Proposal(patch=Patch(hunks=(hunk,), rationale="a sum"))


@pytest.fixture
def home(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    """An agent with one action that is wrong."""
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "sums.py").write_text(ADD)
    (tmp_path / "test_sums.py").write_text(TEST)
    (tmp_path / "mendd.toml").write_text(
        'state = ".mendd"\n[[target]]\nname = "agent"\npath = "."\nactions = ["agent/*.py"]\n'
        "timeout_s = 30\n"
    )
    (tmp_path / ".mendd").mkdir()
    monkeypatch.setattr("sys.stdin", None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Home(tmp_path, capsys)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_an_action_has_to_work_after_the_patch(home: Home, monkeypatch: Any) -> None:
    """Right by the tests but renamed for its callers: refused. A call that hangs: refused, too."""
    report = BugReport(
        filename="agent/sums.py",
        function="add",
        summary="it subtracts",
        failing_test="test_sums.py::test_add",
    )
    renamed = proposal(2, "def add(x, y):\n    return x + y\n")
    hanging = proposal(2, "def add(a, b):\n    while a == 1:\n        pass\n    return a + b\n")
    right = proposal(2, "def add(a, b):\n    return a + b\n")
    engine = ScriptedEngine(report, [renamed, hanging, right])
    monkeypatch.setattr("daemon.cycle.engines_for", lambda _: (engine,))
    home.mendd("reflect", "--outcome", "failed: add(2, 2) gave 0 in agent/sums.py")

    code = cli.main(["--config", str(home.config), "run", "--once"])

    reasons = [record.data["reason"] for record in home.trail.records(event="trial")]
    assert code == 0, reasons
    assert "unexpected keyword argument 'a'" in reasons[0]
    assert "while agent/sums.py was tried: timed out" in reasons[1]
    assert "return a + b" in (home.folder / "agent" / "sums.py").read_text()
