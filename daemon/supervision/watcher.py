"""Watches folders through watchdog, and watches watchdog.

Events are hints that wake the service early; a regular scan is the truth. watchdog goes deaf
without a word when a handler raises or when a watched folder is deleted and made anew (measured,
watchdog 7.1), so `check` compares and, if in doubt, starts a fresh observer.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.inotify import InotifyObserver

log = logging.getLogger(__name__)

# Neither "opened" nor "closed without writing": our own reading must not wake us.
HEARD: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
Identity = tuple[int, int] | None


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder to watch; `ours` is made anew when it is missing."""

    path: Path
    heard: Callable[[FileSystemEvent], None]
    ours: bool = False


class Watcher:
    """Watches all `folders`; call `check` at every scan, `stop` at the end."""

    def __init__(self, *folders: Folder) -> None:
        self._folders = folders
        self._watched: dict[Path, Identity] = {}
        self._observer: InotifyObserver | None = None
        self._complaint = ""

    def check(self) -> bool:
        """Make sure every folder that exists is heard; True when watching had to begin anew.

        Whatever happened before that was possibly missed: scan.
        """
        standing = {folder.path: _identity(folder) for folder in self._folders}
        if standing == self._watched and self._hears():
            return False
        self.stop()
        self._watched = standing
        try:
            self._observer = self._begin(standing)
        except OSError as error:
            self._complain(f"folders are only scanned, not watched: {error}")
            return False
        self._complaint = ""
        return True

    def stop(self) -> None:
        """Give up watching. Waits for the threads, a few seconds at most."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=3)
            self._observer = None

    def _begin(self, standing: dict[Path, Identity]) -> InotifyObserver:
        # "Full" events tell a file that was renamed into the folder (complete) from one that was
        # created there (not yet): both are "created" otherwise.
        observer = InotifyObserver(generate_full_events=True)
        observer.start()
        try:
            for folder in self._folders:
                if standing[folder.path] is not None:
                    observer.schedule(
                        _Ear(folder.heard), str(folder.path.resolve()), event_filter=HEARD
                    )
        except OSError:
            observer.stop()
            raise
        return observer

    def _hears(self) -> bool:
        observer = self._observer
        if observer is None or not observer.is_alive():
            return False
        return all(emitter.is_alive() for emitter in observer.emitters)

    def _complain(self, words: str) -> None:
        if words != self._complaint:
            self._complaint = words
            log.warning("%s", words)


class _Ear(FileSystemEventHandler):
    """Hands events on; what its listener raises is logged and goes no further."""

    def __init__(self, heard: Callable[[FileSystemEvent], None]) -> None:
        self._heard = heard

    def dispatch(self, event: FileSystemEvent) -> None:
        try:
            self._heard(event)
        except Exception:
            log.exception("an event was lost; the next scan finds what it was about")


def _identity(folder: Folder) -> Identity:
    """Which folder stands there now; it is made first if it is ours and missing."""
    try:
        if folder.ours:
            folder.path.mkdir(mode=0o770, parents=True, exist_ok=True)
        about = os.stat(folder.path)  # noqa: PTH116 -- follows links: the folder behind counts
    except OSError as error:
        log.debug("%s cannot be watched: %s", folder.path, error)
        return None
    return about.st_dev, about.st_ino
