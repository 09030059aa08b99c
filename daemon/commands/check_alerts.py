"""What the doctor says about alerts; with `--alerts`, a test goes through every channel."""

import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daemon.commands.finding import Finding, bad, ok, weak
from daemon.show import utc_time

if TYPE_CHECKING:
    from daemon.settings import Settings

AREA = "alerts"


def alert_findings(settings: "Settings", *, send: bool) -> list[Finding]:
    """One finding per channel, or that there is none."""
    from daemon.monitor.channels import NotSent, channels

    ways = channels(settings.alerts)
    if not ways:
        remedy = "[alerts] can name a command, a webhook or mail addresses (docs/monitoring.md)"
        return [weak(AREA, "channels", "nobody is told when a person is needed", remedy)]
    if not send:
        return [ok(AREA, name, "set; 'mendd check --alerts' sends a test") for name in ways]
    found = []
    for name, way in ways.items():
        try:
            way(_test_alert(), settings.alerts, os.environ)
            found.append(ok(AREA, name, "a test alert was sent: see that it arrived"))
        except NotSent as error:
            found.append(bad(AREA, name, str(error), f"mend alerts.{name} or what it names"))
    return found


def _test_alert() -> dict[str, str | int | None]:
    now = utc_time(datetime.now(UTC))
    return {
        "source": "mendd",
        "host": socket.gethostname(),
        "key": "test::",
        "kind": "test",
        "severity": "notice",
        "target": None,
        "subject": "test",
        "words": "this is a test of mendd's alerts",
        "remedy": "nothing: 'mendd check --alerts' sent it",
        "count": 1,
        "since": now,
        "last": now,
    }
