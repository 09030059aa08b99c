"""The files of one trail in order: the closed ones, then the one that grows.

`trail.jsonl` grows. When it is closed it is renamed to `trail-<ten digits>.jsonl`, after the number
of its first record, and never touched again; the chain goes on in the next. A rename is one step,
so whatever dies in between leaves every record in exactly one file.
"""

import contextlib
import errno
import fcntl
import os
import re
import time as clocks
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from audit.record import MAX_LINE_BYTES

LOCK_WAIT_S = 10.0  # an append holds the lock for milliseconds; a stuck writer must not stick us
_BUFFER = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of the trail as it stood when the reading began; `size` in bytes."""

    name: str
    file: BinaryIO
    size: int
    grows: bool = False

    def lines(self) -> Iterator[bytes]:
        """From the first to the last, newlines included, each bounded in size."""
        self.file.seek(0)
        left = self.size
        while left > 0 and (line := self.file.readline(min(left, MAX_LINE_BYTES + 1))):
            left -= len(line)
            yield line


def closed_name(path: Path, first: int) -> Path:
    """Where the trail's file goes when it is closed; `first` is the number of its first record."""
    return path.with_name(f"{path.stem}-{first:010d}{path.suffix}")


def closed_files(path: Path) -> list[Path]:
    """The closed files of the trail at `path`, the oldest first."""
    name = re.compile(rf"{re.escape(path.stem)}-\d{{10}}{re.escape(path.suffix)}", re.ASCII)
    try:
        with os.scandir(path.parent) as entries:
            return sorted(Path(each.path) for each in entries if name.fullmatch(each.name))
    except FileNotFoundError:
        return []


def first_number(closed: Path) -> int:
    """The number in a closed file's name."""
    return int(closed.stem[-10:])


def parts(path: Path, *, backwards: bool = False) -> Iterator[Part]:
    """Every file of the trail, opened one after the other; a trail that is not there has none.

    What is appended, or closed, meanwhile is not looked at. Raises OSError; a closed file that is
    a symbolic link is one of those errors.
    """
    with _as_it_stands(path) as (closed, growing):
        if backwards and growing:
            yield growing
        for each in reversed(closed) if backwards else closed:
            with _opened(each) as file:
                yield Part(name=each.name, file=file, size=os.fstat(file.fileno()).st_size)
        if growing and not backwards:
            yield growing


def size_of(path: Path) -> int:
    """Bytes in all files together: where the trail ends now."""
    with _as_it_stands(path) as (closed, growing):
        return sum(each.lstat().st_size for each in closed) + (growing.size if growing else 0)


def is_at(fd: int, path: Path) -> bool:
    """Whether the open file is still the one at `path`."""
    try:
        there, ours = os.stat(path), os.fstat(fd)  # noqa: PTH116 -- beside fstat
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def lock(fd: int, kind: int) -> None:
    """Lock the trail's file, for readers (fcntl.LOCK_SH) or a writer (LOCK_EX). Raises OSError."""
    deadline = clocks.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if clocks.monotonic() > deadline:
                message = f"another process has held its lock for {LOCK_WAIT_S:.0f} s"
                raise OSError(errno.EBUSY, message) from error
            clocks.sleep(0.002)


@contextlib.contextmanager
def _as_it_stands(path: Path) -> Iterator[tuple[list[Path], Part | None]]:
    """The closed files and the growing one, from one moment between two appends."""
    while True:
        try:
            file = path.open("rb", buffering=_BUFFER)
        except FileNotFoundError:  # none yet, or just closed
            closed = closed_files(path)
            if path.exists():
                continue
            yield closed, None
            return
        with file:
            lock(file.fileno(), fcntl.LOCK_SH)  # no append is in the middle of its line
            if not is_at(file.fileno(), path):
                continue
            closed, size = closed_files(path), os.fstat(file.fileno()).st_size
            fcntl.flock(file, fcntl.LOCK_UN)
            yield closed, Part(name=path.name, file=file, size=size, grows=True)
            return


@contextlib.contextmanager
def _opened(closed: Path) -> Iterator[BinaryIO]:
    fd = os.open(closed, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb", buffering=_BUFFER) as file:  # noqa: PTH123 -- from the descriptor
        yield file
