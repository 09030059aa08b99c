"""The supervisor's records in the trail; what cannot be written now is kept and tried again."""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from audit.errors import TrailError
from daemon.supervision.schedule import now_utc, stamp

log = logging.getLogger(__name__)

MOST_KEPT = 1000


class Appends(Protocol):
    """The part of audit.trail.Trail that the supervisor uses."""

    def append(
        self,
        event: str,
        *,
        reflection: str | None = None,
        target: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> object:
        """Write one record durably. Raises TrailError."""


@dataclass(frozen=True, kw_only=True)
class _Entry:
    event: str
    reflection: str | None
    target: str | None
    data: dict[str, Any]


class Ledger:
    """Appends in order, and never raises: a full disk must not stop the kill switch."""

    def __init__(self, trail: Appends) -> None:
        self._trail = trail
        self._kept: deque[_Entry] = deque(maxlen=MOST_KEPT)
        self._complaint = ""

    def record(
        self, event: str, *, reflection: str | None = None, target: str | None = None, **data: Any
    ) -> None:
        """Append now, or as soon as the trail can be written; `at` says when it happened."""
        data = {"at": stamp(now_utc()), **data}
        self._kept.append(_Entry(event=event, reflection=reflection, target=target, data=data))
        self.catch_up()

    def catch_up(self) -> bool:
        """Write what is kept; True when nothing is left."""
        while self._kept:
            entry = self._kept[0]
            try:
                self._trail.append(
                    entry.event, reflection=entry.reflection, target=entry.target, data=entry.data
                )
            except (TrailError, OSError) as error:
                self._complain(str(error))
                return False
            self._kept.popleft()
        self._complaint = ""
        return True

    def _complain(self, words: str) -> None:
        if words != self._complaint:
            self._complaint = words
            log.error("%d record(s) wait for the trail: %s", len(self._kept), words)
