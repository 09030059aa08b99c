"""The commands with real containers: the doctor, one pass, the replay, the revert."""

import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon import cli
from daemon.config.config_file import load_settings
from daemon.engines import BugReport, Proposal
from sandbox.patch import Hunk, Patch
from tests.fakes import ScriptedEngine

pytestmark = pytest.mark.docker
CODE = "def total(prices):\n    return sum(prices[1:])\n"
TESTS = "from shop import total\n\n\ndef test_total():\n    assert total([5]) == 5\n"


class Project:
    """A project set up with `mendd init`, and what commands answer about it."""

    def __init__(self, root: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.root, self._capture = root, capture

    def mendd(self, *arguments: str, code: int = 0) -> str:
        """One command; its stdout."""
        found = cli.main(["--config", str(self.root / "mendd.toml"), *arguments])
        captured = self._capture.readouterr()
        assert found == code, captured.out + captured.err
        return captured.out

    def json(self, *arguments: str, code: int = 0) -> Any:
        """One command's JSON document."""
        return json.loads(self.mendd(*arguments, "--json", code=code))

    @property
    def target(self) -> str:
        """The name `init` gave the target."""
        return load_settings(self.root / "mendd.toml").targets[0].name


@pytest.fixture
def project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A shop with one bug, whose engine knows the answer."""
    (tmp_path / "shop.py").write_text(CODE)
    (tmp_path / "test_shop.py").write_text(TESTS)
    hunk = Hunk(
        filename="shop.py",
        first_line=2,
        last_line=2,
        original="    return sum(prices[1:])\n",
        replacement="    return sum(prices)\n",
    )
    report = BugReport(
        filename="shop.py",
        function="total",
        summary="forgets the first price",
        failing_test="test_shop.py::test_total",
    )
    answer = Proposal(patch=Patch(hunks=(hunk,), rationale="every price counts"))
    monkeypatch.setattr("daemon.cycle.engines_for", lambda _: (ScriptedEngine(report, [answer]),))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    project = Project(tmp_path, capsys)
    project.mendd("init", str(tmp_path))
    yield project
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_the_doctor_runs_the_tests_in_the_sandbox(project: Project) -> None:
    """The engine is there, and the baseline names what fails."""
    found = {(f["area"], f["name"]): f for f in project.json("check", "--baseline")["findings"]}

    assert found["sandbox", "engine"]["level"] in ("ok", "weak")  # weak: an engine before 25.0
    assert "1 fail now" in found[f"target {project.target}", "baseline"]["detail"]


def test_from_reflection_to_verified_and_back(project: Project) -> None:
    """Dropped, mended, replayed in fresh containers, taken back, replayed again."""
    id_ = project.mendd("reflect", "--outcome", "failed: total([5]) gave 0").strip()

    assert "applied" in project.mendd("run", "--once")
    assert "prices[1:]" not in (project.root / "shop.py").read_text()
    assert project.json("verify", id_)["verdict"] == "verified"
    project.mendd("revert", id_)
    assert (project.root / "shop.py").read_text() == CODE
    assert project.json("verify", id_)["verdict"] == "verified"
    project.mendd("audit", "verify")
