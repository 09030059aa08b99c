"""Follows a session that goes on by itself; where no service runs, this process is its worker."""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit
from daemon.commands.records import records_since, trail_size
from daemon.commands.research_view import event_line
from daemon.desk.lock import held_by

if TYPE_CHECKING:
    from audit.record import Record
    from daemon.actions.caller import Caller
    from daemon.desk.workshop import Workshop

LOOK_S = 0.5


def follow(id_: str, caller: "Caller", *, quiet: bool) -> dict[str, Any]:
    """Until the session ends or waits; its status then. Raises CommandError."""
    from daemon.experiment.asking import found

    show = _silent if quiet else _shown
    if any(held_by(caller.settings.state / name) for name in ("service.lock", "work.lock")):
        _look(id_, caller, show, until_over=True)
    else:
        _work(id_, caller, show)
    answer = found(id_, caller) or {}
    words = answer.get("end_reason") or answer.get("waits") or "the session goes on"
    return {**answer, "outcome": words, "done": answer.get("state") in ("finished", "held")}


def watch(id_: str, caller: "Caller", *, as_json: bool) -> None:
    """Its events as they come, until the session ends or Ctrl-C."""
    try:
        _look(id_, caller, _as_json if as_json else _shown, until_over=True)
    except KeyboardInterrupt:
        return


def _look(
    id_: str, caller: "Caller", show: Callable[["Record"], None], *, until_over: bool
) -> None:
    from daemon.experiment.asking import found
    from daemon.killswitch import KillSwitch

    switch = KillSwitch(caller.settings.kill_switch)
    news = _News(id_, caller, show)
    while True:
        state = (found(id_, caller) or {}).get("state")
        news.show()
        if until_over and state not in ("running", "waiting"):
            return
        if switch.on():
            raise CommandError("the kill switch is on: the session goes on after 'mendd on'",
                               Exit.STOPPED)  # fmt: skip
        time.sleep(LOOK_S)


def _work(id_: str, caller: "Caller", show: Callable[["Record"], None]) -> None:
    """Be the worker for this one session, a turn at a time."""
    from daemon.commands.progress_line import progress_shown
    from daemon.desk.due import write_due
    from daemon.desk.lock import only_one
    from daemon.desk.recovery import settle_leftovers
    from daemon.desk.workshop import open_workshop
    from daemon.road.ending import Killed

    settings = caller.settings
    news = _News(id_, caller, show)
    with only_one(settings.state / "work.lock"), progress_shown(settings.state):
        shop = open_workshop(settings, os.environ)
        try:
            settle_leftovers(shop)
            while _turn(id_, shop):
                news.show()
        except Killed:
            words = "stopped; the session goes on where it is with 'mendd research loop'"
            raise CommandError(words, Exit.STOPPED) from None
        finally:
            shop.sandbox.close()
            shop.beacon.end()
            write_due(shop)
    news.show()


def _turn(id_: str, shop: "Workshop") -> bool:
    """One turn; False when the session has ended, waits, or was put off by an outage."""
    from daemon.desk.obey import carry_out_orders
    from daemon.desk.recovery import settle_changes
    from daemon.worker import work_on
    from reflections.store import State

    settle_changes(shop)
    work = shop.store.get(id_)
    if work is None or work.state is not State.OPEN:
        return False
    work_on(work, shop)
    carry_out_orders(shop)
    return True


class _News:
    """The session's events since this began, each shown once."""

    def __init__(self, id_: str, caller: "Caller", show: Callable[["Record"], None]) -> None:
        self._id, self._settings, self._show = id_, caller.settings, show
        self._start, self._last = trail_size(caller.settings), 0

    def show(self) -> None:
        """Show what is new."""
        start, self._start = self._start, trail_size(self._settings)
        for record in records_since(self._settings, start) if self._start > start else ():
            if record.seq > self._last:
                self._last = record.seq
                self._shown(record)

    def _shown(self, record: "Record") -> None:
        if record.reflection == self._id and record.event in ("experiment", "applied", "failed"):
            self._show(record)


def _shown(record: "Record") -> None:
    sys.stdout.write(f"{event_line(record)}\n")
    sys.stdout.flush()


def _as_json(record: "Record") -> None:
    sys.stdout.write(json.dumps(record.to_json()) + "\n")
    sys.stdout.flush()


def _silent(_: "Record") -> None:
    return
