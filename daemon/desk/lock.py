"""One process at a time: a flock on a file that says who holds it and since when.

The kernel drops the lock when its holder dies, however it dies; what the file says is only for
people. `state/service.lock` is the service's, `state/work.lock` the worker's.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a lock; both are empty when the file does not say."""

    pid: int | None = None
    since: str = ""

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{who}, since {self.since}" if self.since else who


class AlreadyRunning(Exception):
    """Somebody else holds the lock; `holder` says who."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path, self.holder = path, holder
        super().__init__(f"{path} is held by {holder}")


@contextlib.contextmanager
def only_one(path: Path, now: datetime | None = None) -> Iterator[None]:
    """Hold the lock from `with` to its end.

    Raises AlreadyRunning at once when it is taken, OSError when the file cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = _open(path, os.O_RDWR | os.O_CREAT)
    try:
        if not _taken(fd):
            raise AlreadyRunning(path, _holder(fd))
        _sign(fd, now or datetime.now(UTC))
        yield
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def held_by(path: Path) -> Holder | None:
    """Who holds the lock right now, or None when it is free."""
    try:
        fd = _open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(fd)
    finally:
        os.close(fd)
    return None


def _taken(fd: int) -> bool:
    """Try a few times over 60 ms: somebody's `held_by` look holds the lock for an instant."""
    for pause_s in (0.02, 0.02, 0.02, 0.0):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause_s)
        else:
            return True
    return False


def _sign(fd: int, now: datetime) -> None:
    since = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    with contextlib.suppress(OSError):  # on a full disk the lock holds all the same, unsigned
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps({"pid": os.getpid(), "since": since}).encode(), 0)


def _open(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)


def _holder(fd: int) -> Holder:
    try:
        data = json.loads(os.pread(fd, 1000, 0))
        return Holder(pid=int(data["pid"]), since=str(data["since"])[:40])
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()
