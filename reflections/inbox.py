"""The watched folder: takes in complete, ordinary files and sets everything else aside.

Standard library only; the supervisor imports it. Whoever may write here is a stranger: a dropped
symlink would show the daemon's secrets to a model, a fifo would hang it, a hard link is somebody
else's file (reliability.md 3). So names are never followed, and nothing is deleted unread.
"""

import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path, PurePath
from typing import Any

from reflections.dropped import Identity, identity, leases_work, nobody_writes, read_exactly, status
from reflections.errors import InboxUnusable
from reflections.names import printable, safe_file_name

REJECTED = "rejected"
_BEING_WRITTEN = (".tmp", ".part", ".partial", ".crdownload", ".swp", "~")


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One entry of the inbox: its `data`, or why it cannot be a note (`rejection`).

    `name` may hold any bytes (surrogateescape). `received` is when the file got its final form;
    it is the same when the file is read again after a crash.
    """

    path: Path
    received: datetime
    identity: Identity
    data: bytes = b""
    rejection: str | None = None

    @property
    def name(self) -> str:
        """The file's name as it stands in the folder."""
        return self.path.name


class Inbox:
    """The folder; `settle_s` is how long a file must lie still, `max_bytes` its largest size."""

    def __init__(self, folder: Path, *, max_bytes: int, settle_s: float) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._settle_s = settle_s
        self._leases: bool | None = None

    def waiting(self) -> bool:
        """Whether anything lies there that may be, or become, a note. Never raises, opens nothing.

        Passed over: dot files, names for unfinished files such as `*.tmp`, and `rejected/`.
        """
        try:
            with os.scandir(self._folder) as entries:
                return any(_is_candidate(entry.name) for entry in entries)
        except OSError:
            return False

    def arrivals(
        self, *, complete: Collection[str], now: datetime, wait: Callable[[float], Any]
    ) -> Iterator[Arrival]:
        """What is ready, oldest first; each must be given to `done` or `reject`.

        Ready is what `complete` names (an event said closed or renamed), what has not changed
        for `settle_s`, and what is the same at a second look, `wait(settle_s)` later. A true
        value from `wait` means stop. A file that somebody still has open for writing is left.
        """
        with self._open_folder() as folder:
            pending = []
            for name, found in _look(folder):
                if self._is_settled(name, found, complete, now):
                    yield from self._taken(folder, name, found)
                else:
                    pending.append((name, found))
            if not pending or wait(self._settle_s):
                return
            for name, before in pending:
                after = status(folder, name)
                if after is not None and identity(after) == identity(before):
                    yield from self._taken(folder, name, after)

    def done(self, arrival: Arrival) -> None:
        """Remove a file whose notes are safely in the store; one that changed since stays."""
        with self._open_folder() as folder:
            found = status(folder, arrival.name)
            if found is not None and identity(found) == arrival.identity:
                os.unlink(arrival.name, dir_fd=folder)

    def reject(self, arrival: Arrival | Path, reason: str) -> Path | None:
        """Move an entry, whatever it is, to `rejected/` beside a `.reason` file.

        Returns where it now lies, or None if it was gone already. InboxUnusable if it cannot be
        moved.
        """
        name = arrival.name
        with self._open_folder() as folder, self._open_rejected(folder) as rejected:
            if status(folder, name) is None:
                return None
            kept = _claim(rejected, safe_file_name(name), _explanation(name, reason))
            try:
                os.rename(name, kept, src_dir_fd=folder, dst_dir_fd=rejected)
            except OSError as error:
                with suppress(OSError):
                    os.unlink(f"{kept}.reason", dir_fd=rejected)
                raise InboxUnusable(
                    f"{printable(name)} cannot be moved out of {self._folder} "
                    f"({error.strerror}); move it away by hand"
                ) from error
        return self._folder / REJECTED / kept

    @contextmanager
    def _open_folder(self) -> Iterator[int]:
        """The inbox as a handle, so that it stays the same folder while it is worked on."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o770)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise InboxUnusable(
                f"the inbox {self._folder} cannot be used ({error.strerror}); it must be a folder "
                "that mendd's user may read and write"
            ) from error
        try:
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def _open_rejected(self, folder: int) -> Iterator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with suppress(FileExistsError):
                os.mkdir(REJECTED, 0o770, dir_fd=folder)
            rejected = os.open(REJECTED, flags, dir_fd=folder)
        except OSError as error:
            raise InboxUnusable(
                f"{self._folder / REJECTED} must be a real folder that mendd may write to "
                f"({error.strerror}); remove what stands there"
            ) from error
        try:
            yield rejected
        finally:
            os.close(rejected)

    def _is_settled(
        self, name: str, found: os.stat_result, complete: Collection[str], now: datetime
    ) -> bool:
        """Whether no second look is needed: change time cannot be set by hand, unlike mtime."""
        if name in complete and stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            return True
        return now.timestamp() - found.st_ctime >= self._settle_s

    def _taken(self, folder: int, name: str, found: os.stat_result) -> Iterator[Arrival]:
        """The entry as an arrival; none if it is gone, changing, or still being written."""
        arrival = Arrival(
            path=self._folder / name,
            received=datetime.fromtimestamp(found.st_ctime, UTC),
            identity=identity(found),
        )
        if rejection := self._not_a_file(found):
            yield replace(arrival, rejection=rejection)
            return
        try:
            handle = os.open(
                name,
                os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY,
                dir_fd=folder,
            )
        except FileNotFoundError:
            return
        except OSError as error:
            yield replace(arrival, rejection=f"it cannot be opened: {error.strerror}")
            return
        try:
            if identity(os.fstat(handle)) != arrival.identity or self._is_written(folder, handle):
                return
            data = read_exactly(handle, found.st_size)
            if data is not None and identity(os.fstat(handle)) == arrival.identity:
                yield replace(arrival, data=data)
        finally:
            os.close(handle)

    def _not_a_file(self, found: os.stat_result) -> str | None:
        """Why this cannot be a note, as far as can be told without opening it."""
        if not stat.S_ISREG(found.st_mode):
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "not a file")
            return f"it is {kind}; only ordinary files are read"
        if found.st_nlink != 1:
            return f"the file has {found.st_nlink} names (hard links); drop a copy of it instead"
        if found.st_size > self._max_bytes:
            limit = f"{self._max_bytes // 1024} KiB"
            return f"the file has {found.st_size} bytes, the limit is {limit}; split it"
        return None

    def _is_written(self, folder: int, handle: int) -> bool:
        """Whether any process still has the file open for writing, as far as the kernel tells.

        A shell's `agent > note.txt` creates an empty file at once and fills it at the end.
        """
        if self._leases is None:
            self._leases = leases_work(folder)
        return self._leases and nobody_writes(handle) is False


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _is_candidate(name: str) -> bool:
    return not (name.startswith(".") or name == REJECTED or name.endswith(_BEING_WRITTEN))


def _look(folder: int) -> list[tuple[str, os.stat_result]]:
    """The candidates and what they are, oldest first. Mount points are left where they are."""
    device = os.fstat(folder).st_dev
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if _is_candidate(entry.name)]
    looked = [(name, status(folder, name)) for name in names]
    here = [(name, found) for name, found in looked if found and found.st_dev == device]
    return sorted(here, key=lambda pair: (pair[1].st_mtime_ns, pair[0]))


def _claim(rejected: int, name: str, explanation: bytes) -> str:
    """A free name in `rejected/`, taken by writing its `.reason` file first."""
    path, flags = PurePath(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    for number in count(1):
        tried = name if number == 1 else f"{path.stem}-{number}{path.suffix}"
        if status(rejected, tried) is not None:
            continue
        with suppress(FileExistsError):
            handle = os.open(f"{tried}.reason", flags | os.O_CLOEXEC, 0o640, dir_fd=rejected)
            with open(handle, "wb") as file:  # noqa: PTH123 (an open handle)
                file.write(explanation)
            return tried
    raise AssertionError("count() does not end")


def _explanation(name: str, reason: str) -> bytes:
    text = (
        f"mendd did not read this, or not all of it.\n\nname:   {printable(name)}\n"
        f"reason: {reason}\n\nPut it right and move it back into the inbox, or delete it; mendd "
        "deletes nothing here.\n"
    )
    return text.encode("utf-8", "backslashreplace")
