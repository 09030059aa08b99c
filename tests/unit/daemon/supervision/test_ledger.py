"""Records that cannot be written now are not lost."""

from collections.abc import Mapping
from typing import Any

import pytest

from audit.errors import TrailUnwritable
from daemon.supervision.ledger import Ledger


class FullDisk:
    """A trail that cannot be written until there is room."""

    def __init__(self) -> None:
        self.room = False
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def append(
        self,
        event: str,
        *,
        reflection: str | None = None,
        target: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Write, or not."""
        if not self.room:
            raise TrailUnwritable("no space left")
        self.events.append((event, data or {}))


def test_records_wait_in_order_and_say_when_it_happened(caplog: pytest.LogCaptureFixture) -> None:
    """One line in the log for the whole time."""
    trail = FullDisk()
    ledger = Ledger(trail)
    ledger.record("killed", reason="stop")
    ledger.record("resumed")
    assert not ledger.catch_up()
    trail.room = True

    assert ledger.catch_up()
    ledger.record("stopped")

    assert [event for event, _ in trail.events] == ["killed", "resumed", "stopped"]
    assert trail.events[0][1]["reason"] == "stop"
    assert trail.events[0][1]["at"].endswith("Z")
    assert caplog.text.count("no space left") == 1
