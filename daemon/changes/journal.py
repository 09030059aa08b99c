"""The intent journal: what a change is about to do to the module, on disk before it is done.

One small file per change, written whole. `staging`: nothing of the module has changed yet.
`committing`: files may have been exchanged, the branch may have moved. `done`: all of it stands,
and the caller has not yet said that it is in the trail. After a crash `daemon.apply.recover`
reads what is left here.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from audit.durable import make_folder, sync_folder, write_whole
from daemon.changes.swap import Exchange

_LOCK_WAIT_S = 30.0


class JournalBusy(Exception):
    """Another mendd process, or a git it had started, is still at work on a change."""


@dataclass(frozen=True, kw_only=True)
class GitIntent:
    """What a change does to the repository."""

    top: str
    git_dir: str
    ref: str  # the branch that moves
    old: str  # where it stands before; zeros when it is new
    new: str  # the commit it moves to
    paths: tuple[tuple[str, str | None], ...]  # index path, blob as committed (None: removed)
    in_place: bool  # the index is brought up to date too


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One change, as far as undoing or finishing it needs to know."""

    id: str
    root: str
    state: Literal["staging", "committing", "done"]
    files: tuple[Exchange, ...]
    folders: tuple[str, ...]  # made for new files, outermost first
    backup: str | None
    git: GitIntent | None
    applied: dict[str, Any]  # the Applied value as JSON, for the one who finishes


class Journal:
    """The folder of open intents, locked. A git started under it holds the lock on while it lives.

    So when the lock is free, no orphan of a killed worker can still move a branch.
    """

    def __init__(self, folder: Path, lock: int) -> None:
        """Use `held` to get one."""
        self.folder = folder
        self.lock = lock

    def write(self, intent: Intent) -> Intent:
        """Make the intent durable. Raises OSError with the former one untouched."""
        text = json.dumps(asdict(intent), ensure_ascii=True, sort_keys=True)
        write_whole(self._path(intent.id), text.encode("ascii"))
        return intent

    def forget(self, change: str) -> None:
        """Remove an intent, durably; it may be gone."""
        self._path(change).unlink(missing_ok=True)
        sync_folder(self.folder)

    def open_intents(self) -> Iterator[Intent]:
        """What is left, oldest first; a file that is no intent is moved aside and passed over."""
        found = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in found:
            try:
                yield _intent(json.loads(path.read_bytes()))
            except (ValueError, TypeError, KeyError):
                path.rename(path.with_suffix(".unreadable"))

    def _path(self, change: str) -> Path:
        return self.folder / f"{change}.json"


def open_changes(folder: Path) -> frozenset[str]:
    """The ids of the changes a crash left open or unrecorded; nothing is settled by looking."""
    return frozenset(path.stem for path in folder.glob("*.json"))


@contextlib.contextmanager
def held(folder: Path) -> Iterator[Journal]:
    """The journal, for this process alone. Raises JournalBusy after 30 s, OSError."""
    make_folder(folder)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        _lock(fd, folder)
        yield Journal(folder, fd)
    finally:
        os.close(fd)


def _lock(fd: int, folder: Path) -> None:
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise JournalBusy(
                    f"another mendd process has been changing code for {_LOCK_WAIT_S:.0f} s "
                    f"({folder / 'lock'} is locked); end it first"
                ) from None
            time.sleep(0.01)


def _intent(value: dict[str, Any]) -> Intent:
    git = value["git"]
    return Intent(
        **{
            **value,
            "files": tuple(Exchange(**each) for each in value["files"]),
            "folders": tuple(value["folders"]),
            "git": git and GitIntent(**{**git, "paths": tuple(map(tuple, git["paths"]))}),
        }
    )
