"""A sandbox that runs tests in its own process and an engine that answers by what a note says.

Both keep the real protocols; with them a whole cycle takes a tenth of a second.
"""

import builtins
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from daemon.budget import Budget
from daemon.engines import BugReport, Case, Declined, Feedback, Proposal
from sandbox.module import Module
from sandbox.patch import Hunk, Patch
from sandbox.results import Ending, Outcome, Run
from sandbox.tree import scan_tree
from tests.drops import Drop, number
from tests.fakes import LocalBench, LocalSandbox, ScriptedEngine, ScriptedSession

WORST_USD, COST_USD = 0.01, 0.004


class InstantBench(LocalBench):
    """Runs the tests of the module in this process, from memory."""

    def run(
        self,
        changes: Mapping[str, bytes] = {},
        *,
        first: Sequence[str] = (),
        only: Sequence[str] | None = None,
        extra_tests: Mapping[str, bytes] = {},
        timeout_s: float | None = None,
        stop: Any = None,
    ) -> Run:
        """Every test, or those named."""
        self._sandbox.before_run()
        held = self._sandbox.contents[self.tree.hash]
        files = {name: data.decode() for name, data in {**held, **changes, **extra_tests}.items()}
        outcomes = {
            test: outcome
            for name in sorted(files)
            if name.startswith("test_")
            for test, outcome in outcomes_of(name, files)
            if only is None or test in only
        }
        return Run(
            ending=Ending.FINISHED,
            outcomes=outcomes,
            messages={},
            durations={},
            output="",
            seconds=0.001,
            detail="",
            collected=tuple(outcomes),
        )


def outcomes_of(name: str, files: Mapping[str, str]) -> Iterable[tuple[str, Outcome]]:
    """The tests of one file, run with the module's files as its imports."""

    def imported(wanted: str, *rest: Any) -> Any:
        return SimpleNamespace(**defined(files[f"{wanted}.py"], builtins.__import__))

    for test, function in defined(files[name], imported).items():
        if test.startswith("test_"):
            try:
                function()
            except Exception:  # noqa: BLE001 -- whatever a test raises, it failed
                yield f"{name}::{test}", Outcome.FAILED
            else:
                yield f"{name}::{test}", Outcome.PASSED


def defined(source: str, importing: Callable[..., Any]) -> dict[str, Any]:
    """What a source defines."""
    names: dict[str, Any] = {"__builtins__": {**vars(builtins), "__import__": importing}}
    exec(source, names)  # noqa: S102 -- our own files
    return names


class InstantSandbox(LocalSandbox):
    """Benches that hold the module in memory; nothing is copied that a kill could leave by half."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))
        self.contents: dict[str, dict[str, bytes]] = {}

    def prepare(self, module: Module) -> InstantBench:
        """The module as it is now."""
        if self.broken is not None:
            raise self.broken
        tree = scan_tree(module.root, exclude=module.exclude)
        contents = {name: (module.root / name).read_bytes() for name in tree.files}
        self.contents[tree.hash] = contents
        return InstantBench(module, tree, self)

    def prune(self, keep: int) -> None:
        """No snapshots, none to remove."""


class NoteReader(ScriptedEngine):
    """Does what a note's summary says: a kind and a fruit. Each proposal is a call that costs."""

    def __init__(self, budget: Budget, calls: Path) -> None:
        super().__init__(Declined(category="not_a_bug", reason="nothing is scripted"), [])
        self.budget, self.calls = budget, calls

    def open(self, case: Case) -> "NoteSession":
        """One session on one note."""
        return NoteSession(self, case)


class NoteSession(ScriptedSession):
    """A session on one note."""

    def __init__(self, engine: NoteReader, case: Case) -> None:
        super().__init__(engine)
        self.drop = Drop(*case.reflection.task_summary.split())
        self.tries = 0
        self.pays = partial(paid_call, engine.budget, engine.calls, case.reflection.id)

    def diagnose(self) -> BugReport | Declined:
        """The bug of the note's fruit."""
        fruit = self.drop.fruit
        if self.drop.kind == "decline":
            return Declined(category="not_in_target", reason="it is somebody else's")
        return BugReport(
            filename=f"{fruit}.py",
            function="price",
            summary=f"the price of {fruit} is too low",
            failing_test=f"test_{fruit}.py::test_price",
        )

    def propose(self, report: BugReport, feedback: Feedback | None) -> Proposal:
        """The right patch, or what else the kind asks for."""
        self.tries += 1
        self.pays()
        wrong = self.drop.kind == "wrong" or (self.drop.kind == "second" and self.tries == 1)
        if wrong:
            return Proposal(patch=self.patch(f"count * {self.tries + 1} - "))
        rivals = (self.patch("1 * count + "),) if self.drop.kind == "rivals" else ()
        return Proposal(patch=self.patch("count + "), rivals=rivals)

    def patch(self, words: str) -> Patch:
        """The line of each fruit written anew."""
        hunks = [
            Hunk(
                filename=f"{fruit}.py",
                first_line=2,
                last_line=2,
                original=f"    return count - {number(fruit)}\n",
                replacement=f"    return {words}{number(fruit)}\n",
            )
            for fruit in self.drop.fruits
        ]
        return Patch(hunks=tuple(hunks), rationale="the price is added")


def paid_call(budget: Budget, calls: Path, reflection: str) -> None:
    """One call as the real engine makes it: booked at its worst, made, and settled."""
    booked = budget.reserve(reflection, usd=WORST_USD, tokens=10)
    fd = os.open(calls, os.O_WRONLY | os.O_APPEND)
    os.write(fd, b".")
    os.close(fd)
    budget.settle(booked, usd=COST_USD, tokens=5)
