"""What is to be done next, and word for the service when that is."""

import json
import os
from datetime import timedelta

from daemon.changes.journal import open_changes
from daemon.desk.pauses import pause_of
from daemon.desk.recovery import half_done, settle_changes
from daemon.desk.workshop import Workshop
from daemon.monitor.calls import next_call
from reflections.store import State, Work

FURTHEST = timedelta(days=2)  # a spent budget waits for midnight, an outage less


def next_due(shop: Workshop) -> Work | None:
    """The most pressing work, once nothing of the work before is half done or unrecorded.

    Work on a target that is paused waits, and no other target's work waits behind it; so does work
    with a change that cannot be settled yet.
    """
    settle_changes(shop)
    due, paused = shop.store.due(shop.clock()), shop.breakers.paused()
    waiting = open_changes(shop.journal)
    ready = (work for work in due if pause_of(work, paused, shop) is None)
    return next((work for work in ready if not half_done(work, waiting)), None)


def forget_odd_times(shop: Workshop) -> None:
    """Work that waits for a time too far away was put off by a clock that was wrong."""
    quiet_h = max(target.promote_after_h for target in shop.settings.targets)
    retry = timedelta(seconds=shop.settings.service.retry_most_s)
    furthest = max(FURTHEST, retry, timedelta(hours=quiet_h))
    for work in shop.store.all():
        longest = retry if work.data.get("waits_for") == "failed" else furthest
        if work.not_before is not None and work.not_before > shop.clock() + longest:
            shop.store.update(work, not_before=None)


def write_due(shop: Workshop) -> None:
    """Write `due.json`: when a worker is wanted next, now for open work; null for never."""
    now = shop.clock()
    paused = shop.breakers.paused()
    active = [work for work in shop.store.all() if work.state in _ACTIVE]
    waiting = open_changes(shop.journal)
    times = [
        max(work.not_before or now, pause_of(work, paused, shop) or now)
        for work in active
        if not half_done(work, waiting)
    ]
    if waiting:
        times.append(now + timedelta(seconds=shop.settings.service.retry_s))
    called = next_call(shop.settings, now)
    times += [called] if called else []
    due = min(times).isoformat() if times else None
    path = shop.state / "due.json"
    beside = path.with_name(f".due.json.{os.getpid()}")
    beside.write_text(json.dumps({"next": due}), "utf-8")
    beside.replace(path)


_ACTIVE = (State.OPEN, State.WAITING)
