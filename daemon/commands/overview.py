"""Gathers what `mendd status` tells, as plain JSON values; reads only, and each part by itself.

A status is asked for when something is wrong, so a part that cannot be read says so in its place
and the other parts are told all the same.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands.records import newest_records, trail_path
from daemon.desk.lock import held_by
from daemon.desk.progress import read_progress
from daemon.killswitch import KillSwitch
from daemon.show import utc_time

if TYPE_CHECKING:
    from daemon.settings import Settings
    from reflections.store import Work

VERDICTS = frozenset(
    {"applied", "held", "rejected", "declined", "frozen", "reverted", "failed", "came_back"}
    | {"explained", "ignored"}
)
LAST_VERDICTS = 5
MOST_WORK = 200
MOST_CONCERNS = 50


def overview(settings: "Settings", now: datetime) -> dict[str, Any]:
    """Everything `mendd status` knows, with stable keys and times in UTC."""
    switch = KillSwitch(settings.kill_switch)
    progress = read_progress(settings.state)
    worker = _holder(settings, "work.lock")
    return {
        "time": utc_time(now),
        "config": str(settings.file),
        "state": str(settings.state),
        "kill_switch": {
            "on": switch.on(),
            "path": str(switch.path),
            "reason": switch.reason() or None,
            **_stopped(settings, switch),
        },
        "service": _holder(settings, "service.lock"),
        "worker": worker,
        "under_way": vars(progress) if progress is not None and worker["running"] else None,
        "paused": _paused(settings, now),
        "work": _work(settings),
        "inbox": _inbox(settings),
        "orders": _count(settings.state / "orders", "*.json"),
        "budget": _budget(settings, now),
        "concerns": _concerns(settings, now),
        "last": _last(settings),
    }


def _holder(settings: "Settings", name: str) -> dict[str, Any]:
    """Who holds a lock; `running` is None where that cannot be told."""
    told: dict[str, Any] = {"running": None, "pid": None, "since": None, "trouble": None}
    try:
        holder = held_by(settings.state / name)
    except OSError as error:
        return {**told, "trouble": f"{settings.state / name}: {error.strerror}"}
    if holder is None:
        return {**told, "running": False}
    return {**told, "running": True, "pid": holder.pid, "since": holder.since or None}


def _stopped(settings: "Settings", switch: KillSwitch) -> dict[str, Any]:
    """Since when the service has been stopped by the switch, and what it was at; or None."""
    told: dict[str, Any] = {"since": None, "stopped": None}
    if not switch.on():
        return told
    try:
        last = newest_records(trail_path(settings), {"killed", "resumed"}, 1)
    except OSError:  # told by the parts that need the trail
        return told
    if not last or last[0].event == "resumed":
        return told
    killed = last[0]
    told["since"] = killed.data.get("since")
    if isinstance(at := killed.data.get("under_way"), Mapping):
        told["stopped"] = {"reflection": killed.reflection, "target": killed.target, **at}
    return told


def _work(settings: "Settings") -> list[dict[str, Any]] | dict[str, str]:
    """The open work, the most pressing first; or `trouble`."""
    if not (settings.state / "store.json").exists():
        return []
    from reflections.errors import ReflectionsError
    from reflections.store import Store

    store = Store(settings.state)
    try:
        works = sorted(store.all(), key=lambda work: (work.state, -work.priority, work.opened))
    except (ReflectionsError, OSError) as error:
        return {"trouble": str(error)}
    finally:
        store.close()
    only = settings.target(None)
    return [_one(work, only.name if only else None) for work in works[:MOST_WORK]]


def _one(work: "Work", target: str | None) -> dict[str, Any]:
    data: Mapping[str, Any] = work.data
    return {
        "id": work.id,
        "state": work.state.value,
        "target": data.get("target") or work.reflection.target or target,
        "kind": work.kind,
        "task": work.reflection.task_summary[:500],
        "reason": data.get("reason"),
        "evidence": data.get("evidence"),
        "choices": len(data.get("rivals") or []) + 1 if data.get("patch") else 0,
        "seen": work.seen,
        "attempts": work.attempts,
        "opened": utc_time(work.opened),
        "next_try": utc_time(work.not_before) if work.not_before else None,
        "came_back_of": work.came_back_of,
    }


def _paused(settings: "Settings", now: datetime) -> list[dict[str, Any]]:
    """The targets that are left alone for a while, and why."""
    from daemon.breakers import BREAKERS, Breakers

    breakers = Breakers(settings.state / BREAKERS, settings.breaker, lambda: now)
    return [
        {
            "target": name,
            "until": utc_time(each.until) if each.until else None,
            "failures": each.failures,
            "reason": each.reason,
        }
        for name, each in sorted(breakers.paused().items())
    ]


def _inbox(settings: "Settings") -> dict[str, Any]:
    folder = settings.inbox_path
    rejected = sum(1 for path in _listed(folder / "rejected") if path.suffix != ".reason")
    waiting = [path for path in _listed(folder) if path.name != "rejected"]
    return {"path": str(folder), "waiting": len(waiting), "rejected": rejected}


def _listed(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []


def _count(folder: Path, pattern: str) -> int:
    try:
        return sum(1 for _ in folder.glob(pattern))
    except OSError:
        return 0


def _budget(settings: "Settings", now: datetime) -> dict[str, Any]:
    """Today's spending, read without the lock: it is only shown."""
    today = now.astimezone(UTC).date().isoformat()
    told = {"day": today, "limit_usd": settings.budget.day_usd, "spent_usd": None, "trouble": None}
    try:
        books = json.loads((settings.state / "budget.json").read_text("utf-8"))
        return {**told, "spent_usd": float(books["days"].get(today, 0.0))}
    except FileNotFoundError:
        return {**told, "spent_usd": 0.0}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return {**told, "trouble": str(error)}


def _concerns(settings: "Settings", now: datetime) -> list[dict[str, Any]] | dict[str, str]:
    """What an operator should look at, the gravest first; or `trouble`."""
    from daemon.monitor.concerns import concerns

    try:
        found = concerns(trail_path(settings), settings.alerts, now)
    except OSError as error:
        return {"trouble": f"{trail_path(settings)}: {error.strerror}"}
    return [concern.to_json() for concern in found[:MOST_CONCERNS]]


def _last(settings: "Settings") -> list[dict[str, Any]] | dict[str, str]:
    from daemon.commands.audit import gist

    try:
        records = newest_records(trail_path(settings), VERDICTS, LAST_VERDICTS)
    except OSError as error:
        return {"trouble": f"{trail_path(settings)}: {error.strerror}"}
    return [
        {
            "time": record.time,
            "verdict": record.event,
            "reflection": record.reflection,
            "target": record.target,
            "what": gist(record),
        }
        for record in records
    ]
