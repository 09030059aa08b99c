"""A place with a metric: a module whose cost a bench prints, and steps to take in it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.trail import verify
from daemon.engines import BugReport, Proposal
from daemon.experiment.session import KEY, Session, kept_in
from sandbox.patch import Hunk, Patch
from tests.fakes import Answer, ScriptedEngine
from tests.place import Place

SHOP = """\
COST = 100
SIZE = 5


def total(prices):
    return sum(prices)


def least(prices):
    return min(prices)
"""
BENCH = """\
import os
import pathlib
import shop

jumps = os.environ["JUMPS"].split()
ticks = pathlib.Path(os.environ["TICKS"])
tick = int(ticks.read_text()) if ticks.exists() else 0
ticks.write_text(str(tick + 1))
jump = int(jumps[tick % len(jumps)])
print(f"cost: {shop.COST + jump}")
print(f"size: {shop.SIZE}")
"""
METRICS = f"""\
engine = "claude"
python = "{sys.executable}"
[[target.metric]]
name = "cost"
command = ["python3", "bench.py"]
pattern = "^cost: (.*)$"
files = ["shop.py"]
[[target.metric]]
name = "size"
command = ["python3", "bench.py"]
pattern = "^size: (.*)$"
direction = "higher"
[research]
noise_runs = 3
epsilon = 0
iterations = 3
"""
REPORT = BugReport(filename="shop.py", function=None, summary="x")
ID = "session-1"


def change(old: str, new: str, why: str = "an idea", filename: str = "shop.py") -> Proposal:
    """A proposal that replaces one whole line of the module as it is then."""
    text = BENCH if filename == "bench.py" else SHOP
    at = next(n for n, line in enumerate(text.split("\n"), 1) if line.startswith(old.split("=")[0]))
    hunk = Hunk(
        filename=filename, first_line=at, last_line=at, original=f"{old}\n", replacement=f"{new}\n"
    )
    return Proposal(patch=Patch(hunks=(hunk,), rationale=why))


class Researching(Place):
    """A place whose worker takes research steps."""

    def __init__(
        self, folder: Path, target: str, monkeypatch: pytest.MonkeyPatch, jumps: tuple[int, ...]
    ) -> None:
        super().__init__(folder, target, monkeypatch)
        self.file.write_text(SHOP)
        monkeypatch.setenv("TICKS", str(folder / "ticks"))
        monkeypatch.setenv("JUMPS", " ".join(map(str, jumps)))
        (self.module / "bench.py").write_text(BENCH)
        tests = self.module / "test_shop.py"
        tests.write_text(
            "from shop import COST, least, total\n\n\n"
            "def test_total():\n    assert total([1, 2]) == 3\n\n\n"
            "def test_least():\n    assert least([2, 1]) == 1\n\n\n"
            "def test_cost():\n    assert COST > 0\n"
        )
        monkeypatch.setattr("daemon.experiment.propose.engines_for", lambda job: [*self.engines])

    def git(self, *arguments: str) -> str:
        """Run git in the module."""
        who = ["-c", "user.name=Dev", "-c", "user.email=dev@localhost"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.module, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def make_repository(self) -> None:
        """One commit with everything."""
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-qm", "as it is")

    def script(self, *answers: Answer) -> ScriptedEngine:
        """The engine that answers the next edits."""
        engine = ScriptedEngine(REPORT, answers, name="claude")
        self.engines = [engine]
        return engine

    def step(self, step: str, **arguments: Any) -> str:
        """Order a step and let the worker work; what it was answered."""
        self.order("research", ID, data={"step": step, "arguments": arguments})
        return str(self.last("ordered")["outcome"])

    def session(self) -> Session:
        """The session, open or finished."""
        work = self.shop.store.get(ID)
        if work is not None:
            return Session.from_json(work.data[KEY])
        record = self.shop.store.find_archived(ID)
        assert record is not None
        return kept_in(record)

    def archived(self) -> dict[str, Any]:
        """The finished session's archive record."""
        record = self.shop.store.find_archived(ID)
        assert record is not None
        return record

    def outcomes(self) -> list[str]:
        """How each iteration ended."""
        return [each.outcome for each in self.session().tries]

    def steps(self) -> list[str]:
        """The steps that the trail tells, in order."""
        return [str(r.data["step"]) for r in self.shop.trail.records(event="experiment")]

    def commits(self) -> list[str]:
        """Subjects of the session's branch, the newest first."""
        branches = self.git("branch", "--list", "mendd/*", "--format=%(refname:short)").split()
        return self.git("log", "--format=%s", *branches, "--not", "main").splitlines() * bool(
            branches
        )


@pytest.fixture
def researching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Researching]]:
    """Makes a place with a metric; `git` as a repository, `jumps` of the metric run by run."""
    made: list[Researching] = []

    def make(
        target: str = METRICS, *, git: bool = True, jumps: tuple[int, ...] = (0,)
    ) -> Researching:
        made.append(Researching(tmp_path, target, monkeypatch, jumps))
        if git:
            made[-1].make_repository()
        return made[-1]

    yield make
    for each in made:
        assert verify(each.shop.state / "audit" / "trail.jsonl").ok
        each.shop.store.close()
