"""A whole installation with real containers: a shop with one bug, notes, and workers run here."""

import gc
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.record import Record
from audit.trail import Trail, verify
from daemon.budget import Budget
from daemon.config.config_file import load_settings
from daemon.desk.progress import Beacon
from daemon.desk.workshop import Workshop, open_sandbox
from daemon.killswitch import KillSwitch, StopSignal
from daemon.road.history import History
from daemon.worker import DONE, work
from reflections.store import State, Store, Work
from sandbox.trial import Limits, Sandbox

CODE = "def restock(count):\n    return count - 1\n"
FIXED = "def restock(count):\n    return count + 1\n"
TESTS = (
    "from shop import restock\n\n\n"
    "def test_some():\n    assert restock(5) == 6\n\n\n"
    "def test_none():\n    assert restock(0) == 1\n\n\n"
    "def test_debt():\n    assert restock(-3) == -2\n"
)
NOTE = {
    "task_summary": "put one more on the shelf",
    "outcome": "failed: restock(5) gave 4 instead of 6",
    "reflection": "restock in shop.py takes one away",
}


class Installation:
    """One installation and its workers, each in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.module = folder / "shop"
        self.state = folder / "state"
        self.module.mkdir()
        self.shop: Workshop | None = None
        self.now = datetime(2026, 11, 20, 9, tzinfo=UTC)
        self.write("shop.py", CODE)
        self.write("test_shop.py", TESTS)

    def write(self, name: str, content: str | bytes) -> None:
        """A file of the module."""
        path = self.module / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def read(self, name: str = "shop.py") -> bytes:
        """A file of the module."""
        return (self.module / name).read_bytes()

    def configure(self, target: str = "", rest: str = "") -> Path:
        """Write the configuration; `target` adds lines to the target, `rest` more tables."""
        config = self.folder / "mendd.toml"
        config.write_text(
            'state = "state"\n[[target]]\nname = "shop"\npath = "shop"\nengine = "search"\n'
            f"{target}\n{rest}\n"
        )
        return config

    def mend(self, target: str = "", rest: str = "", note: dict[str, str] = NOTE) -> None:
        """Drop the note and let one worker work off what is there."""
        self.configure(target, rest)
        inbox = self.state / "inbox"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / "n.json").write_text(json.dumps(note))
        self.work()

    def work(self) -> None:
        """One worker, as the service starts it but in this process, and deaf to signals."""
        settings = load_settings(self.folder / "mendd.toml")
        kill_switch, beacon = KillSwitch(settings.kill_switch), Beacon(self.state)
        self.shop = Workshop(
            settings=settings,
            store=Store(self.state),
            trail=Trail(self.state / "audit" / "trail.jsonl"),
            sandbox=open_sandbox(settings, beacon.detail),
            history=History(self.state / "history"),
            budget=Budget(self.state / "budget.json", settings.budget),
            beacon=beacon,
            kill_switch=kill_switch,
            stop=StopSignal(kill_switch),
            environ={},
            clock=lambda: self.now,
        )
        assert work(self.shop, complete=["n.json"]) == DONE
        assert verify(self.state / "audit" / "trail.jsonl").ok

    @property
    def open_work(self) -> list[Work]:
        """What is still open."""
        assert self.shop is not None
        return self.shop.store.all()

    @property
    def records(self) -> list[Record]:
        """The trail."""
        assert self.shop is not None
        return list(self.shop.trail.records())

    def last(self, event: str) -> dict[str, Any]:
        """The data of the last record of that event; names what there is when there is none."""
        found = [record for record in self.records if record.event == event]
        assert found, [(record.event, record.data.get("reason")) for record in self.records]
        return dict(found[-1].data)

    def assert_waits(self, *words: str) -> None:
        """Recorded as a failure of the world with these words; nothing changed, nothing lost."""
        reason = self.last("failed")["reason"]
        assert all(word in reason for word in words), reason
        assert self.last("failed")["next_try"]
        assert self.records[-1].target == "shop"
        (waiting,) = self.open_work
        assert waiting.state is State.WAITING and waiting.attempts == 0


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """An installation of which no container and no snapshot is left behind."""
    here = Installation(folder)
    log = logging.getLogger("mendd.worker")  # its kept records would keep frames and sockets alive
    log.disabled = True
    try:
        yield here
    finally:
        log.disabled = False
        here.shop = None
    sandbox = Sandbox(
        docker_host=None, limits=Limits(), slots=1, state=here.state, progress=lambda _: None
    )
    left = sandbox.running()
    sandbox.sweep()
    sandbox.prune(0)
    sandbox.close()
    gc.collect()  # what the Docker SDK left unclosed is this test's, not the next one's
    assert left == 0, f"{left} containers were left behind"
