"""A small module with a bug, and a whole workshop around it: the worker's road without Docker.

The fixture `place` (tests/unit/daemon/conftest.py) makes one and checks its trail at the end.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audit.trail import Trail
from daemon.budget import Budget
from daemon.config.config_file import load_settings
from daemon.desk.orders import Order, OrderKind, give_order
from daemon.desk.progress import Beacon
from daemon.desk.workshop import Workshop
from daemon.engines import BugReport, Proposal
from daemon.killswitch import KillSwitch, StopSignal
from daemon.road.history import History
from daemon.road.moment import Uptime
from daemon.worker import work
from reflections.store import Store
from sandbox.patch import Hunk, Patch
from tests.fakes import LocalSandbox, ScriptedEngine

CODE = (
    "def total(prices):\n    return sum(prices[1:])\n\n\n"
    "def least(prices):\n    return min(prices)\n"
)
FIXED = CODE.replace("prices[1:]", "prices")
TESTS = (
    "from shop import least, total\n\n\n"
    "def test_total():\n    assert total([1, 2]) == 3\n\n\n"
    "def test_none():\n    assert total([]) == 0\n\n\n"
    "def test_least():\n    assert least([2, 1]) == 1\n"
)
NOTE = {
    "task_summary": "sum up a basket",
    "outcome": "failed: total([1, 2]) gave 2",
    "reflection": "total in shop.py leaves out the first price",
}
REPORT = BugReport(
    filename="shop.py",
    function="total",
    summary="total forgets the first price",
    failing_test="test_shop.py::test_total",
)


def proposal(new: str, *rivals: str) -> Proposal:
    """A patch of the line with the bug."""

    def patch(code: str) -> Patch:
        hunk = Hunk(
            filename="shop.py",
            first_line=2,
            last_line=2,
            original="    return sum(prices[1:])\n",
            replacement=code,
        )
        return Patch(hunks=(hunk,), rationale="because")

    return Proposal(patch=patch(new), rivals=tuple(map(patch, rivals)))


RIGHT = proposal("    return sum(prices)\n")
WRONG = proposal("    return sum(prices[2:])\n")


class Death(BaseException):
    """The process is gone; nothing in it runs any more."""


def dies(*_: object, **__: object) -> None:
    """In place of a step."""
    raise Death


class Place:
    """A workshop on a small module; engines are handed in."""

    def __init__(self, folder: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.module = folder / "shop"
        self.module.mkdir()
        self.file = self.module / "shop.py"
        self.file.write_text(CODE)
        (self.module / "test_shop.py").write_text(TESTS)
        config = folder / "mendd.toml"
        config.write_text(f'state = "state"\n[[target]]\nname = "shop"\npath = "shop"\n{target}\n')
        settings = load_settings(config)
        self.now = datetime(2026, 11, 20, 9, tzinfo=UTC)
        self.sandbox = LocalSandbox(folder / "copies")
        kill_switch = KillSwitch(settings.kill_switch)
        state = settings.state
        self.shop = Workshop(
            settings=settings,
            store=Store(state),
            trail=Trail(state / "audit" / "trail.jsonl"),
            sandbox=self.sandbox,  # type: ignore[arg-type]
            history=History(state / "history"),
            budget=Budget(state / "budget.json", settings.budget),
            beacon=Beacon(state),
            kill_switch=kill_switch,
            stop=StopSignal(kill_switch),
            environ={},
            clock=lambda: self.now,
            steady=lambda: Uptime(boot="this", seconds=self.now.timestamp()),
        )
        self.engines: list[ScriptedEngine] = []
        monkeypatch.setattr("daemon.cycle.engines_for", lambda job: tuple(self.engines))

    def drop(self, note: dict[str, Any] | None = None, name: str = "n.json") -> None:
        """Put a note into the inbox."""
        inbox = self.shop.settings.inbox_path
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_text(json.dumps(note or NOTE))

    def mend(self, *engines: ScriptedEngine, note: dict[str, Any] | None = None) -> int:
        """Drop a note and let the worker work."""
        self.engines = list(engines)
        self.drop(note)
        return self.work()

    def work(self) -> int:
        """One worker's pass."""
        return work(self.shop, complete=["n.json"])

    def events(self) -> list[str]:
        """The names of all records."""
        return [record.event for record in self.shop.trail.records()]

    def last(self, event: str) -> dict[str, Any]:
        """The data of the last record of that event."""
        return dict(list(self.shop.trail.records(event=event))[-1].data)

    def order(self, kind: OrderKind, id_: str, **more: Any) -> int:
        """Give an order and let the worker carry it out."""
        given = Order(kind=kind, id=id_, by="ada", time=self.now.isoformat(), **more)
        give_order(self.shop.state, given)
        return self.work()
