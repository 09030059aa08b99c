"""The audit trail: append-only, hash-chained JSON lines that several processes write.

An append holds the file's lock, reads the last record, writes one line and syncs it; when it
returns, the record survives a power cut. A crash can leave half a line at the end: the next
append sets it aside as `trail.torn-…`, and records that it did.
"""

import contextlib
import errno
import fcntl
import os
import time as clocks
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.durable import make_folder, sync_folder, write_whole
from audit.errors import TrailBroken, TrailError, TrailUnwritable
from audit.record import GENESIS, MAX_LINE_BYTES, NotARecord, Record, from_line, new_record
from audit.verify import Verification, read_head, records_in, verify

__all__ = [
    "Trail",
    "TrailBroken",
    "TrailError",
    "TrailUnwritable",
    "Verification",
    "read_head",
    "verify",
    "write_head",
]

_BLOCK = 64 * 1024
_LOCK_WAIT_S = 10.0  # an append holds the lock for milliseconds; a stuck writer must not stick us


def _now() -> datetime:
    return datetime.now(UTC)


class Trail:
    """The trail at one path. Any number of these, in any number of processes, may append."""

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = _now) -> None:
        """Nothing is touched before the first append. `clock` must answer with a time zone."""
        self.path = path
        self._clock = clock

    def append(
        self,
        event: str,
        *,
        reflection: str | None = None,
        target: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Record:
        """Write one record; when this returns, the record is on the disk.

        Raises TrailUnwritable (nothing of the record was kept), TrailBroken (the last line is no
        record: nothing may be built on it), ValueError and TypeError for what is no record at all.
        """
        with self._unwritable_said(), self._locked() as fd:
            seq, prev = self._end(fd)
            record = new_record(
                event,
                seq=seq + 1,
                prev=prev,
                time=self._clock(),
                reflection=reflection,
                target=target,
                data=data,
            )
            _write_line(fd, record.line())
            self._note_head(record)
            return record

    def records(
        self, *, reflection: str | None = None, event: str | None = None, last: int | None = None
    ) -> Iterator[Record]:
        """The records in order, streamed; with `last`, only the newest that many.

        Each record is checked against its own hash; a line that is none raises TrailBroken.
        Lines that cannot match the filters are passed over without a closer look.
        """
        return records_in(self.path, reflection=reflection, event=event, last=last)

    def head(self) -> tuple[int, str]:
        """How many records there are and the hash of the last: (0, GENESIS) for none."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0, GENESIS
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
            return _last_record(fd, _whole_lines_end(fd))
        finally:
            os.close(fd)

    def _note_head(self, record: Record) -> None:
        """Keep `count hash` in `head` beside the trail, for whoever copies it away.

        Written in place and not synced: it costs nothing, an older head is true as well, and a
        record that stands is not taken back for it.
        """
        line = _head_line(record.seq, record.hash)
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with contextlib.suppress(OSError):
            fd = os.open(self.path.with_name("head"), flags, 0o640)
            try:
                os.pwrite(fd, line, 0)
                os.ftruncate(fd, len(line))
            finally:
                os.close(fd)

    def _end(self, fd: int) -> tuple[int, str]:
        """Sequence number and hash to build on, after half a line was set aside and recorded."""
        end = _whole_lines_end(fd)
        seq, prev = _last_record(fd, end)
        size = os.fstat(fd).st_size
        if size == end:
            return seq, prev
        now = self._clock()
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        kept = self.path.with_name(f"{self.path.stem}.torn-{stamp}-{seq + 1}")
        _set_aside(fd, end, kept)
        data = {
            "what": "half a line stood at the end of the trail; no record was lost with it",
            "bytes": size - end,
            "kept": kept.name,
        }
        record = new_record("recovered", seq=seq + 1, prev=prev, time=now, data=data)
        _write_line(fd, record.line())
        return record.seq, record.hash

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        fd = self._open()
        try:
            _lock(fd)
            yield fd
        finally:
            os.close(fd)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self.path, flags)
        except FileNotFoundError:
            make_folder(self.path.parent)
            fd = os.open(self.path, flags | os.O_CREAT, 0o640)
            sync_folder(self.path.parent)
            return fd

    @contextlib.contextmanager
    def _unwritable_said(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TrailUnwritable(
                f"the audit trail {self.path} cannot be written: {error.strerror or error}. "
                f"{_remedy(error.errno)} Nothing is applied without a record."
            ) from error


def write_head(path: Path, head: tuple[int, str]) -> None:
    """Write `count hash` to a file, to be copied to where the trail's owner cannot change it.

    `verify(..., head=...)` then finds a cut tail and a rewritten chain. Raises OSError.
    """
    write_whole(path, _head_line(*head))


def _head_line(count: int, digest: str) -> bytes:
    return f"{count} {digest}\n".encode("ascii")


def _lock(fd: int) -> None:
    deadline = clocks.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if clocks.monotonic() > deadline:
                message = f"another process has held its lock for {_LOCK_WAIT_S:.0f} s"
                raise OSError(errno.EBUSY, message) from error
            clocks.sleep(0.002)


def _whole_lines_end(fd: int) -> int:
    """The offset just behind the last newline; what comes after it is half a line."""
    position = os.fstat(fd).st_size
    while position > 0:
        start = max(position - _BLOCK, 0)
        found = os.pread(fd, position - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def _last_record(fd: int, end: int) -> tuple[int, str]:
    """Sequence number and hash of the record whose line ends at `end`. Raises TrailBroken."""
    if end == 0:
        return 0, GENESIS
    line, start = b"", end - 1
    while start > 0 and b"\n" not in line and len(line) <= MAX_LINE_BYTES:
        block = min(_BLOCK, start)
        start -= block
        line = os.pread(fd, block, start) + line
    try:
        record = from_line(line[line.rfind(b"\n") + 1 :])
    except NotARecord as error:
        raise TrailBroken(
            f"the last line of the audit trail is no record: {error}. `mendd audit verify` says "
            "where it breaks; move the file aside (keep it) and mendd starts a new one."
        ) from None
    return record.seq, record.hash


def _write_line(fd: int, line: bytes) -> None:
    """All of the line and synced, or nothing of it."""
    before = os.fstat(fd).st_size
    try:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except OSError:
        with contextlib.suppress(OSError):  # if even this fails, the next append sets it aside
            os.ftruncate(fd, before)
            os.fsync(fd)
        raise


def _set_aside(fd: int, end: int, kept: Path) -> None:
    """Move what stands behind `end` into a file of its own; it is durable before it is cut."""
    with kept.open("wb") as file:
        position = end
        while block := os.pread(fd, _BLOCK, position):
            position += file.write(block)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(kept.parent)
    os.ftruncate(fd, end)
    os.fsync(fd)


def _remedy(number: int | None) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "Free space on that file system; mendd goes on by itself then."
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Give mendd's user write permission on the file and its folder."
    if number == errno.ELOOP:
        return "It is a symbolic link; put a plain file or nothing in its place."
    if number == errno.EFBIG:
        return "Raise the file size limit of the service (LimitFSIZE, ulimit -f)."
    return "See to the disk and the folder named."
