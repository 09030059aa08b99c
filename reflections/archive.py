"""Finished reflections for ever: one JSON line each in a file per month, found through an index.

The lines are the truth; `index/` only says where they are and is made again from them
whenever it is missing, broken or behind. So one more record costs the same after a million.
"""

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from reflections.errors import StoreDamaged, StoreUnwritable
from reflections.storage import sync_folder

_T = TypeVar("_T")
_CLOCK_TICK_NS = 1_000_000_000
"""A folder changed this lately may change again without showing it in its time."""
_SCHEMA = """
create table if not exists line (
    id text not null, digest blob not null, signature blob not null, verdict text not null,
    month text not null, start integer not null, length integer not null);
create index if not exists line_id on line (id);
create index if not exists line_digest on line (digest, verdict);
create index if not exists line_signature on line (signature, verdict);
create table if not exists covered (month text primary key, bytes integer not null);
pragma user_version = 1;
"""


class Archive:
    """Append-only records (`dict` with at least id, digest, signature and verdict).

    Several processes may use one archive: each operation holds a file lock.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread_lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._scanned = 0  # the folder's time when all its files were looked at
        self._last_month: str | None = None

    def append(self, record: Mapping[str, Any], *, now: datetime) -> None:
        """Add one record durably to the month of `now`.

        After StoreUnwritable the record is either not there or whole; `find` tells.
        """
        line = json.dumps(record, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        path = self._folder / f"{now:%Y-%m}.jsonl"
        with self._locked():
            self._indexed(_nothing)  # a torn last line goes first
            _append_line(path, line)
            self._indexed(lambda index: _catch_up(index, path))

    def find(self, id_: str) -> dict[str, Any] | None:
        """The record with this id."""
        return self._newest("id = ?", id_)

    def find_digest(self, digest: str, *, but: str) -> dict[str, Any] | None:
        """The newest record of a note with this content whose verdict is not `but`."""
        return self._newest("digest = ? and verdict <> ?", _key(digest), but)

    def find_signature(self, signature: str, *, verdict: str) -> dict[str, Any] | None:
        """The newest record of this failure that ended with this verdict."""
        return self._newest("signature = ? and verdict = ?", _key(signature), verdict)

    def newest_first(self, limit: int) -> Iterator[dict[str, Any]]:
        """At most `limit` records, the last finished first."""
        for found in self._select("1 order by rowid desc limit ?", limit):
            yield self._read(*found)

    def close(self) -> None:
        """Close the index; the next operation opens it again."""
        with self._thread_lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def known(self, ids: Iterable[str]) -> set[str]:
        """Which of these ids are archived."""
        if not self._folder.exists():
            return set()
        query = "select 1 from line where id = ?"
        with self._locked():
            return self._indexed(
                lambda index: {id_ for id_ in ids if index.execute(query, (id_,)).fetchone()}
            )

    def _newest(self, condition: str, *values: Any) -> dict[str, Any] | None:
        found = self._select(f"{condition} order by rowid desc limit 1", *values)
        try:
            return self._read(*found[0]) if found else None
        except StoreDamaged:  # the files changed behind the index: read them all again, once
            with self._locked():
                self._indexed(_forget_all)
        found = self._select(f"{condition} order by rowid desc limit 1", *values)
        return self._read(*found[0]) if found else None

    def _select(self, condition: str, *values: Any) -> list[tuple[str, int, int]]:
        """Where the lines are that the index names; none while there is no archive at all."""
        if not self._folder.exists():
            return []
        query = f"select month, start, length from line where {condition}"  # noqa: S608 (ours)
        with self._locked():
            return self._indexed(lambda index: index.execute(query, values).fetchall())

    def _read(self, month: str, start: int, length: int) -> dict[str, Any]:
        path = self._folder / f"{month}.jsonl"
        try:
            with path.open("rb") as file:
                file.seek(start)
                record: dict[str, Any] = json.loads(file.read(length))
        except (OSError, ValueError) as error:
            raise StoreDamaged(f"{path} cannot be read at byte {start}: {error}") from error
        return record

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One thread of one process at a time; the folder is made if it is missing."""
        with self._thread_lock:
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                with _file_lock(self._folder / ".lock"):
                    yield
            except OSError as error:
                raise StoreUnwritable(
                    f"the archive in {self._folder} could not be used ({error.strerror}); what was "
                    "in it still is. Free some space on this disk; mendd tries again."
                ) from error

    def _indexed(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something with an index that knows every line; a wrong index is made anew once."""
        try:
            try:
                return work(self._current())
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):  # full or busy, but not broken
                    raise
                self.close()
                for leftover in (self._folder / "index").iterdir():
                    leftover.unlink()
                return work(self._current())
        except sqlite3.Error as error:
            raise StoreUnwritable(
                f"the archive's index in {self._folder} could not be used ({error}); free some "
                "space on this disk. The index may be deleted, it is made again."
            ) from error

    def _current(self) -> sqlite3.Connection:
        """The index, brought up to the end of every month's file that may have grown.

        All files are looked at when one was added or removed, which changes the folder's time;
        otherwise only the latest month, so the cost does not grow.
        """
        if self._connection is None:
            self._connection, self._scanned = _opened(self._folder / "index"), 0
        index, changed = self._connection, self._folder.stat().st_mtime_ns
        if changed != self._scanned:
            sizes = _sizes(self._folder)
            recent = time.time_ns() - changed < _CLOCK_TICK_NS
            self._scanned, self._last_month = 0 if recent else changed, max(sizes, default=None)
            _catch_up_all(index, self._folder, sizes)
        elif self._last_month:
            _catch_up(index, self._folder / f"{self._last_month}.jsonl")
        return index


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sizes(folder: Path) -> dict[str, int]:
    """Month -> bytes of its file."""
    with os.scandir(folder) as entries:
        return {each.name[:7]: each.stat().st_size for each in entries if each.name[7:] == ".jsonl"}


def _catch_up_all(index: sqlite3.Connection, folder: Path, sizes: Mapping[str, int]) -> None:
    covered: dict[str, int] = dict(index.execute("select month, bytes from covered").fetchall())
    if gone := covered.keys() - sizes.keys():
        raise sqlite3.DatabaseError(f"files are gone: {gone}")  # offsets cannot be trusted now
    for month in sorted(sizes):
        if sizes[month] != covered.get(month, 0):
            _catch_up(index, folder / f"{month}.jsonl")


def _append_line(path: Path, line: bytes) -> None:
    """Write a whole synced line or nothing."""
    is_new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(handle).st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if is_new:
        sync_folder(path.parent)


def _opened(folder: Path) -> sqlite3.Connection:
    """The index. It has a folder of its own, because SQLite makes and removes files beside it."""
    folder.mkdir(exist_ok=True, mode=0o700)
    index = sqlite3.connect(folder / "index.sqlite3", check_same_thread=False)
    try:
        index.execute("pragma journal_mode = wal")  # no sync per record: after a power cut the
        index.execute(
            "pragma synchronous = normal"
        )  # index is whole, perhaps behind, and catches up
        if index.execute("pragma user_version").fetchone()[0] != 1:
            index.executescript(_SCHEMA)
    except sqlite3.Error:
        index.close()
        raise
    return index


def _nothing(index: sqlite3.Connection) -> None:
    """For when only the bringing up to date is wanted."""


def _forget_all(index: sqlite3.Connection) -> None:
    with index:
        index.execute("delete from line")
        index.execute("delete from covered")


def _catch_up(index: sqlite3.Connection, path: Path) -> None:
    """Index the lines that are not yet; a torn last line is moved out of the way first.

    A torn line was never acknowledged: its work is still in the store and is archived again.
    """
    query = "select bytes from covered where month = ?"
    start: int = (index.execute(query, (path.stem,)).fetchone() or (0,))[0]
    size = path.stat().st_size
    if size < start:
        raise sqlite3.DatabaseError(f"{path} was shortened")
    if size == start:
        return
    with path.open("rb") as file, index:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                _set_aside(path, start, line)
                break
            _index_line(index, path.stem, start, line)
            start += len(line)
        index.execute("insert or replace into covered values (?, ?)", (path.stem, start))


def _index_line(index: sqlite3.Connection, month: str, start: int, line: bytes) -> None:
    """One line into the index; a line nobody can read stays where it is and is not indexed."""
    try:
        record = json.loads(line)
        row = (record["id"], _key(record["digest"]), _key(record["signature"]), record["verdict"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    index.execute("insert into line values (?, ?, ?, ?, ?, ?, ?)", (*row, month, start, len(line)))


def _set_aside(path: Path, start: int, torn: bytes) -> None:
    path.with_name(f"{path.stem}.torn-{start}").write_bytes(torn)
    os.truncate(path, start)


def _key(name: str) -> bytes:
    """A digest or signature, shortened for the index: half the bytes of the text."""
    return bytes.fromhex(name) if len(name) % 2 == 0 and _is_hex(name) else name.encode()


def _is_hex(name: str) -> bool:
    return all(sign in "0123456789abcdef" for sign in name)
