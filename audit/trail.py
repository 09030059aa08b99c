"""The audit trail: append-only, hash-chained JSON lines that several processes write.

An append holds the file's lock, reads the last record, writes one line and syncs it; when it
returns, the record survives a power cut. A crash can leave half a line at the end: the next
append sets it aside as `trail.torn-…`, and records that it did. A file that is large or old
enough is closed first, and the chain goes on in a new one (audit/files.py).
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from audit.clean import Hide
from audit.durable import make_folder, sync_folder, write_whole
from audit.errors import TrailBroken, TrailError, TrailUnwritable
from audit.files import closed_files, closed_name, is_at, lock
from audit.record import GENESIS, Record, new_record
from audit.tail import first_record, last_record, set_aside, whole_lines_end, write_line
from audit.verify import Verification, read_head, records_in, verify

__all__ = [
    "Rotation",
    "Trail",
    "TrailBroken",
    "TrailError",
    "TrailUnwritable",
    "Verification",
    "read_head",
    "verify",
    "write_head",
]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """When the trail's file is closed and a new one begun; 0 means never."""

    mib: float = 0.0  # once it has this size
    days: float = 0.0  # once its first record is this old


class Trail:
    """The trail at one path. Any number of these, in any number of processes, may append."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime] = _now,
        rotation: Rotation = Rotation(),
        hide: Hide = str,
    ) -> None:
        """Nothing is touched before the first append. `clock` must answer with a time zone.

        `hide` takes secrets out of a text; a record's texts go through it before they are cut.
        """
        self.path = path
        self._clock = clock
        self._rotation = rotation
        self._hide = hide
        self._first: tuple[int, datetime] | None = None  # inode, time of its first record

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
                hide=self._hide,
            )
            write_line(fd, record.line())
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
            return self._closed_head()
        try:
            lock(fd, fcntl.LOCK_SH)
            end = whole_lines_end(fd)
            return last_record(fd, end) if end else self._closed_head()
        finally:
            os.close(fd)

    def _closed_head(self) -> tuple[int, str]:
        """What an empty file goes on from: the last record of the newest closed one."""
        for closed in reversed(closed_files(self.path)):
            fd = os.open(closed, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if size := os.fstat(fd).st_size:
                    return last_record(fd, size)
            finally:
                os.close(fd)
        return 0, GENESIS

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
        end = whole_lines_end(fd)
        seq, prev = last_record(fd, end) if end else self._closed_head()
        size = os.fstat(fd).st_size
        if size == end:
            return seq, prev
        now = self._clock()
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        kept = self.path.with_name(f"{self.path.stem}.torn-{stamp}-{seq + 1}")
        set_aside(fd, end, kept)
        data = {
            "what": "half a line stood at the end of the trail; no record was lost with it",
            "bytes": size - end,
            "kept": kept.name,
        }
        record = new_record("recovered", seq=seq + 1, prev=prev, time=now, data=data)
        write_line(fd, record.line())
        return record.seq, record.hash

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """The file that grows, locked; another one where it was closed while we waited."""
        while True:
            fd = self._open()
            try:
                lock(fd, fcntl.LOCK_EX)
                if is_at(fd, self.path) and not self._closed(fd):
                    yield fd
                    return
            finally:
                os.close(fd)

    def _closed(self, fd: int) -> bool:
        """Whether the file was closed now, because it was due. One that cannot be goes on."""
        size = os.fstat(fd).st_size
        if not self._due(fd, size) or whole_lines_end(fd) != size:
            return False
        first = first_record(fd)
        if first is None:
            return False
        closed = closed_name(self.path, first.seq)
        if os.path.lexists(closed):
            return False
        try:
            self.path.rename(closed)
        except OSError:
            return False
        sync_folder(self.path.parent)
        return True

    def _due(self, fd: int, size: int) -> bool:
        if self._rotation.mib and size >= self._rotation.mib * (1 << 20):
            return True
        if not self._rotation.days or not size:
            return False
        began = self._began(fd)
        return began is not None and self._clock() - began >= timedelta(days=self._rotation.days)

    def _began(self, fd: int) -> datetime | None:
        """The time of the file's first record; looked up once for each file."""
        inode = os.fstat(fd).st_ino
        if self._first is None or self._first[0] != inode:
            first = first_record(fd)
            if first is None:
                return None
            self._first = inode, datetime.fromisoformat(first.time)
        return self._first[1]

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
