"""Sees an instruction that was ordered to its end: watches the service, or is the worker for it."""

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit
from daemon.commands.records import records_since
from daemon.desk.lock import AlreadyRunning, held_by, only_one

if TYPE_CHECKING:
    from audit.record import Record
    from daemon.settings import Settings

LOOK_S = 0.3
ALONE_S = 5.0  # without service and worker, before the watching process does it itself
VERDICTS = ("applied", "held", "frozen", "rejected", "declined", "reverted")
PUT_OFF = ("failed", "budget_stop")


@dataclass(frozen=True, kw_only=True)
class End:
    """How far an instruction came. `verdict` is "" while it is under way, "waiting" if put off."""

    id: str
    verdict: str = ""
    reason: str = ""
    data: dict[str, Any] = field(default_factory=dict)  # of its `modified` record
    patch: bool = False  # a held one can be approved


def carried_out(id_: str, start: int, settings: "Settings", *, wait: bool) -> End:
    """The end; where a service works, only with `wait` or on a terminal. Raises CommandError."""
    if not somebody_works(settings):
        work_now(id_, settings)
    elif wait or sys.stdout.isatty():
        _watch(id_, start, settings)
    return end_of(id_, start, settings)


def end_of(id_: str, start: int, settings: "Settings") -> End:
    """What the trail says since the order was given."""
    return _end(id_, [r for r in records_since(settings, start) if r.reflection == id_])


def _end(id_: str, records: Iterable["Record"]) -> End:
    end = End(id=id_)
    summary: dict[str, Any] = {}
    for record in records:
        data = dict(record.data)
        reason = str(data.get("reason", ""))
        if record.event == "modified":
            summary = data
        elif record.event in VERDICTS:
            patch = bool(data.get("diff"))
            end = End(id=id_, verdict=record.event, reason=reason, data=data, patch=patch)
        elif record.event in PUT_OFF:
            end = End(id=id_, verdict="waiting", reason=reason, data=data)
    if not summary or not end.verdict:
        return end
    verdict, reason = str(summary.get("verdict", end.verdict)), str(summary.get("reason", ""))
    return End(id=id_, verdict=verdict, reason=reason, data=summary, patch=end.patch)


def somebody_works(settings: "Settings") -> bool:
    """Whether a service or a worker is there to carry orders out."""
    return any(held_by(settings.state / name) for name in ("service.lock", "work.lock"))


def _watch(id_: str, start: int, settings: "Settings") -> None:
    """Until it has ended. A worker that goes without a successor is replaced by this process."""
    from daemon.commands.progress_line import progress_shown
    from daemon.killswitch import KillSwitch

    switch, alone = KillSwitch(settings.kill_switch), 0.0
    with progress_shown(settings.state):
        while not over(id_, start, settings):
            if switch.on():
                raise stopped(id_)
            alone = 0.0 if somebody_works(settings) else alone + LOOK_S
            if alone > ALONE_S:
                break
            time.sleep(LOOK_S)
    if alone > ALONE_S and not over(id_, start, settings):
        work_now(id_, settings)


def over(id_: str, start: int, settings: "Settings") -> bool:
    """Whether it ended and was put away, or was put off."""
    end = end_of(id_, start, settings)
    if end.verdict in ("", "waiting"):
        return bool(end.verdict)
    return not _is_open(id_, settings)


def _is_open(id_: str, settings: "Settings") -> bool:
    """Whether work still goes on: the store lets go of it last, after a crash too."""
    from daemon.modifying.begin import under_way
    from reflections.store import Store

    store = Store(settings.state)
    try:
        work = under_way(store)
        return work is not None and work.id == id_
    finally:
        store.close()


def work_now(id_: str, settings: "Settings") -> None:
    """Be the worker for this one instruction. Raises CommandError when it was stopped."""
    from daemon.commands.progress_line import progress_shown
    from daemon.desk.due import write_due
    from daemon.desk.recovery import settle_leftovers
    from daemon.desk.workshop import open_workshop
    from daemon.road.ending import Killed
    from daemon.worker import work_on

    try:
        with only_one(settings.state / "work.lock"), progress_shown(settings.state):
            shop = open_workshop(settings, os.environ)
            try:
                settle_leftovers(shop)
                item = shop.store.get(id_)
                if item is not None:
                    work_on(item, shop)
            except Killed:
                raise stopped(id_) from None
            finally:
                shop.sandbox.close()
                shop.beacon.end()
                write_due(shop)
    except AlreadyRunning:  # a worker came first: it is urgent work, so it is next
        return


def stopped(id_: str) -> CommandError:
    """It was stopped half-way; nothing is lost and nothing was changed."""
    return CommandError(
        f"stopped before {id_} came to its end; nothing was changed and the instruction is kept: "
        f"the service or 'mendd run --once' takes it up again, 'mendd reject {id_}' drops it",
        Exit.STOPPED,
    )
