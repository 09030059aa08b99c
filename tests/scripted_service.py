"""The real supervisor with workers that a test scripts: real processes, folders and signals."""

import contextlib
import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from audit.trail import Trail
from daemon.settings import InboxSettings, ServiceSettings, Settings, TargetSettings
from daemon.supervision.accepted import Configuration
from daemon.supervision.ledger import Ledger
from daemon.supervision.supervisor import Service
from daemon.supervision.wake import Wake

DEADLINE_S = 30.0
"""How long a test waits for what must happen; generous, for a busy machine."""

PRELUDE = """
import json, os, pathlib, signal, sys, time
state, arguments = pathlib.Path({state!r}), sys.argv[1:]
inbox = state / "inbox"
with open(state / "starts.jsonl", "a") as log:
    log.write(json.dumps({{"pid": os.getpid(), "arguments": arguments}}) + "\\n")
duty = next((d for d in ("settle", "housekeep") if "--" + d in arguments), "work")
def shows(stage, **more):
    now = time.time_ns()
    said = dict(pid=os.getpid(), stage=stage, detail="", since="x", beat=str(now), **more)
    beside = state / ".progress"
    beside.write_text(json.dumps(said))
    beside.replace(state / "progress.json")
def takes_all():
    if duty == "work":
        for path in inbox.iterdir():
            path.unlink()
"""


def until(holds: Callable[[], Any], what: str = "it") -> Any:
    """Wait until it holds and return what it said; fail after the deadline."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        said = holds()
        if said:
            return said
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {DEADLINE_S:.0f} s")


def worker_command(state: Path, body: str) -> list[str]:
    """A worker that notes its arguments and then runs `body`."""
    script = state / "scripted_worker.py"
    script.write_text(PRELUDE.format(state=str(state)) + body)
    return [sys.executable, "-I", "-S", str(script)]


def settings_in(state: Path, **service: Any) -> Settings:
    """Settings with quick scans; `service` overrides [service]."""
    quick = {"retry_s": 0.2, "retry_most_s": 1.0, "stop_s": 5.0, "stall_s": 20.0} | service
    return Settings(
        file=state / "mendd.toml",
        state=state,
        kill_switch=state / "KILL",
        inbox_path=state / "inbox",
        targets=(TargetSettings(name="example", path=state / "target"),),
        inbox=InboxSettings(scan_s=0.2),
        service=ServiceSettings(**quick),
    )


class Scripted(Configuration):
    """A configuration that reads what the test says; nothing is copied."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.file)
        self.reads: Callable[[], Settings] = lambda: settings

    def read(self) -> Settings:
        """What the test says."""
        return self.reads()

    def accept(self, settings: Settings) -> None:
        """There is no text."""


@dataclass
class Running:
    """A service in a thread, and what a test asks about it."""

    settings: Settings
    wake: Wake
    service: Service
    configuration: Scripted
    signals: Counter[signal.Signals] = field(default_factory=Counter)

    def send(self, number: signal.Signals) -> None:
        """As if the process had been sent the signal."""
        self.signals[number] += 1
        self.wake.call()

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.settings.state

    def starts(self, duty: str | None = None) -> list[list[str]]:
        """The arguments of every worker started so far, of one duty if given."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.state / "starts.jsonl").read_text().splitlines()
            every = [json.loads(line)["arguments"] for line in lines]
            return [arguments for arguments in every if duty in (None, duty_of(arguments))]
        return []

    def pid(self) -> int:
        """The process number of the worker started last."""
        return int(json.loads((self.state / "starts.jsonl").read_text().splitlines()[-1])["pid"])

    def events(self, event: str) -> list[Mapping[str, Any]]:
        """The data of all records of one event."""
        path = self.state / "audit" / "trail.jsonl"
        return [record.data for record in Trail(path).records(event=event)] if path.exists() else []

    def inbox_is_empty(self) -> bool:
        """True when no worker left a file."""
        return not any(path.is_file() for path in (self.state / "inbox").iterdir())


def duty_of(arguments: list[str]) -> str:
    """What the worker with these arguments was started for."""
    return next((d for d in ("settle", "housekeep") if f"--{d}" in arguments), "work")


@contextlib.contextmanager
def running(
    state: Path,
    body: str,
    *,
    environment: Mapping[str, str] | None = None,
    kill_switch: Path | None = None,
    **timing: Any,
) -> Iterator[Running]:
    """Run the service with workers that run `body`; stopped and checked at the end."""
    (state / "inbox").mkdir(parents=True, exist_ok=True)
    settings = settings_in(state, **timing)
    if kill_switch is not None:
        settings = replace(settings, kill_switch=kill_switch)
    wake = Wake()
    signals: Counter[signal.Signals] = Counter()
    configuration = Scripted(settings)
    supervisor = Service(
        settings,
        Ledger(Trail(state / "audit" / "trail.jsonl")),
        wake,
        configuration=configuration,
        signals=lambda number: signals.pop(number, 0),
        worker_command=worker_command(state, body),
        environment=environment or {},
    )
    run = Running(settings, wake, supervisor, configuration, signals)
    thread = threading.Thread(target=supervisor.run, name="service", daemon=True)
    thread.start()
    try:
        yield run
    finally:
        run.send(signal.SIGTERM)
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), "the service did not stop"
        wake.close()
