"""One spell of the kill switch: everything ended, recorded once, and its end recorded once.

`state/killed` stands while a spell is recorded as begun, so a service that restarts within it
neither records it twice nor misses that it ended meanwhile.
"""

import contextlib
import json
import logging
import time
from pathlib import Path

from audit.durable import write_whole
from daemon.desk.progress import Progress
from daemon.killswitch import KillSwitch
from daemon.supervision.crew import Crew, Reason
from daemon.supervision.ledger import Ledger
from daemon.supervision.schedule import now_utc, stamp
from daemon.supervision.worker_process import Duty

log = logging.getLogger(__name__)

GRACE_S = 0.3
"""What a worker gets between SIGTERM and SIGKILL; it watches the switch by itself as well."""


class Outage:
    """Whether the switch is on, as far as the service has acted on it."""

    def __init__(self, switch: KillSwitch, ledger: Ledger, state: Path) -> None:
        self.switch = switch
        self.on = False
        self._ledger, self._mark = ledger, state / "killed"
        self._recorded = self._mark.exists()
        self._since = ""
        self._seen_at = 0.0
        self._under_way: Progress | None = None
        self._beginning: Duty | None = None

    def mind(self, crew: Crew) -> bool:
        """Act on the switch; True when it was lifted just now."""
        on = self.switch.on()
        if on and not self.on:
            self._begin(crew)
        if not on and (self.on or self._recorded):
            self._end(crew)
            return True
        return False

    def record(self, crew: Crew) -> None:
        """Put the spell on record once nothing works any more (clearing up does not count)."""
        quiet = crew.worker is None or crew.worker.duty is Duty.SETTLE
        if not self.on or self._recorded or not quiet:
            return
        quiet_after_ms = round((time.monotonic() - self._seen_at) * 1000)
        self._record_begin(self.reason, quiet_after_ms=quiet_after_ms)
        self._recorded = True
        try:
            write_whole(self._mark, json.dumps({"since": self._since}).encode())
        except OSError as error:
            log.warning("%s cannot be written: %s", self._mark, error)

    @property
    def reason(self) -> str:
        """What the switch says, for people."""
        return self.switch.reason() or f"no reason given at {self.switch.path}"

    def _begin(self, crew: Crew) -> None:
        self.on, self._since, self._seen_at = True, stamp(now_utc()), time.monotonic()
        self._under_way = crew.at  # a worker sees the switch too, and may be gone by now
        worker = crew.worker
        self._beginning = worker.duty if worker and worker.duty is not Duty.SETTLE else None
        crew.end(Reason.SWITCH, grace_s=GRACE_S)
        crew.owed.add(Duty.SETTLE)
        log.warning("the kill switch is on: %s", self.reason)

    def _end(self, crew: Crew) -> None:
        if self.on and not self._recorded:
            self._record_begin("lifted again at once")
        self._ledger.record("resumed", since=self._since or None)
        with contextlib.suppress(OSError):
            self._mark.unlink()
        self.on = self._recorded = False
        crew.forgive()
        log.info("the kill switch was lifted: work goes on")

    def _record_begin(self, reason: str, **more: object) -> None:
        at = self._under_way
        begun = {"stage": "start", "detail": self._beginning} if self._beginning else None
        self._ledger.record(
            "killed",
            reflection=at.reflection if at else None,
            target=at.target if at else None,
            reason=reason,
            since=self._since,
            under_way={"stage": at.stage, "detail": at.detail} if at else begun,
            **more,
        )
