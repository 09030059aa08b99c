"""Whole cycles in milliseconds: notes dropped, real worker processes until all is done.

Real are the worker, inbox, store, trail, apply, git, journal, budget and signing (tests/instant.py
says what is not). tests/accounting.py says what must have become of each note.
"""

import gc
import logging
import os
import signal
import subprocess
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon import cycle, worker
from daemon.config.config_file import load_settings
from daemon.desk import workshop
from daemon.desk.workshop import Workshop
from daemon.settings import Settings
from reflections.store import State, Store
from tests.drops import FRUITS, TESTS, Drop, code, number
from tests.instant import InstantSandbox, NoteReader

MOST_STARTS = 40
CLEAN = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
PERSON = ("-c", "user.name=person", "-c", "user.email=person@example.org")


class Round:
    """An installation, notes dropped into it, and workers until all is done."""

    def __init__(self, folder: Path, drops: Sequence[Drop], *, git: bool = False) -> None:
        self.folder, self.drops, self.git = folder, drops, git
        self.module, self.state = folder / "shop", folder / "state"
        self.module.mkdir(parents=True)
        for fruit in FRUITS:
            (self.module / f"{fruit}.py").write_text(code(fruit))
            words = {"fruit": fruit, "n": number(fruit), "sum": 5 + number(fruit)}
            (self.module / f"test_{fruit}.py").write_text(TESTS.format(**words))
        if git:
            self.git_says("init", "-q", "-b", "main")
            self.git_says("add", "-A")
            self.git_says("commit", "-q", "-m", "start")
        self.settings = self.configured()
        self.calls = folder / "calls"  # the model's own count of what it was asked
        self.calls.write_bytes(b"")

    def configured(self, target: str = "", rest: str = "") -> Settings:
        """The settings, with more lines for the target and more tables."""
        config = self.folder / "mendd.toml"
        config.write_text(
            'state = "state"\n[service]\nretry_s = 1\nretry_most_s = 2\n'
            '[[target]]\nname = "shop"\npath = "shop"\nengine = "search"\n'
            f"attempts = 2\n{target}\n{rest}\n"
        )
        self.settings = load_settings(config)
        return self.settings

    def git_says(self, *arguments: str) -> str:
        """What a person's git says of the module."""
        command = ["git", *PERSON, *arguments]
        return subprocess.run(
            command, cwd=self.module, env=CLEAN, capture_output=True, text=True, check=True
        ).stdout.strip()

    def drop_all(self, drops: Sequence[Drop] = ()) -> None:
        """These notes, or every one, are in the inbox."""
        inbox = self.settings.inbox_path
        inbox.mkdir(parents=True, exist_ok=True)
        for drop in drops or self.drops:
            name, text = drop.file
            (inbox / name).write_text(text)

    def work(
        self,
        clock: Callable[[], datetime] | None = None,
        sandbox: InstantSandbox | None = None,
        more: Mapping[str, Any] = {},
    ) -> int:
        """One worker's pass in this process, as its own process would make it; its exit code."""
        opened = workshop.open_workshop

        def open_here(settings: Settings, environ: Mapping[str, str]) -> Workshop:
            shop = opened(settings, environ, signals=False)
            return replace(shop, **({"clock": clock} if clock else {}), **more)

        worker.open_workshop = open_here  # type: ignore[attr-defined]
        here = sandbox or InstantSandbox()
        workshop.open_sandbox = lambda settings, progress: here  # type: ignore[assignment]
        complete = [drop.file[0] for drop in self.drops]
        try:
            with engines_scripted(self.calls):
                options = Namespace(settle=False, housekeep=False, complete=complete)
                return worker.run_worker(self.settings, options)
        finally:
            worker.open_workshop = opened  # type: ignore[attr-defined]

    def start(self, work: Callable[[], int] | None = None) -> int:
        """A worker in a process and a group of its own; its process id."""
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            os.setpgid(0, 0)
            quiet()
            code = (work or self.work)()
        finally:
            os._exit(code)

    def finish(self, clock: Callable[[], datetime] | None = None) -> list[int]:
        """Start workers until one ends well and leaves nothing to be done; their exit codes."""
        codes: list[int] = []
        for _ in range(MOST_STARTS):
            codes.append(ended(self.start(lambda: self.work(clock))))
            if codes[-1] == worker.DONE and not self.unfinished():
                break
            if clock is None:
                time.sleep(0.05)
        return codes

    def unfinished(self) -> list[str]:
        """Work that waits for its next try, changes not settled, files not taken in."""
        store = Store(self.state)
        active = [work.id for work in store.all() if work.state in (State.OPEN, State.WAITING)]
        store.close()
        journal = [path.name for path in (self.state / "journal").glob("*.json")]
        inbox = [path.name for path in self.settings.inbox_path.iterdir() if path.is_file()]
        return active + journal + inbox

    def read(self, fruit: str) -> str:
        """Its file as it is now."""
        return (self.module / f"{fruit}.py").read_text()


@contextmanager
def engines_scripted(calls: Path) -> Iterator[None]:
    """Within it the cycle's engine is the one that reads notes."""
    before = cycle.engines_for
    cycle.engines_for = lambda job: (NoteReader(job.shop.budget, calls),)
    try:
        yield
    finally:
        cycle.engines_for = before


def ended(pid: int) -> int:
    """Wait for a process; its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill(pid: int, *, group: bool) -> None:
    """SIGKILL, to all of its group or to it alone."""
    try:
        (os.killpg if group else os.kill)(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)


def quiet() -> None:
    """The log of a worker that is meant to die is nobody's concern."""
    logging.disable(logging.CRITICAL)
    gc.disable()


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder in memory where that can be had: a kill loses no page, so syncs prove nothing."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else otherwise
    with tempfile.TemporaryDirectory(prefix="mendd-crash-", dir=memory) as name:
        yield Path(name)
