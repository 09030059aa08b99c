"""The real service with a clock that can be stepped under it, and its workers without Docker.

    python -m tests.clocked serve CONFIG      what `mendd run` does
    python -m tests.clocked work …            what it starts: the worker of tests/rounds.py

libfaketime (Debian's package of that name) steps the clock on the wall for the service and all it
starts; the clocks that nobody can set go on as they do.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from audit.trail import Trail
from daemon import worker
from daemon.desk import workshop
from daemon.service import serve
from sandbox.errors import EngineUnavailable
from tests.instant import InstantSandbox
from tests.rounds import Round, engines_scripted

ROOT = Path(__file__).parents[1]
LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1")
DEADLINE_S = 60.0
DAY_S = 86_400


def library() -> Path | None:
    """Where libfaketime is, if it is here."""
    found = [path for each in LIBRARIES for path in Path("/").glob(each.removeprefix("/"))]
    return found[0] if found else None


class Clocked:
    """A service on a round's installation, and the clock it believes."""

    def __init__(self, here: Round) -> None:
        self.here = here
        self.offset_s = 0
        self.outage = here.folder / "outage"
        self._file = here.folder / "clock"
        self.step(0)

    def __enter__(self) -> "Clocked":
        environment = {
            **os.environ,
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(ROOT),
        }
        config = self.here.folder / "mendd.toml"
        command = [sys.executable, "-B", "-m", "tests.clocked", "serve", str(config)]
        with (self.here.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, env=environment, cwd=ROOT, stderr=log, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)

    def step(self, by_s: int) -> None:
        """The clock on the wall jumps."""
        self.offset_s += by_s
        beside = self._file.with_name("clock.new")
        beside.write_text(f"{self.offset_s:+d}\n")
        beside.replace(self._file)

    def done(self, seconds: float = DEADLINE_S) -> bool:
        """Wait until nothing is left to be done; whether that came about in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (
                not list(self.here.settings.inbox_path.glob("*.json*"))
                and not self.here.unfinished()
            ):
                return True
            time.sleep(0.2)
        return False

    def recorded(self, event: str) -> bool:
        """Wait until the trail has such a record; whether it came."""
        trail = Trail(self.here.state / "audit" / "trail.jsonl")
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if trail.path.exists() and any(trail.records(event=event)):
                return True
            time.sleep(0.05)
        return False

    @property
    def starts(self) -> int:
        """How many workers were started."""
        log = self.here.folder / "starts"
        return len(log.read_bytes()) if log.exists() else 0


def work(arguments: list[str]) -> int:
    """One worker; the engine is away while the file `outage` stands."""
    folder = Path(arguments[arguments.index("--config") + 1]).parent
    with (folder / "starts").open("ab") as log:
        log.write(b".")
    sandbox = InstantSandbox()
    if (folder / "outage").exists():
        sandbox.broken = EngineUnavailable("no engine answers")
    workshop.open_sandbox = lambda settings, progress: sandbox  # type: ignore[assignment]
    with engines_scripted(folder / "calls"):
        return worker.main(arguments)


if __name__ == "__main__":
    if sys.argv[1] == "work":
        sys.exit(work(sys.argv[2:]))
    command = [sys.executable, "-B", "-m", "tests.clocked", "work"]
    sys.exit(serve(Path(sys.argv[2]), worker_command=command))
