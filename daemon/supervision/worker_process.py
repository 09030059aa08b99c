"""One worker process: started, listened to, ended.

A worker is a program in a session of its own, so that it and what it started can be signalled
together. It shows life through `state/progress.json`; the supervisor notes when that file changes
by its own monotonic clock, so neither a set clock nor a suspended machine looks like silence.
"""

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from daemon.desk.progress import FILENAME as PROGRESS
from daemon.desk.progress import Progress, read_progress

log = logging.getLogger(__name__)

NOT_FOR_WORKERS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID")
KILLED_EXIT = 4


class Duty(StrEnum):
    """What a worker is started for; the more pressing first."""

    SETTLE = "settle"  # remove our containers, roll back what was half applied
    WORK = "work"  # take the inbox in and work on everything that is due
    HOUSEKEEP = "housekeep"  # prune old snapshots


@dataclass(frozen=True, kw_only=True)
class End:
    """How a worker ended. `code` is its exit code, negative for a signal (as in subprocess)."""

    duty: Duty
    code: int
    seconds: float
    at: Progress | None
    why_ended: str

    @property
    def well(self) -> bool:
        """True when it did what it was started for."""
        return self.code == 0

    def __str__(self) -> str:
        if self.code >= 0:
            return f"exit code {self.code}"
        try:
            return f"signal {signal.Signals(-self.code).name}"
        except ValueError:
            return f"signal {-self.code}"


class Worker:
    """A running worker. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        command: Sequence[str],
        duty: Duty,
        *,
        state: Path,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start it. Raises OSError when the program cannot be run."""
        self.duty = duty
        self.why_ended = ""
        self._state, self._clock = state, clock
        self._beat: object = self._look()
        self._heard_at = self._started = clock()
        self._kill_at: float | None = None
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=2,  # stderr: the log; a worker has nothing to say on stdout
            start_new_session=True,
            env={k: v for k, v in environment.items() if k not in NOT_FOR_WORKERS},
        )
        self.pid = self._process.pid
        self.descriptor = os.pidfd_open(self.pid)

    def silent_s(self) -> float:
        """Seconds since it last showed life (its start counts)."""
        beat = self._look()
        if beat != self._beat:
            self._beat, self._heard_at = beat, self._clock()
        return self._clock() - self._heard_at

    def progress(self) -> Progress | None:
        """What it says it is at."""
        progress = read_progress(self._state)
        return progress if progress is not None and progress.pid == self.pid else None

    def end(self, why: str, *, grace_s: float) -> None:
        """Ask it and its children to end, kill them after `grace_s`; a shorter grace wins.

        `why` is kept from the first call.
        """
        deadline = self._clock() + grace_s
        if self._kill_at is None:
            self.why_ended = why
            log.info("ending the worker (process %d): %s", self.pid, why)
            self._signal(signal.SIGTERM)
            self._kill_at = deadline
        self._kill_at = min(self._kill_at, deadline)

    def kill_in_s(self) -> float | None:
        """Seconds until it will be killed; None while nobody asked it to end."""
        return None if self._kill_at is None else max(0.0, self._kill_at - self._clock())

    def poll(self) -> End | None:
        """None while it runs, else how it ended. Kills it when its grace is over."""
        if self._kill_at is not None and self._clock() >= self._kill_at:
            self._signal(signal.SIGKILL)
        if not _has_exited(self.pid):
            return None
        # Not reaped yet, so the group's number is still ours: take whatever it left behind along.
        self._signal(signal.SIGKILL)
        code = self._process.wait()
        os.close(self.descriptor)
        at = self.progress()
        if code != 0:
            with contextlib.suppress(OSError):
                (self._state / PROGRESS).unlink()
        seconds = self._clock() - self._started
        return End(duty=self.duty, code=code, seconds=seconds, at=at, why_ended=self.why_ended)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError as error:
            log.warning("the worker (process %d) cannot be signalled: %s", self.pid, error)

    def _look(self) -> object:
        try:
            about = (self._state / PROGRESS).stat()
        except OSError:
            return None
        return about.st_mtime_ns, about.st_ino


def _has_exited(pid: int) -> bool:
    """Looks without reaping, so that the process group cannot be reused in between."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
