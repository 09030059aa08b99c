"""What calls for a worker: files in the inbox, orders, and work whose time has come.

Looks are cheap and stay so: names and stat, nothing is opened but `state/due.json`. What a
worker saw and left behind (a half-written file, one it may not touch) does not call again at
once, or a single such file would start a worker at every scan.
"""

import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

MOST_LOOKED_AT = 10_000
"""Entries looked at in one folder; where there are more there is work in any case."""
UNFINISHED = (".tmp", ".part")
Item = int
DUE: Item = hash("due")
"""Stands for all work that is due: what a worker leaves due, it leaves behind like a file."""


class Agenda:
    """The open calls. `waiting` compares with what the last worker saw and left."""

    def __init__(self, *, inbox: Path, state: Path) -> None:
        self._inbox, self._state = inbox, state
        self._seen: frozenset[Item] = frozenset()
        self._left: frozenset[Item] = frozenset()

    def worker_starts(self, now: datetime) -> None:
        """Remember what stands there: the worker will see it."""
        self._seen = self._items(now)

    def worker_ended(self, now: datetime) -> None:
        """What it saw and what is still there was left behind."""
        self._left = self._seen & self._items(now)

    def call_again(self) -> None:
        """Whatever was left behind calls again."""
        self._left = frozenset()

    @property
    def left_behind(self) -> bool:
        """True when the last worker left something."""
        return bool(self._left)

    def orders(self, now: datetime) -> bool:
        """True when a person's order waits that no worker has seen."""
        return bool(frozenset(_entries(self._state / "orders")) - self._left)

    def waiting(self, now: datetime) -> bool:
        """True when anything waits that the last worker has not seen and left."""
        return bool(self._items(now) - self._left)

    def _items(self, now: datetime) -> frozenset[Item]:
        items = set(_entries(self._inbox)) | set(_entries(self._state / "orders"))
        due = due_time(self._state)
        if due is not None and due <= now:
            items.add(DUE)
        return frozenset(items)


def due_time(state: Path) -> datetime | None:
    """When the worker wants to be started next (`due.json`), or None.

    A file that cannot be understood counts as due since ever: better one start too many.
    """
    try:
        content = (state / "due.json").read_bytes()
    except OSError:
        return None
    try:
        due = json.loads(content)["next"]
        if due is None:
            return None
        time = datetime.fromisoformat(due)
    except (ValueError, TypeError, KeyError):
        return datetime.min.replace(tzinfo=UTC)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _entries(folder: Path) -> Iterator[Item]:
    """One number for each entry that may become readable; it changes with the file."""
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, MOST_LOOKED_AT):
                if entry.name.startswith(".") or entry.name.endswith(UNFINISHED):
                    continue
                try:
                    about = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if not stat.S_ISDIR(about.st_mode):
                    yield hash((entry.name, about.st_ino, about.st_mtime_ns, about.st_size))
    except OSError:
        return
