"""Stand-ins that keep the real protocols: a sandbox that runs pytest in a local copy, an engine
that follows a script. Neither needs Docker or a model."""

import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon.engines import (
    BugReport,
    Case,
    Declined,
    Feedback,
    NoPatch,
    Proposal,
    Reproduction,
    Spending,
)
from sandbox.errors import SandboxError
from sandbox.results import Ending, Outcome, Run
from sandbox.tree import Tree, scan_tree
from sandbox.trial import Module
from tests.local_session import LocalSession

LINE = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (\S+)", re.MULTILINE)
WORDS = {
    "PASSED": Outcome.PASSED,
    "FAILED": Outcome.FAILED,
    "ERROR": Outcome.ERROR,
    "XFAIL": Outcome.XFAILED,
    "XPASS": Outcome.XPASSED,
}
RUNS: dict[tuple[str, tuple[str, ...]], Run] = {}  # equal copies behave alike; run each once


class LocalBench:
    """A Bench that copies the module and runs pytest there, in a process of its own."""

    def __init__(self, module: Module, tree: Tree, sandbox: "LocalSandbox") -> None:
        self.module, self.tree, self._sandbox = module, tree, sandbox
        self.image_id = "sha256:local"
        self.writable = True

    def with_command(self, command: Sequence[str]) -> "LocalBench":
        """The same copy with another command, judged by its exit code."""
        return LocalBench(replace(self.module, command=tuple(command)), self.tree, self._sandbox)

    def run(
        self,
        changes: Mapping[str, bytes] = {},
        *,
        first: Sequence[str] = (),
        only: Sequence[str] | None = None,
        extra_tests: Mapping[str, bytes] = {},
        timeout_s: float | None = None,
        stop: threading.Event | None = None,
    ) -> Run:
        """Run the tests on a changed copy."""
        if self._sandbox.broken is not None:
            raise self._sandbox.broken
        self._sandbox.before_run()
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            shutil.copytree(self._sandbox.kept(self.tree), copy)
            for name, data in {**changes, **extra_tests}.items():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).write_bytes(data)
            if self.module.pytest_args is None:
                return self._commanded(copy)
            key = (scan_tree(copy).hash, tuple(only or ()))
            if key not in RUNS:
                RUNS[key] = self._outcome(copy, only)
            return RUNS[key]

    def _commanded(self, copy: Path) -> Run:
        done = subprocess.run(
            self.module.command, cwd=copy, capture_output=True, text=True, check=False
        )
        outcome = Outcome.FAILED if done.returncode else Outcome.PASSED
        return Run(
            ending=Ending.FINISHED,
            outcomes={"exit code": outcome},
            messages={},
            durations={},
            output=done.stdout + done.stderr,
            seconds=0.1,
            detail="",
            collected=("exit code",),
        )

    def _outcome(self, copy: Path, only: Sequence[str] | None) -> Run:
        command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *(only or ())], cwd=copy, capture_output=True, text=True, check=False
        )
        outcomes = {name: WORDS[word] for word, name in LINE.findall(done.stdout) if word in WORDS}
        return Run(
            ending=Ending.FINISHED if outcomes else Ending.NO_TESTS,
            outcomes=outcomes,
            messages={},
            durations={},
            output=done.stdout,
            seconds=0.1,
            detail="",
            collected=tuple(outcomes),
        )

    def session(
        self,
        job: Mapping[str, Any],
        *,
        files: Mapping[str, bytes],
        timeout_s: float,
        stop: threading.Event | None = None,
    ) -> LocalSession:
        """A guest in a process of its own, on a changed copy."""
        if self._sandbox.broken is not None:
            raise self._sandbox.broken
        kept = self._sandbox.kept(self.tree)
        return LocalSession(kept, job, files=files, timeout_s=timeout_s)

    def warm(self, files: Iterable[str], count: int = 1) -> None:
        """Nothing to start ahead."""

    def close(self) -> None:
        """Nothing to throw away."""


class LocalSandbox:
    """A Sandbox of LocalBenches. `broken`, when set, is what every run raises."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds the copies; its owner removes it."""
        self.broken: SandboxError | None = None
        self.before_run: Callable[[], None] = lambda: None
        self._copies: dict[str, Path] = {}
        self._folder = folder

    def prepare(self, module: Module) -> LocalBench:
        """Copy the module as it is now."""
        if self.broken is not None:
            raise self.broken
        tree = scan_tree(module.root, exclude=module.exclude)
        copy = self._folder / tree.hash
        if not copy.exists():
            shutil.copytree(module.root, copy, ignore=shutil.ignore_patterns(".git"))
        self._copies[tree.hash] = copy
        return LocalBench(module, tree, self)

    def kept(self, tree: Tree) -> Path:
        """The copy made for a tree."""
        return self._copies[tree.hash]

    def sweep(self) -> int:
        """No containers, none left over."""
        return 0

    def kill_all(self) -> int:
        """No containers, none to kill."""
        return 0

    def close(self) -> None:
        """Nothing is held."""


Answer = Proposal | NoPatch | Declined


class ScriptedEngine:
    """An Engine that answers from lists and remembers what it was told."""

    def __init__(
        self,
        report: BugReport | Declined,
        answers: Sequence[Answer],
        *,
        tests: Sequence[Reproduction] = (),
        advice: str | None = None,
        name: str = "search",
    ) -> None:
        self.name = name
        self.report = report
        self.answers = list(answers)
        self.tests = list(tests)
        self.advice = advice
        self.heard: list[Feedback | None] = []
        self.cases: list[Case] = []
        self.read: list[str] = []

    def open(self, case: Case) -> "ScriptedSession":
        """One session on the next answers."""
        self.cases.append(case)
        return ScriptedSession(self)


class ScriptedSession:
    """A session of the scripted engine."""

    model = "scripted"
    spending = Spending()

    def __init__(self, engine: ScriptedEngine) -> None:
        self._engine = engine

    def diagnose(self) -> BugReport | Declined:
        """The scripted report."""
        return self._engine.report

    def reproduce(self, report: BugReport, feedback: str | None) -> Reproduction | None:
        """The next scripted test."""
        return self._engine.tests.pop(0) if self._engine.tests else None

    def propose(self, report: BugReport, feedback: Feedback | None) -> Answer:
        """The next scripted answer."""
        self._engine.heard.append(feedback)
        return self._engine.answers.pop(0)

    def review(self, attempts: str) -> str | None:
        """The scripted advice; remembers what there was to read."""
        self._engine.read.append(attempts)
        return self._engine.advice

    def close(self) -> None:
        """Nothing is held."""
