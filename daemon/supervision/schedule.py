"""When the service works: regular scans, the crontab of `service.every`, daily housekeeping.

Jobs only say their name and return, so none overlaps and none holds up another; APScheduler's
own drops (a late job, an overlap, an error) are listened for all the same. Runs that fell into
a time when the service was down, suspended or switched off are counted from `state/last_run`.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from audit.durable import write_whole
from daemon.supervision.clockwatch import LEAST_S
from daemon.supervision.crontab import MOST_MISSED, crontab, times_between

log = logging.getLogger(__name__)

DROPPED = {
    EVENT_JOB_ERROR: "the job raised an error",
    EVENT_JOB_MISSED: "the job was too late",
    EVENT_JOB_MAX_INSTANCES: "the run before had not ended",
}
LATE_S = 60.0
"""A run that starts later than this after its time was missed, even if it is made up for."""
DAY = timedelta(days=1)
A_STEP = timedelta(seconds=LEAST_S)
"""A clock that is set back by less is not said to have been set: what was honoured stays so."""


class Schedule:
    """Calls `fired("scan" | "cycle" | "housekeep")` and `dropped(job, reason)` from a thread."""

    def __init__(
        self,
        *,
        every: str,
        scan_s: float,
        fired: Callable[[str], None],
        dropped: Callable[[str, str], None],
    ) -> None:
        """Raises ValueError when `every` is no crontab line."""
        self._dropped = dropped
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._add(fired, "scan", "interval", seconds=scan_s)
        self._add(fired, "housekeep", "interval", hours=1)
        if every:
            self._add(fired, "cycle", crontab(every))
        self._scheduler.add_listener(self._hear, sum(DROPPED))

    def start(self) -> None:
        """Begin; the first scan comes after `scan_s`."""
        self._scheduler.start()

    def stop(self) -> None:
        """End. Jobs last microseconds, so waiting for them is no wait."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def _add(self, fired: Callable[[str], None], name: str, *when: Any, **exactly: Any) -> None:
        self._scheduler.add_job(fired, *when, args=(name,), id=name, **exactly)

    def _hear(self, event: Any) -> None:
        reason = DROPPED.get(event.code, "unknown")
        log.warning("scheduled %s was dropped: %s", event.job_id, reason)
        self._dropped(event.job_id, reason)


@dataclass(frozen=True, kw_only=True)
class Missed:
    """Scheduled runs that did not happen at their time."""

    count: int
    first: datetime
    last: datetime

    @property
    def at_least(self) -> bool:
        """Whether there were more than anybody counted."""
        return self.count >= MOST_MISSED

    @property
    def data(self) -> dict[str, Any]:
        """For the trail."""
        return {
            "job": "cycle",
            "count": self.count,
            "at_least": self.at_least,
            "first": stamp(self.first),
            "last": stamp(self.last),
            "made_up_for": True,
        }


class LastRun:
    """`state/last_run`: the crontab line, the last time it was honoured, the last housekeeping."""

    def __init__(self, state: Path) -> None:
        self._path = state / "last_run"
        self._unwritten: dict[str, str] = {}  # on a full disk; it counts all the same

    def missed(self, every: str, now: datetime) -> tuple[Missed | None, bool]:
        """What was missed up to `now`, and whether a run is due at all.

        With another crontab line than the one recorded, or none, counting begins at `now`.
        """
        data = self._read()
        since = _time(data.get("cycle"))
        if not every or data.get("every") != every or since is None or since - now > A_STEP:
            self.honoured(every, now)
            return None, False
        times = times_between(crontab(every), since, now)
        if not times:
            return None, False
        late = times if (now - times[-1]).total_seconds() > LATE_S else times[:-1]
        if not late:
            return None, True
        return Missed(count=len(late), first=late[0], last=late[-1]), True

    def told(self, every: str, missed: Missed, now: datetime) -> None:
        """These are on record; a run that is due and in time is still to be begun."""
        self.honoured(every, now if missed.at_least else missed.last)

    def honoured(self, every: str, now: datetime) -> None:
        """Every run up to `now` has been started or recorded as missed."""
        self._write({"every": every, "cycle": stamp(now)})

    def housekeeping_due(self, now: datetime) -> bool:
        """True when the last housekeeping is a day ago, or unknown."""
        last = _time(self._read().get("housekeep"))
        return last is None or last > now or now - last >= DAY

    def kept_house(self, now: datetime) -> None:
        """Housekeeping is done."""
        self._write({"housekeep": stamp(now)})

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            data = {}
        return (data if isinstance(data, dict) else {}) | self._unwritten

    def _write(self, changes: dict[str, str]) -> None:
        self._unwritten |= changes
        try:
            write_whole(self._path, json.dumps(self._read()).encode())
            self._unwritten = {}
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error)


def now_utc() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


def stamp(time: datetime) -> str:
    """UTC, RFC 3339, to the second."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else None
