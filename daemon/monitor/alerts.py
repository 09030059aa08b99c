"""Calls for a person: new concerns go out through the configured channels, not too often.

What was sent stands in `state/alerts.json`. That file may be lost without harm: the alert is then
sent once more. What could not be sent is tried again at the end of the next pass, which
`state/alerts.next` calls for (daemon/monitor/calls.py).
"""

import contextlib
import json
import logging
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from audit.trail import Trail
from daemon.monitor.channels import NotSent, channels
from daemon.monitor.concerns import Concern, concerns
from daemon.settings import AlertSettings, Settings
from daemon.show import one_line
from reflections.secrets import redact

log = logging.getLogger("mendd.alerts")
MOST_KEPT = 1000
MOST_WORDS = 400
NEXT_TRY = "alerts.next"
AGAIN = timedelta(minutes=15)
Sent = dict[str, datetime]  # "channel concern-key" -> when it last got through


@dataclass(kw_only=True)
class Outcome:
    """What became of the alerts of one pass."""

    sent: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # channel -> why
    held_back: int = 0  # the hour's number was reached


def send_alerts(
    settings: Settings, trail: Trail, environ: Mapping[str, str], now: datetime
) -> Outcome:
    """Send what is new or due again. Never raises for a channel that fails; it is recorded."""
    chosen, outcome = settings.alerts, Outcome()
    ways = channels(chosen)
    if not ways:
        _write_next_try(settings.state, None)
        return outcome
    file = settings.state / "alerts.json"
    sent = read_sent(file, now)
    for concern in concerns(trail.path, chosen, now):
        due = [
            name for name in ways if _is_due(f"{name} {concern.key}", concern, sent, now, chosen)
        ]
        if due and _this_hour(sent, now) + len(due) > chosen.most_per_hour * len(ways):
            outcome.held_back += 1
            continue
        for name in due:
            try:
                if name not in outcome.failed:  # a dead server is asked once a pass
                    ways[name](alert_of(concern), chosen, environ)
                    sent[f"{name} {concern.key}"] = now
                    outcome.sent += 1
            except NotSent as error:
                outcome.failed[name] = str(error)
    _write_next_try(settings.state, now if outcome.failed or outcome.held_back else None)
    if outcome.sent or outcome.failed:
        _write_sent(file, sent)
        record(outcome, trail)
    return outcome


def next_try(state: Path) -> datetime | None:
    """When alerts that did not go out are tried again, or None where all went out."""
    try:
        return datetime.fromisoformat((state / NEXT_TRY).read_text("ascii")).astimezone(UTC)
    except (OSError, ValueError):
        return None


def _write_next_try(state: Path, failed: datetime | None) -> None:
    with contextlib.suppress(OSError):
        if failed is None:
            (state / NEXT_TRY).unlink(missing_ok=True)
        else:
            (state / NEXT_TRY).write_text((failed + AGAIN).isoformat(), "ascii")


def alert_of(concern: Concern) -> dict[str, Any]:
    """The alert as the channels send it: without secrets, plain, on one line, bounded."""
    plain = {
        name: one_line(redact(value), MOST_WORDS) if isinstance(value, str) else value
        for name, value in concern.to_json().items()
    }
    return {"source": "mendd", "host": socket.gethostname(), **plain}


def record(outcome: Outcome, trail: Trail) -> None:
    """One record a pass."""
    data = {"sent": outcome.sent, "failed": outcome.failed, "held_back": outcome.held_back}
    trail.append("alerted", data=data)
    for name, why in outcome.failed.items():
        log.warning("an alert could not be sent by %s: %s; it is tried again", name, why)


def read_sent(file: Path, now: datetime) -> Sent:
    """When which alert got through; empty where that cannot be read. The future does not count."""
    try:
        kept = json.loads(file.read_text("utf-8"))
        times = {str(key): datetime.fromisoformat(time) for key, time in kept.items()}
        return {key: time for key, time in times.items() if time <= now}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _is_due(key: str, concern: Concern, sent: Sent, now: datetime, settings: AlertSettings) -> bool:
    """New, or grown since it was sent and not sent for a while."""
    before = sent.get(key)
    if before is None:
        return True
    grown = datetime.fromisoformat(concern.last) > before
    return grown and now - before >= timedelta(hours=settings.repeat_h)


def _this_hour(sent: Sent, now: datetime) -> int:
    return sum(1 for time in sent.values() if now - time < timedelta(hours=1))


def _write_sent(file: Path, sent: Sent) -> None:
    newest = sorted(sent.items(), key=lambda each: each[1])[-MOST_KEPT:]
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        beside.write_text(json.dumps({key: time.isoformat() for key, time in newest}), "utf-8")
        beside.replace(file)
