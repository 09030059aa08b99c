"""A whole installation in a temporary folder: module, configuration, the real service process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.trail import verify
from sandbox.launch import state_label
from sandbox.trial import Limits, Sandbox

PATIENCE_S = 120.0

SHOP = '''\
"""Prices of a small shop."""


def total(prices):
    """The sum of all prices."""
    amount = 0
    for price in prices[1:]:
        amount += price
    return amount


def cheapest(prices):
    """The lowest price; 0 when there is none."""
    return min(prices)


def with_discount(price, percent):
    """The price less so many percent."""
    return price - price * percent / 100
'''

SHOP_TESTS = """\
from shop import cheapest, total, with_discount


def test_total_of_three():
    assert total([1, 2, 3]) == 6


def test_total_of_one():
    assert total([5]) == 5


def test_total_of_nothing():
    assert total([]) == 0


def test_cheapest():
    assert cheapest([3, 1, 2]) == 1


def test_discount():
    assert with_discount(200, 10) == 180
"""

TOTAL_NOTE = {
    "timestamp": "2026-11-20T08:00:00Z",
    "task_summary": "Add up a shopping basket with shop.total",
    "outcome": "failed: total([5]) returned 0 instead of 5",
    "reflection": "The function total in shop.py loses the first price.",
}


class Site:
    """One installation. Commands are run as an operator would type them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.module = folder / "shop"
        self.state = folder / "state"
        self.config = folder / "mendd.toml"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith("ANTHROPIC")
        }
        self.module.mkdir()
        (self.module / "shop.py").write_text(SHOP)
        (self.module / "test_shop.py").write_text(SHOP_TESTS)
        self.configure()

    def configure(self, target: str = "", rest: str = "") -> None:
        """Write the configuration; `target` adds lines to the target, `rest` more tables."""
        self.config.write_text(
            f'state = "state"\n\n[[target]]\nname = "shop"\npath = "shop"\n{target}\n'
            f"[inbox]\nscan_s = 0.5\n\n{rest}\n"
        )

    def git(self, *arguments: str) -> str:
        """Run git in the module."""
        identity = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Dev"), ("EMAIL", "dev@localhost"))
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.module,
            env={**self.environment, **identity, "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def make_repository(self) -> None:
        """Turn the module into a git repository with one commit."""
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-qm", "as it is")

    def mendd(self, *arguments: str, code: int | None = 0) -> str:
        """Run one command; its standard output. `code` is the exit code to expect."""
        done = subprocess.run(
            [sys.executable, "-m", "daemon.cli", "--config", str(self.config), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        if code is not None:
            assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        """Start the service."""
        with (self.folder / "service.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "daemon.cli", "--config", str(self.config), "run"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> int:
        """Stop the service as systemd would; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.process = None
        return code

    def drop(self, note: dict[str, Any] | str, name: str = "note.json") -> None:
        """Put a note into the inbox, whole."""
        inbox = self.state / "inbox"
        inbox.mkdir(parents=True, exist_ok=True)
        beside = inbox / f".{name}.part"
        beside.write_text(note if isinstance(note, str) else json.dumps(note))
        beside.rename(inbox / name)

    def records(self, event: str | None = None) -> list[dict[str, Any]]:
        """The trail's records."""
        try:
            lines = (self.state / "audit" / "trail.jsonl").read_text().splitlines()
        except FileNotFoundError:
            return []
        found = [json.loads(line) for line in lines if line.endswith("}")]
        return [record for record in found if event in (None, record["event"])]

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        """Wait until the trail holds `count` such records; the last of them."""
        self.wait(lambda: len(self.records(event)) >= count, f"{count} x {event}")
        return self.records(event)[-1]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition, with the log in the message when it does not come."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"no {what} within {PATIENCE_S:g} s\n{self.story()}")
            time.sleep(0.05)

    def story(self) -> str:
        """What happened so far, for messages."""
        log = self.folder / "service.log"
        text = log.read_text()[-6000:] if log.exists() else ""
        events = [
            f"{record['event']} {str(record['data'])[:500]}" for record in self.records()[-20:]
        ]
        return text + "\n" + "\n".join(events)

    def containers(self) -> list[str]:
        """This installation's containers that exist now."""
        done = subprocess.run(
            ["docker", "ps", "-aq", "--filter", f"label=mendd.state={state_label(self.state)}"],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    def worker_pid(self) -> int:
        """The process id of the worker under way."""
        return int(json.loads((self.state / "progress.json").read_text())["pid"])

    def kill(self, pid: int) -> None:
        """SIGKILL, as an out-of-memory killer would."""
        os.kill(pid, signal.SIGKILL)

    def trail_is_whole(self) -> bool:
        """Whether the chain verifies."""
        return verify(self.state / "audit" / "trail.jsonl").ok


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An installation; its service is gone when the test ends."""
    site = Site(tmp_path)
    yield site
    if site.process is not None:
        os.killpg(site.process.pid, signal.SIGTERM)
        try:
            site.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(site.process.pid, signal.SIGKILL)
            site.process.wait()
    sandbox = Sandbox(
        docker_host=None, limits=Limits(), slots=1, state=site.state, progress=lambda _: None
    )
    sandbox.prune(0)
    sandbox.close()
