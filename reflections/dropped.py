"""Looks at one dropped file without trusting it: what it is, who writes it, what it holds.

Standard library only, like the inbox.
"""

import fcntl
import os
import signal

Identity = tuple[int, int, int, int, int]


def status(folder: int, name: str) -> os.stat_result | None:
    """What stands under this name, not followed; None if nothing does."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def identity(found: os.stat_result) -> Identity:
    """The same tuple means the same file with the same content, names and mode."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def read_exactly(handle: int, size: int) -> bytes | None:
    """Exactly `size` bytes; None if the file turns out longer or shorter, or cannot be read."""
    chunks, rest = [], size + 1
    try:
        while rest > 0 and (chunk := os.read(handle, min(rest, 1 << 20))):
            chunks.append(chunk)
            rest -= len(chunk)
    except OSError:
        return None
    return b"".join(chunks) if rest == 1 else None


def nobody_writes(handle: int) -> bool | None:
    """True if nobody writes, False if somebody does, None if this cannot be asked.

    The kernel grants a read lease only while no process has the file open for writing
    (fcntl(2)). SIGURG, ignored by default, replaces the signal that would end us if a writer
    came while we hold it.
    """
    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def leases_work(folder: int) -> bool:
    """Try on a file of our own: some network file systems refuse every lease."""
    name, flags = ".mendd-probe", os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:  # always the same name: what a crash leaves behind, the next one uses and removes
        os.close(os.open(name, flags, 0o600, dir_fd=folder))
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            try:
                return nobody_writes(handle) is True
            finally:
                os.close(handle)
        finally:
            os.unlink(name, dir_fd=folder)
    except OSError:
        return False
