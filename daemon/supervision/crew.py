"""The one place for a worker: who is owed, who may start, how each end is answered.

A worker that fails is recorded and started again after a pause that doubles, so that one that
always crashes neither spins nor is given up. What it had not done stays where it was: in the
inbox, the store and the intent journal.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from daemon.desk.lock import held_by
from daemon.desk.progress import Progress
from daemon.settings import Settings
from daemon.supervision.accepted import worker_options
from daemon.supervision.agenda import Agenda
from daemon.supervision.ledger import Ledger
from daemon.supervision.schedule import now_utc
from daemon.supervision.worker_process import KILLED_EXIT, Duty, End, Worker

log = logging.getLogger(__name__)

STALLED_GRACE_S = 2.0
OTHERS_PAUSE_S = 1.0
SETTLE_LONGEST_S = 60.0
ALL = frozenset(Duty)


class Reason(StrEnum):
    """Why the supervisor ended a worker; the first two are no failures."""

    SWITCH = "the kill switch is on"
    STOP = "the service stops"
    STALLED = "it was silent for too long"


@dataclass
class Pause:
    """How often a duty failed in a row, and until when it rests (monotonic seconds)."""

    failures: int = 0
    until: float = 0.0


class Crew:
    """Starts and minds workers, one at a time; `done` hears of every end."""

    def __init__(
        self,
        settings: Settings,
        agenda: Agenda,
        ledger: Ledger,
        *,
        command: Sequence[str],
        environment: Mapping[str, str],
        done: Callable[[End], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.worker: Worker | None = None
        self.at: Progress | None = None  # what a worker is at, or was when it was stopped
        self.owed: set[Duty] = set()
        self.settings, self.agenda = settings, agenda
        self._ledger, self._command, self._environment = ledger, command, environment
        self._done, self._clock = done, clock
        self._pauses = {duty: Pause() for duty in Duty}
        self._complaint = ""

    def mind(self) -> None:
        """Take note of an end; end a worker that shows no life."""
        if self.worker is None:
            return
        end = self.worker.poll()
        self.at = (end.at if end else self.worker.progress()) or self.at
        if end is not None:
            self.worker = None
            if end.code >= 0 and end.code != KILLED_EXIT:
                self.at = None
            if end.duty is Duty.WORK:
                self.agenda.worker_ended(now_utc())
            self._answer(end)
            self._done(end)
        elif not self.lively():
            self.worker.end(Reason.STALLED, grace_s=STALLED_GRACE_S)

    def lively(self) -> bool:
        """False while a worker is silent for longer than it may be."""
        if self.worker is None:
            return True
        longest_s = self.settings.service.stall_s
        if self.worker.duty is Duty.SETTLE:
            longest_s = min(longest_s, SETTLE_LONGEST_S)
        return self.worker.silent_s() < longest_s

    def end(self, reason: Reason, *, grace_s: float) -> None:
        """End the worker, if there is one and it is not the one that clears up."""
        if self.worker is not None and self.worker.duty is not Duty.SETTLE:
            self.worker.end(reason, grace_s=grace_s)

    def forgive(self) -> None:
        """Failures so far no longer count, and what was left behind is looked at again."""
        self._pauses = {duty: Pause() for duty in Duty}
        self.agenda.call_again()

    def start_due(
        self, names: Callable[[], Sequence[str]], allowed: Collection[Duty] = ALL
    ) -> Duty | None:
        """Start the most pressing of the owed and allowed duties that is not resting; say which."""
        if self.worker is not None:
            return None
        due = [d for d in Duty if d in self.owed and d in allowed and self._rested(d)]
        if not due:
            return None
        obstacle = self._obstacle()
        if obstacle != self._complaint:
            self._complaint = obstacle
            if obstacle:
                log.warning("no worker can start now: %s", obstacle)
        if obstacle:
            for duty in due:
                self._pauses[duty].until = self._clock() + OTHERS_PAUSE_S
            return None
        return due[0] if self._start(due[0], names) else None

    def _obstacle(self) -> str:
        """What keeps a worker of ours from working: somebody else's, or a lock we may not open."""
        try:
            other = held_by(self.settings.state / "work.lock")
        except OSError as error:
            return f"{error}; commands belong run as the service's user"
        return f"another one, that the service did not start, is at work: {other}" if other else ""

    def _rested(self, duty: Duty) -> bool:
        return self._clock() >= self._pauses[duty].until

    def _start(self, duty: Duty, names: Callable[[], Sequence[str]]) -> bool:
        self.owed.discard(duty)
        self.at = None
        if duty is Duty.WORK:
            self.agenda.worker_starts(now_utc())
        try:
            self.worker = Worker(
                [*self._command, *_arguments(duty, self.settings, names)],
                duty,
                state=self.settings.state,
                environment=self._environment,
                clock=self._clock,
            )
        except OSError as error:
            self._failed(duty, f"could not be started: {error}")
            return False
        log.info("worker started: %s (process %d)", duty, self.worker.pid)
        return True

    def _answer(self, end: End) -> None:
        if end.well and not end.why_ended:
            self._pauses[end.duty] = Pause()
        elif end.why_ended in (Reason.SWITCH, Reason.STOP):
            self.owed.add(end.duty)
            if end.code < 0:
                self.owed.add(Duty.SETTLE)
        elif end.code == KILLED_EXIT and not end.why_ended:
            self.owed.add(end.duty)
            self._pauses[end.duty].until = self._clock() + OTHERS_PAUSE_S
        else:
            if end.code < 0:
                self.owed.add(Duty.SETTLE)
            self._failed(end.duty, end.why_ended or f"ended with {end}", end)

    def _failed(self, duty: Duty, why: str, end: End | None = None) -> None:
        self.owed.add(duty)
        pause, service = self._pauses[duty], self.settings.service
        pause.failures += 1
        wait_s = min(service.retry_s * 2 ** min(pause.failures - 1, 30), service.retry_most_s)
        pause.until = self._clock() + wait_s
        log.error("worker (%s) %s; next try in %.0f s", duty, why, wait_s)
        if duty is not Duty.WORK and pause.failures > 1:
            return  # clearing up waits for an engine, maybe for days: one record is enough
        at = end.at if end else None
        self._ledger.record(
            "failed",
            reflection=at.reflection if at else None,
            target=at.target if at else None,
            what="worker",
            duty=str(duty),
            reason=why,
            stage=at.stage if at else None,
            seconds=round(end.seconds, 1) if end else None,
            failures=pause.failures,
            again_in_s=wait_s,
        )


def default_command() -> list[str]:
    """How a worker is started. `-P` keeps the current folder off its import path.

    Without it a file named like a module of ours, in a folder mendd is started in, would be run.
    A checkout that is not installed is only importable from the current folder, and needs that.
    """
    home = str(Path(__file__).resolve().parents[2])
    installed = any(os.path.realpath(entry) == home for entry in sys.path[1:])
    return [sys.executable, *(["-P"] if installed else []), "-m", "daemon.worker"]


def _arguments(duty: Duty, settings: Settings, names: Callable[[], Sequence[str]]) -> list[str]:
    arguments = worker_options(settings)
    if duty is Duty.WORK:
        return [*arguments, *(f"--complete={name}" for name in names())]
    return [*arguments, f"--{duty}"]
