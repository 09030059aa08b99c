"""What the inbox's events say: that something came, and which files are complete.

A file is complete when its writer closed it or it was renamed into the folder; only then may the
worker read it at the first look. Whatever is missed here the worker finds by looking twice.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_MODIFIED,
    EVENT_TYPE_MOVED,
    FileSystemEvent,
)

MOST_NAMES = 10_000
MOST_HANDED_ON = 500
"""Names on one worker's command line: 500 of 255 bytes stay far below Linux's 2 MiB."""


class Arrivals:
    """Collects names; `heard` is called by watchdog's thread, the rest by the service's loop."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._complete: dict[str, None] = {}
        self._came = False

    def heard(self, event: FileSystemEvent) -> None:
        """Note one event; the loop is woken by the first, not by each."""
        with self._lock:
            self._note(event)
            first, self._came = not self._came, True
        if first:
            self._wake()

    def ask(self) -> None:
        """As if something had been heard: the next `came` says True."""
        with self._lock:
            self._came = True

    def came(self) -> bool:
        """True when something was heard since last asked."""
        with self._lock:
            came, self._came = self._came, False
        return came

    def take(self) -> list[str]:
        """The oldest complete names, at most 500; they are handed out once."""
        with self._lock:
            names = list(self._complete)[:MOST_HANDED_ON]
            for name in names:
                del self._complete[name]
        return names

    def _note(self, event: FileSystemEvent) -> None:
        if event.is_directory:
            return
        name = _name(event.src_path)
        if event.event_type == EVENT_TYPE_MOVED:
            self._complete.pop(name, None)
            name = _name(event.dest_path)
        if event.event_type not in (EVENT_TYPE_CLOSED, EVENT_TYPE_MOVED):
            if event.event_type == EVENT_TYPE_MODIFIED:
                self._complete.pop(name, None)
            return
        if name and not name.startswith(".") and len(self._complete) < MOST_NAMES:
            self._complete[name] = None


def _name(path: str | bytes) -> str:
    return Path(os.fsdecode(path)).name
