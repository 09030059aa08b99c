"""A TinyDB storage that is old or new after a crash, never in between.

TinyDB's own storage overwrites in place and truncates last: 13 of 60 SIGKILLs and a full disk
left it unreadable (libraries.md, reliability.md 3). Here the new content is written beside,
synced, renamed over the old, and the folder is synced.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tinydb import Storage

from reflections.errors import StoreDamaged, StoreUnwritable

Tables = dict[str, dict[str, Any]]
_Stamp = tuple[int, int, int]


class AtomicStorage(Storage):
    """One JSON file; reading it again is free while it has not changed on disk.

    Not safe for two writers at once: the store holds a lock around every change.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._beside = self._path.with_name(f".{self._path.name}.new")
        self._cached: Tables | None = None
        self._stamp: _Stamp | None = None
        self._together = False

    @property
    def stamp(self) -> _Stamp | None:
        """Changes whenever the file on disk does; None while there is no file."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    def read(self) -> Tables | None:
        """The tables; None if nothing was ever written. StoreDamaged if they cannot be read."""
        if self._together and self._cached is not None:
            return self._cached
        stamp = self.stamp
        if stamp is None:
            return None
        if self._cached is None or stamp != self._stamp:
            self._cached, self._stamp = self._load(), stamp
        return self._cached

    def write(self, data: Tables) -> None:
        """Replace the content durably, or raise StoreUnwritable and leave it as it was."""
        if self._together:
            self._cached = data
            return
        self._cached = None  # TinyDB changes what `read` gave it, before it calls this
        try:
            content = json.dumps(data, allow_nan=False, separators=(",", ":")).encode()
            replace_durably(self._path, self._beside, content)
        except OSError as error:
            with suppress(OSError):
                self._beside.unlink()
            raise StoreUnwritable(
                f"{self._path} could not be written ({error.strerror}); the old content is "
                "whole. Free some space on this disk; mendd tries again."
            ) from error
        self._cached, self._stamp = data, self.stamp

    @contextmanager
    def together(self) -> Iterator[None]:
        """Several changes, one write at the end; an exception inside drops them."""
        self._together = True
        try:
            yield
        except BaseException:
            self._cached = None
            raise
        finally:
            self._together = False
        if self._cached is not None:
            self.write(self._cached)

    def _load(self) -> Tables:
        try:
            tables = json.loads(self._path.read_bytes())
            if not isinstance(tables, dict) or not all(map(_is_table, tables.values())):
                raise ValueError("it does not hold tables")
        except (ValueError, RecursionError) as error:
            raise StoreDamaged(
                f"{self._path} is not a store mendd wrote ({error}); it was not touched. Restore "
                "it from a backup, or move it away to start with an empty store."
            ) from None
        return tables


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, dict) for each in value.values())


def replace_durably(path: Path, beside: Path, content: bytes) -> None:
    """Write beside, sync, rename over, sync the folder. OSError leaves `path` as it was."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(beside, flags, 0o600), "wb") as file:  # noqa: PTH123 (flags and mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
