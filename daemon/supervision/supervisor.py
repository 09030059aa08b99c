"""The supervisor: decides when a worker works, outlives whatever happens in it, and obeys.

One loop turns at least twice a second. Each turn reads the signals, minds the worker and the
kill switch, looks for work and starts at most one worker. Everything else (events, timers,
signals) only sets a flag and wakes the loop.
"""

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from watchdog.events import FileSystemEvent

from daemon.config.config_file import SettingsError
from daemon.killswitch import KillSwitch
from daemon.settings import Settings
from daemon.supervision.accepted import Configuration
from daemon.supervision.agenda import Agenda
from daemon.supervision.arrivals import Arrivals
from daemon.supervision.clockwatch import ClockWatch
from daemon.supervision.crew import Crew, Reason
from daemon.supervision.ledger import Ledger
from daemon.supervision.logs import printable
from daemon.supervision.notify import Notifier
from daemon.supervision.outage import GRACE_S, Outage
from daemon.supervision.schedule import LastRun, Missed, Schedule, now_utc
from daemon.supervision.wake import Wake
from daemon.supervision.watcher import Folder, Watcher
from daemon.supervision.worker_process import Duty, End

log = logging.getLogger(__name__)

POLL_S = 0.4
"""Longest sleep: the kill switch is seen after this even when no event tells."""
EVENT_PAUSE_S = 0.05
"""Shortest time between two looks that events asked for."""
SETTLE_S = 10.0
"""What clearing up may take when the service stops; what is left the next start clears."""
RELOAD, STOP, INTERRUPT = signal.SIGHUP, signal.SIGTERM, signal.SIGINT


class Service:
    """`run` returns when asked to stop. `signals(number)` says how often a signal came."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        wake: Wake,
        *,
        configuration: Configuration,
        signals: Callable[[signal.Signals], int],
        worker_command: Sequence[str],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """The `configuration` is what `settings` were read from."""
        self._settings, self._ledger, self._wake = settings, ledger, wake
        self._configuration, self._signals = configuration, signals
        self._notifier = Notifier(environment)
        self._last_run = LastRun(settings.state)
        self._arrivals = Arrivals(wake.call)
        self._fired: deque[str] = deque()
        self._dropped: deque[tuple[str, str]] = deque()
        self._looked_at = float("-inf")
        self._again_at = 0.0
        self._stopping = False
        self._stop_by = 0.0
        agenda = Agenda(inbox=settings.inbox_path, state=settings.state)
        self._crew = Crew(
            settings,
            agenda,
            ledger,
            command=worker_command,
            environment=environment,
            done=self._worker_done,
        )
        self._outage = Outage(KillSwitch(settings.kill_switch), ledger, settings.state)
        self._watcher = Watcher(*self._folders())
        self._schedule = self._new_schedule(settings)
        self._clock = ClockWatch()

    def run(self) -> None:
        """Work until told to stop; then nothing of ours is left running."""
        self._begin()
        try:
            while self._turn():
                self._wake.sleep(self._nap_s(), *self._descriptors())
        finally:
            self._end()

    # The turn, in the order it happens.

    def _turn(self) -> bool:
        self._heed_signals()
        self._crew.mind()
        if self._outage.mind(self._crew):
            self._resumed()
        self._heed_clock()
        self._heed_timers()
        self._look_for_work()
        if self._crew.start_due(self._arrivals.take, self._allowed()) is Duty.WORK:
            self._begun()
        self._outage.record(self._crew)
        self._show_life()
        return not (self._stopping and self._quiet())

    def _heed_signals(self) -> None:
        if self._signals(RELOAD):
            self._reload()
        asked = self._signals(STOP) + self._signals(INTERRUPT)
        if asked:
            # Asked again while stopping: somebody is in a hurry.
            hurry = self._stopping or asked > 1
            self._stopping = True
            self._notifier.stopping()
            log.info("stopping%s", " at once" if hurry else "")
            grace_s = GRACE_S if hurry else self._settings.service.stop_s
            self._stop_by = time.monotonic() + grace_s + SETTLE_S
            self._crew.end(Reason.STOP, grace_s=grace_s)

    def _heed_clock(self) -> None:
        by_s = self._clock.stepped_s()
        if by_s:
            log.warning("the clock was set by %+.0f s; every timer begins anew", by_s)
            self._schedule.stop()
            self._schedule = self._new_schedule(self._settings)
            self._schedule.start()
            if not self._outage.on:
                self._resumed()

    def _heed_timers(self) -> None:
        fired = {self._fired.popleft() for _ in range(len(self._fired))}
        if "scan" in fired:
            self._scan()
        if "housekeep" in fired and self._last_run.housekeeping_due(now_utc()):
            self._crew.owed.add(Duty.HOUSEKEEP)
        if "cycle" in fired and not self._outage.on:
            self._catch_up()
        while self._dropped:
            job, reason = self._dropped.popleft()
            self._ledger.record("missed", job=job, reason=reason)

    def _scan(self) -> None:
        """The truth, whatever the events said: the folders stand, are heard, and hold this."""
        self._watcher.check()
        self._ledger.catch_up()
        if self._configuration.changed():
            log.warning("%s changed; reload to use it (SIGHUP)", self._configuration.file)
        if self._crew.agenda.left_behind and time.monotonic() >= self._again_at:
            self._crew.agenda.call_again()
        self._arrivals.ask()

    def _look_for_work(self) -> None:
        crew = self._crew
        if crew.worker is not None or Duty.WORK in crew.owed or self._outage.on:
            return
        if time.monotonic() - self._looked_at < EVENT_PAUSE_S or not self._arrivals.came():
            return
        self._looked_at = time.monotonic()
        agenda, now = crew.agenda, now_utc()
        on_time = bool(self._settings.service.every)
        if agenda.orders(now) if on_time else agenda.waiting(now):
            crew.owed.add(Duty.WORK)

    def _allowed(self) -> frozenset[Duty]:
        if self._outage.on or self._stopping:
            return frozenset({Duty.SETTLE})
        return frozenset(Duty)

    def _show_life(self) -> None:
        # Fed from here and nowhere else: a loop that hangs, and a worker that cannot be ended
        # although it is silent, both starve systemd's watchdog.
        if self._crew.lively():
            self._notifier.feed(time.monotonic())
        self._notifier.status(self._status())

    # What the turn calls.

    def _begin(self) -> None:
        self._configuration.accept(self._settings)
        self._ledger.record("started", pid=os.getpid(), config=str(self._settings.file))
        self._watcher.check()
        self._schedule.start()
        self._outage.mind(self._crew)
        self._crew.owed.add(Duty.SETTLE if self._settings.service.every else Duty.WORK)
        if not self._outage.on:
            self._catch_up()
        self._fired.extend(("scan", "housekeep"))
        self._notifier.ready()
        log.info("watching %s", self._settings.inbox_path)

    def _end(self) -> None:
        self._schedule.stop()
        self._watcher.stop()
        self._ledger.record("stopped", pid=os.getpid())
        log.info("stopped")

    def _resumed(self) -> None:
        if not self._settings.service.every:
            self._crew.owed.add(Duty.WORK)
        self._catch_up()
        self._arrivals.ask()

    def _catch_up(self) -> None:
        """A scheduled run is due, now or since long: run once, record what was missed."""
        every, now = self._settings.service.every, now_utc()
        missed, due = self._last_run.missed(every, now)
        if missed:
            self._record_missed(missed)
            self._last_run.told(every, missed, now)
        if due:
            self._crew.owed.add(Duty.WORK)

    def _begun(self) -> None:
        """A worker starts for work, whoever asked for it: the run that is due begins with it.

        One that is late was missed, like those before it that no worker could begin.
        """
        every, now = self._settings.service.every, now_utc()
        missed, due = self._last_run.missed(every, now) if every else (None, False)
        if missed:
            self._record_missed(missed)
        if due:
            self._last_run.honoured(every, now)

    def _record_missed(self, missed: Missed) -> None:
        log.warning("%d scheduled run(s) were missed, one is made up for now", missed.count)
        self._ledger.record("missed", **missed.data)

    def _reload(self) -> None:
        """Take the new configuration over whole, or keep the old one whole."""
        self._notifier.reloading()
        try:
            new = self._configuration.read()
            if new.state != self._settings.state:
                raise ValueError("the state folder cannot change while the service runs: restart")
            schedule = self._new_schedule(new)
        except (SettingsError, ValueError) as error:
            log.error("the new configuration is refused, the old one stays: %s", error)
        else:
            self._adopt(new, schedule)
        self._notifier.ready()

    def _adopt(self, new: Settings, schedule: Schedule) -> None:
        self._schedule.stop()
        self._watcher.stop()
        self._settings, self._schedule = new, schedule
        self._configuration.accept(new)
        self._crew.settings = new
        self._crew.agenda = Agenda(inbox=new.inbox_path, state=new.state)
        self._outage.switch = KillSwitch(new.kill_switch)
        self._watcher = Watcher(*self._folders())
        self._watcher.check()
        self._schedule.start()
        self._crew.forgive()
        self._resumed()
        log.info("the new configuration is in use")

    def _new_schedule(self, settings: Settings) -> Schedule:
        return Schedule(
            every=settings.service.every,
            scan_s=settings.inbox.scan_s,
            fired=self._fire,
            dropped=lambda job, reason: self._dropped.append((job, reason)),
        )

    def _fire(self, job: str) -> None:
        self._fired.append(job)
        self._wake.call()

    def _folders(self) -> list[Folder]:
        settings = self._settings
        switch = settings.kill_switch

        def near_switch(event: FileSystemEvent) -> None:
            if switch.name in (_name(event.src_path), _name(event.dest_path)):
                self._wake.call()

        return [
            Folder(path=settings.inbox_path, heard=self._arrivals.heard, ours=True),
            Folder(path=settings.state / "orders", heard=self._arrivals.heard, ours=True),
            Folder(path=switch.parent, heard=near_switch),
        ]

    def _worker_done(self, end: End) -> None:
        self._again_at = time.monotonic() + self._settings.service.retry_s
        self._arrivals.ask()
        if end.duty is Duty.HOUSEKEEP and end.well:
            self._last_run.kept_house(now_utc())
        if end.duty is Duty.SETTLE and self._stopping:
            self._crew.owed.discard(Duty.SETTLE)

    def _quiet(self) -> bool:
        if self._crew.worker is not None:
            return False
        return Duty.SETTLE not in self._crew.owed or time.monotonic() >= self._stop_by

    def _nap_s(self) -> float:
        worker = self._crew.worker
        kill_in_s = worker.kill_in_s() if worker else None
        return POLL_S if kill_in_s is None else min(POLL_S, kill_in_s + 0.01)

    def _descriptors(self) -> list[int]:
        return [self._crew.worker.descriptor] if self._crew.worker else []

    def _status(self) -> str:
        if self._outage.on:
            return f"stopped by the kill switch: {self._outage.reason}"
        worker = self._crew.worker
        if worker is None:
            return "waiting for reflections"
        at = worker.progress()
        if at is None:
            return f"a worker is at it: {worker.duty}"
        return printable(f"{at.stage} {at.detail} ({at.reflection or 'no reflection'})")


def _name(path: str | bytes) -> str:
    return os.path.basename(os.fsdecode(path))  # noqa: PTH119 -- for every event near the switch
