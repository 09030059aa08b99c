"""A small module on disk, a case about it, and sessions that talk to the scripted model."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from daemon.budget import Budget
from daemon.checks.scope import Scope
from daemon.engines import MEND, Baseline, Case, Task
from daemon.engines.claude import ClaudeEngine, ClaudeSession
from daemon.road.case_checks import patch_complaint, report_complaint
from daemon.road.source import SnapshotSource
from daemon.settings import BudgetSettings, ClaudeSettings, TargetSettings
from reflections.note import Reflection
from sandbox.tree import scan_tree
from sandbox.trial import Bench, Ending, Outcome, Run
from tests.caller import Caller
from tests.fake_model import FakeModel, Script
from tests.shop import CART, FAILING, NOTE, TESTS

Talk = Callable[..., tuple[ClaudeSession, FakeModel]]


@dataclass
class Desk:
    """What a test lays out before a session opens, and what it looks at afterwards."""

    root: Path
    settings: ClaudeSettings
    limits: BudgetSettings = field(default_factory=BudgetSettings)
    stop: threading.Event = field(default_factory=threading.Event)
    said: list[str] = field(default_factory=list)
    failing: Mapping[str, str] = field(
        default_factory=lambda: {FAILING: "assert 0 == 2\nshop/cart.py:14: AssertionError"}
    )
    reflection: Reflection = NOTE
    advice: str = ""
    task: Task = MEND
    key: str | None = "sk-test"

    @property
    def budget(self) -> Budget:
        """The books, read afresh."""
        return Budget(self.root.parent / "state" / "budget.json", self.limits)

    def write(self, name: str, text: str) -> None:
        """Put a file into the module."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())

    def case(self) -> Case:
        """The case as the cycle would make it, on the real snapshot, source and scope."""
        target = TargetSettings(name="shop", path=self.root)
        scope = Scope(target)
        source = SnapshotSource(scan_tree(self.root), scope)
        return Case(
            reflection=self.reflection,
            source=source,
            bench=cast(Bench, None),
            baseline=self.baseline,
            check_report=lambda report: report_complaint(report, source, scope),
            check_patch=lambda patch: patch_complaint(patch, source),
            progress=self.said.append,
            stop=self.stop,
            advice=self.advice,
            task=self.task,
        )

    def baseline(self) -> Baseline:
        """The failing tests as set, and one that passes."""
        outcomes = {"tests/test_cart.py::test_empty": Outcome.PASSED}
        outcomes |= dict.fromkeys(self.failing, Outcome.FAILED)
        run = Run(
            ending=Ending.FINISHED,
            outcomes=outcomes,
            messages=dict(self.failing),
            durations={},
            output="1 failed, 1 passed",
            seconds=0.1,
            detail="",
            collected=tuple(outcomes),
        )
        return Baseline(outcomes=outcomes, flaky=(), run=run)

    def session(self, model: FakeModel, **changes: Any) -> ClaudeSession:
        """A session that talks to `model`; retries do not wait."""
        settings = replace(self.settings, base_url=model.url, **changes)
        engine = ClaudeEngine(settings, budget=self.budget, key=self.key)
        return engine.open(self.case())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """The shop module with its bug, and quick settings."""
    desk = Desk(
        root=tmp_path / "module",
        settings=ClaudeSettings(timeout_s=20, retries=2, retry_after_s=1, max_tokens=2000),
    )
    desk.write("shop/__init__.py", "")
    desk.write("shop/cart.py", CART)
    desk.write("tests/test_cart.py", TESTS)
    return desk


@pytest.fixture
def model() -> Iterator[Callable[[Script], FakeModel]]:
    """Starts scripted models; at the end none of them may have been spoken to wrongly."""
    running: list[FakeModel] = []

    def start(script: Script, *, key: str | None = None, faultless: bool = True) -> FakeModel:
        server = FakeModel(script, key=key)
        server.__enter__()
        server.faultless = faultless  # type: ignore[attr-defined]
        running.append(server)
        return server

    yield start
    for server in running:
        server.close()
    assert [s.faults for s in running if s.faultless and s.faults] == []  # type: ignore[attr-defined]


@pytest.fixture
def talk(
    desk: Desk, model: Callable[..., FakeModel]
) -> Iterator[Callable[..., tuple[ClaudeSession, FakeModel]]]:
    """Opens a session with a script, and closes it."""
    opened: list[ClaudeSession] = []

    def begin(script: Script, **settings: Any) -> tuple[ClaudeSession, FakeModel]:
        server = model(script)
        opened.append(desk.session(server, **settings))
        return opened[-1], server

    yield begin
    for session in opened:
        session.close()


@pytest.fixture
def caller() -> Iterator[Callable[..., Caller]]:
    """Makes callers and closes their connections."""
    made: list[Caller] = []

    def make(url: str, **settings: Any) -> Caller:
        made.append(Caller(url, **settings))
        return made[-1]

    yield make
    for each in made:
        each.transport.close()
