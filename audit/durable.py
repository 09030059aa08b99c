"""Files that are whole after a power cut: written beside, synced, renamed, their folder synced."""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
from pathlib import Path

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def make_folder(folder: Path) -> None:
    """Create the folder and its parents; each new name is synced into the folder above it."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=0o750, exist_ok=True)
        sync_folder(new.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in the folder durable (a rename is not, until its folder is synced)."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_whole(path: Path, data: bytes) -> None:
    """Put exactly these bytes at `path`: afterwards the old content or the new, never a part.

    Raises OSError (disk full, no permission) with the old content untouched.
    """
    make_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640)
        with open(fd, "wb") as file:  # noqa: PTH123 -- from the descriptor
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def append_lines(path: Path, lines: bytes) -> None:
    """Add whole lines to a file that may be append-only, and sync them. Raises OSError.

    Half a line that a crash left there is ended first, so it spoils no other.
    """
    make_folder(path.parent)
    fd = _for_appending(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        before = os.fstat(fd).st_size
        try:
            _write_all(fd, lines if _ends_whole(fd, before) else b"\n" + lines)
            os.fsync(fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, before)
            raise
    finally:
        os.close(fd)
    sync_folder(path.parent)


def _for_appending(path: Path) -> int:
    flags = os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(path, flags | os.O_RDWR, 0o640)
    except PermissionError:  # a file that may be added to and not be read
        fd = os.open(path, flags | os.O_WRONLY, 0o640)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return fd


def _ends_whole(fd: int, size: int) -> bool:
    try:
        return size == 0 or os.pread(fd, 1, size - 1) == b"\n"
    except OSError:
        return False


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def plain_name(name: str) -> str:
    """A file name for an id that came from outside: the id where it is harmless, else its hash."""
    if _PLAIN_NAME.fullmatch(name) and ".." not in name:
        return name
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
