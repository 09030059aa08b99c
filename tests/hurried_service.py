"""The real service under a clock that runs many times as fast; its worker is a stand-in.

    python -m tests.hurried_service CONFIG WORKER_COMMAND_JSON BEGAN SPEED

What looks at the clock on the wall (timers, the crontab, records, daily housekeeping) sees SPEED
seconds go by in each second since BEGAN; the loop's naps are as much shorter, so a simulated day
has as many turns, scans and runs as a real one. Waits of the monotonic clock (back-off, grace,
watchdog) stay as they are.
"""

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import apscheduler.executors.base
import apscheduler.schedulers.base
import apscheduler.triggers.interval
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_STOPPED

import daemon.supervision.crew as crew
import daemon.supervision.schedule as schedule
import daemon.supervision.supervisor as supervisor
from daemon.service import serve
from daemon.supervision.worker_process import Duty, Worker

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def simulated(real: float, began: float, speed: float) -> datetime:
    """The simulated time at a real one (seconds since 1970)."""
    return MIDNIGHT + timedelta(seconds=(real - began) * speed)


def hurry(began: float, speed: float) -> None:
    """Put the quick clock in, for this process."""

    class Hurried(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return simulated(time.time(), began, speed).astimezone(tz)

    class HurriedScheduler(BackgroundScheduler):  # type: ignore[misc]
        def _main_loop(self) -> None:
            wait_s = 0.0
            while self.state != STATE_STOPPED:
                self._event.wait(min(wait_s, 86_400) / speed)
                self._event.clear()
                wait_s = self._process_jobs() or 0.0

    class ToldWorker(Worker):
        """Its start is told by the service: a worker may be ended before it can say anything."""

        def __init__(self, command: Sequence[str], duty: Duty, *, state: Path, **more: Any) -> None:
            super().__init__(command, duty, state=state, **more)
            with (state / "starts.jsonl").open("a") as log:
                log.write(json.dumps([duty, time.time()]) + "\n")

    crew.Worker = ToldWorker  # type: ignore[misc]
    for module in (
        apscheduler.executors.base, apscheduler.schedulers.base, apscheduler.triggers.interval,
        schedule,
    ):  # fmt: skip
        module.datetime = Hurried  # type: ignore[attr-defined]
    schedule.BackgroundScheduler = HurriedScheduler  # type: ignore[misc]
    supervisor.POLL_S /= speed


if __name__ == "__main__":
    config, worker, began, speed = sys.argv[1:]
    hurry(float(began), float(speed))
    sys.exit(serve(Path(config), worker_command=json.loads(worker)))
