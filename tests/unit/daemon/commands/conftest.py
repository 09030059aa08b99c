"""A project with a configuration and a trail, for every command to work on."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.engines import BugReport, Proposal
from sandbox.patch import Hunk, Patch
from tests.fakes import LocalSandbox, ScriptedEngine
from tests.terminal import EVIL, Home

CODE = "def total(prices):\n    return sum(prices[1:])\n"
TESTS = "from shop import total\n\n\ndef test_total():\n    assert total([5]) == 5\n"


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    """A project with a configuration, its state folder empty."""
    (tmp_path / "mendd.toml").write_text(
        'state = ".mendd"\n[[target]]\nname = "shop"\npath = "shop"\n'
    )
    (tmp_path / "shop").mkdir()
    (tmp_path / ".mendd").mkdir()
    return Home(tmp_path, capsys)


@pytest.fixture
def recorded(home: Home) -> Home:
    """The same with a trail that tells of two reflections, one in hostile words."""
    trail = home.trail
    shop = {"target": "shop"}
    trail.append("started")
    note = {"task_summary": EVIL, "outcome": "failed"}
    trail.append("received", reflection="20261120T080000Z-aaaa", data=note, **shop)
    diff = f"--- a/cart.py\n+++ b/cart.py\n@@ -1 +1 @@\n-x = 1\n+{EVIL}\n"
    applied = {"files": ["cart.py"], "evidence": "proven", "certificate": "00", "diff": diff}
    trail.append("applied", reflection="20261120T080000Z-aaaa", data=applied, **shop)
    declined = {"reason": "not_a_bug: it works as intended"}
    trail.append("declined", reflection="20261120T090000Z-bbbb", data=declined, **shop)
    return home


@pytest.fixture
def mending(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A shop with a bug, tests in a local copy, and an engine that knows the answer."""
    (home.folder / "shop" / "shop.py").write_text(CODE)
    (home.folder / "shop" / "test_shop.py").write_text(TESTS)
    sandbox = LocalSandbox(home.folder / "copies")
    monkeypatch.setattr("daemon.desk.workshop.open_sandbox", lambda *_: sandbox)
    monkeypatch.setattr("daemon.cycle.engines_for", lambda _: (engine(),))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield home
    for number, handler in handlers.items():
        signal.signal(number, handler)


def engine() -> ScriptedEngine:
    """It proposes the right patch, once."""
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
    return ScriptedEngine(report, [Proposal(patch=Patch(hunks=(hunk,), rationale="every price"))])
