"""Leaves word for the service when the next piece of waiting work wants a worker."""

import json
import os

from daemon.desk.workshop import Workshop
from reflections.store import State


def write_due(shop: Workshop) -> None:
    """Write `due.json`: the earliest time of work that waits, now for open work, or null."""
    now = shop.clock()
    times = [work.not_before or now for work in shop.store.all() if work.state in _ACTIVE]
    due = min(times).isoformat() if times else None
    path = shop.state / "due.json"
    beside = path.with_name(f".due.json.{os.getpid()}")
    beside.write_text(json.dumps({"next": due}), "utf-8")
    beside.replace(path)


_ACTIVE = (State.OPEN, State.WAITING)
