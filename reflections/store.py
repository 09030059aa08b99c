"""The open work, and the way out of it into the archive. One owner: the worker.

Only open work is kept here, so one more reflection costs the same whatever the history. Every
change is on disk before the call returns.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any

from reflections.archive import Archive
from reflections.errors import NotOpen, StoreUnwritable
from reflections.reflection import Reflection, is_generated
from reflections.work import Added, State, Work
from reflections.workfile import WorkFile

__all__ = ["Added", "State", "Store", "Work"]

_APPLIED = "applied"
_IGNORED = "ignored"


class Store:
    """Open work in `store.json`, finished work in `archive/`, both in the state folder.

    StoreUnwritable from any changing call means that nothing changed. Readers in other processes
    may open their own Store; writers are kept apart by a file lock.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = WorkFile(folder / "store.json")
        self._archive = Archive(folder / "archive")
        self._lock = RLock()
        self._depth = 0
        self._stamp: tuple[int, int, int] | None = None
        self._unsaved: dict[str, Work | None] | None = None
        self._works: dict[str, Work] = {}
        self._by_mark: dict[str, str] = {}  # signature or digest -> id
        self._finished: set[str] = set()  # archived, but still in the file

    def add(self, note: Reflection, *, kind: str, signature: str, now: datetime) -> Added:
        """Take in a note: as new work, joined to open work, or not at all (see `Added`)."""
        with self._changing():
            if (open_work := self._open_like(note, signature)) is not None:
                if _is_reread(note, open_work):
                    return Added(work=open_work, how="joined")
                return Added(work=self._save(open_work.joined()), how="joined")
            applied = self._archive.find_signature(signature, verdict=_APPLIED)
            same = self._archive.find_digest(note.digest, but=_IGNORED)
            if same is not None:
                work = Work.from_json(same["work"])
                if same["verdict"] != _APPLIED or note.timestamp == work.reflection.timestamp:
                    return Added(work=work, how="seen_before", verdict=same["verdict"])
            earlier = applied or same
            work = self._opened(note, kind, signature, now, earlier["id"] if earlier else None)
            return Added(work=self._save(work), how="came_back" if earlier else "new")

    def due(self, now: datetime) -> list[Work]:
        """Work that may be done now: the most pressing first, then the oldest."""
        ready = [work for work in self.all() if _is_due(work, now)]
        return sorted(ready, key=lambda work: (-work.priority, work.opened, work.id))

    def get(self, id_: str) -> Work | None:
        """The open work with this id."""
        with self._lock:
            self._refresh()
            return self._works.get(id_)

    def all(self) -> list[Work]:
        """All open work, the oldest first."""
        with self._lock:
            self._refresh()
            return sorted(self._works.values(), key=lambda work: (work.opened, work.id))

    def update(self, work: Work, **changes: Any) -> Work:
        """Change fields of open work, on top of what is stored now; NotOpen if it is finished."""
        with self._changing():
            stored = self._works.get(work.id)
            if stored is None:
                raise NotOpen(f"{work.id} is not open; it cannot be changed any more")
            return self._save(replace(stored, **changes))

    def finish(
        self,
        work: Work,
        *,
        verdict: str,
        reason: str,
        now: datetime,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Move work to the archive: the line first, then out of the store.

        Calling it again, also after a crash in between, leaves exactly one line.
        """
        with self._changing():
            stored = self._works.get(work.id)
            if self._archive.find(work.id) is None:
                line = _line(stored or work, verdict, reason, now, extra or {})
                self._archive.append(line, now=now)
            if stored is not None:
                self._write({work.id: None})

    def reopen(self, id_: str, *, now: datetime) -> Work:
        """New open work from an archived one whose patch did not hold; NotOpen if unknown."""
        with self._changing():
            record = self._archive.find(id_)
            if record is None:
                raise NotOpen(f"{id_} is not in the archive; there is nothing to open again")
            old = Work.from_json(record["work"])
            return self._save(self._opened(old.reflection, old.kind, old.signature, now, id_))

    def ignored(self, note: Reflection, reason: str, now: datetime) -> bool:
        """Archive a note nothing is to be done about; False if the same note already was.

        The very file read again, after a crash, is no second note: True again.
        """
        with self._changing():
            seen = self._archive.find_digest(note.digest, but="")
            if seen is not None:
                return is_generated(note.id) and seen["id"] == note.id
            work = self._opened(note, "", "", now, None)
            self._archive.append(_line(work, _IGNORED, reason, now, {}), now=now)
            return True

    def find_archived(self, id_: str) -> dict[str, Any] | None:
        """The archived record with this id: id, verdict, reason, finished, work, extra."""
        return self._archive.find(id_)

    def archived(self, limit: int = 100) -> Iterator[dict[str, Any]]:
        """At most `limit` archived records, the last finished first."""
        return self._archive.newest_first(limit)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Make the changes inside durable together, at the end: one write for many notes.

        Nothing done inside is safe before the block ends; an exception drops it all.
        """
        with self._changing():
            if self._unsaved is not None:
                yield
                return
            self._unsaved = {}
            try:
                yield
                self._write_file(self._unsaved)
            except BaseException:
                self._forget()
                raise
            finally:
                self._unsaved = None

    def close(self) -> None:
        """Close the archive's index."""
        self._archive.close()

    def _open_like(self, note: Reflection, signature: str) -> Work | None:
        """Open work about the same failure, or from the same note."""
        id_ = self._by_mark.get(signature) or self._by_mark.get(note.digest)
        return self._works[id_] if id_ else None

    def _opened(
        self, note: Reflection, kind: str, signature: str, now: datetime, earlier: str | None
    ) -> Work:
        """Fresh work under the note's id, or `id-2` and so on where that was ever used."""
        for number in count(2):
            id_ = note.id if number == 2 else f"{note.id}-{number - 1}"
            if id_ not in self._works and self._archive.find(id_) is None:
                break
        return Work(
            id=id_,
            reflection=replace(note, id=id_),
            kind=kind,
            signature=signature,
            opened=now,
            came_back_of=earlier,
        )

    def _save(self, work: Work) -> Work:
        self._write({work.id: work})
        return work

    def _write(self, changes: Mapping[str, Work | None]) -> None:
        """Put works in (or, for None, out), on disk and then in memory."""
        if self._unsaved is None:
            self._write_file(changes)
        else:
            self._unsaved.update(changes)
        for id_, work in changes.items():
            self._keep(id_, work)

    def _write_file(self, changes: Mapping[str, Work | None]) -> None:
        self._file.save({**dict.fromkeys(self._finished), **changes})
        self._finished = set()
        self._stamp = self._file.stamp

    def _keep(self, id_: str, work: Work | None) -> None:
        """Put one work into memory in place of what was there under its id."""
        old = self._works.pop(id_, None)
        for mark in _marks(old):
            if self._by_mark.get(mark) == id_:
                del self._by_mark[mark]
        if work is not None:
            self._works[id_] = work
        for mark in _marks(work):
            self._by_mark[mark] = id_

    def _forget(self) -> None:
        """Drop what is in memory; the next call reads the file."""
        self._works, self._by_mark, self._finished, self._stamp = {}, {}, set(), None

    def _refresh(self) -> None:
        """Read the file if it is not the one in memory.

        Work that is archived already, because of a crash before it was taken out, does not count.
        """
        stamp = self._file.stamp
        if self._unsaved is not None or stamp == self._stamp:
            return
        self._forget()
        works = self._file.load()
        self._finished = self._archive.known(works)
        for id_, work in works.items():
            if id_ not in self._finished:
                self._keep(id_, work)
        self._stamp = stamp

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One writer at a time, in this process and among processes; may be nested."""
        with self._lock:
            if self._depth == 0:
                self._handle = self._locked_file()
            self._depth += 1
            try:
                self._refresh()
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    os.close(self._handle)

    def _locked_file(self) -> int:
        path = self._folder / ".store.lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnwritable(
                f"{path} could not be opened ({error.strerror}); the state folder must be on a "
                "disk with space and belong to the user mendd runs as"
            ) from error
        fcntl.flock(handle, fcntl.LOCK_EX)
        return handle


def _marks(work: Work | None) -> tuple[str, ...]:
    """What later notes about the same failure have in common with this work."""
    return (work.signature, work.reflection.digest) if work else ()


def _is_reread(note: Reflection, work: Work) -> bool:
    """The very file this work came from, read again after a crash before it was removed."""
    same = note.id == work.reflection.id and note.digest == work.reflection.digest
    return same and is_generated(note.id)


def _is_due(work: Work, now: datetime) -> bool:
    ready = work.not_before is None or work.not_before <= now
    return ready and work.state in (State.OPEN, State.WAITING)


def _line(
    work: Work, verdict: str, reason: str, now: datetime, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """What the archive keeps of finished work."""
    return {
        "id": work.id,
        "digest": work.reflection.digest,
        "signature": work.signature,
        "verdict": verdict,
        "reason": reason,
        "finished": now.isoformat(),
        "work": work.to_json(),
        "extra": dict(extra),
    }
