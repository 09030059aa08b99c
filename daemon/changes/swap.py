"""Files of a module exchanged one by one, by content, without losing anybody's bytes.

Every path is walked folder by folder without following links. The old and the new file change
places in one step (`renameat2`, Linux 3.15), and what came out is looked at: if a person saved
the file at the last moment, their text is put back. Contents are named by their SHA-256.
"""

import contextlib
import ctypes
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon.changes.ownership import OPEN_FILE, keep_owner_and_mode, like_folder

_AT_EXCHANGE = 2  # RENAME_EXCHANGE, linux/fs.h
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

ODD = "odd"
"""Stands for the content of what is no regular file."""


class UnsafePath(Exception):
    """A path leaves the module, goes through a link, or names no regular file."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One file's part of a change; `before` and `after` are digests, None where there is none."""

    name: str  # relative to the root, "/" between folders
    spare: str  # the name, in the same folder, that the new content waits under
    before: str | None
    after: str | None


def digest(data: bytes | None) -> str | None:
    """SHA-256 in hex; None stays None."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def parts_of(name: str) -> tuple[str, ...]:
    """The folders and the file a relative path names. Raises UnsafePath for any other path."""
    parts = tuple(name.split("/"))
    odd = any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
    if odd or "\0" in name:
        raise UnsafePath(f"{name!r} is not a path inside the module")
    return parts


class Root:
    """The module's folder, held open while its files are changed."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when the folder is not there."""
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def read(self, name: str) -> bytes | None:
        """The bytes of a regular file, None when it is not there. Raises UnsafePath, OSError."""
        try:
            with self._folder(name) as (folder, leaf):
                return _read(folder, leaf)
        except FileNotFoundError:
            return None

    def missing_folders(self, name: str) -> tuple[str, ...]:
        """The folders above the file that do not exist yet, outermost first."""
        parts = parts_of(name)[:-1]
        prefixes = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        return tuple(each for each in prefixes if not os.path.lexists(self.path / each))

    def make_folder(self, name: str) -> None:
        """Create one folder, durably; it may exist."""
        with self._folder(name) as (above, leaf):
            with contextlib.suppress(FileExistsError):
                os.mkdir(leaf, dir_fd=above)
                new = _open_folder(leaf, above, name)
                like_folder(above, new, 0o7777)
                os.close(new)
            os.fsync(above)

    def remove_folder(self, name: str) -> None:
        """Remove one folder if it is empty; a folder in use or gone is left as it is."""
        with contextlib.suppress(OSError, UnsafePath), self._folder(name) as (above, leaf):
            os.rmdir(leaf, dir_fd=above)

    def stage(self, file: Exchange, data: bytes) -> None:
        """Write the new content under the spare name, synced, with the old file's mode and owner.

        Raises PermissionError when the owner cannot be kept, OSError, UnsafePath.
        """
        with self._folder(file.name) as (folder, leaf):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(file.spare, flags, 0o666, dir_fd=folder)
            with open(fd, "wb") as spare:  # noqa: PTH123 -- from the descriptor
                spare.write(data)
                spare.flush()
                if file.before is None or not keep_owner_and_mode(folder, leaf, fd):
                    like_folder(folder, fd, 0o666)
                os.fsync(fd)

    def swap(self, file: Exchange) -> bool:
        """Put the staged content in place; False, and nothing changed, if `before` is not there."""
        with self._folder(file.name) as (folder, leaf):
            if file.before is None:
                return _put_new(folder, leaf, file.spare)
            if file.after is None:
                return _take_away(folder, leaf, file)
            return _change_places(folder, leaf, file)

    def undo(self, file: Exchange, original: Callable[[], bytes]) -> str | None:
        """Back to the old content, wherever the change stopped; may be repeated.

        What a person wrote meanwhile stays, and is what the answer tells about.
        """
        try:
            with self._folder(file.name) as (folder, leaf):
                said = self._undo(folder, leaf, file, original)
                _unlink(folder, file.spare)
                os.fsync(folder)
                return said
        except FileNotFoundError:
            return None if file.before is None else f"the folder of {file.name} is gone"

    def discard(self, file: Exchange) -> None:
        """Remove the spare file, if there is one."""
        with contextlib.suppress(FileNotFoundError), self._folder(file.name) as (folder, _):
            _unlink(folder, file.spare)

    def sync(self, name: str) -> None:
        """Make the exchange durable: sync the file's folder."""
        with self._folder(name) as (folder, _):
            os.fsync(folder)

    def _undo(
        self, folder: int, leaf: str, file: Exchange, original: Callable[[], bytes]
    ) -> str | None:
        here, spare = _digest(folder, leaf), _digest(folder, file.spare)
        if here == file.before:
            return None
        if here != file.after:
            return f"{file.name} was edited meanwhile and stays as it is"
        if file.before is None:
            _unlink(folder, leaf)
        elif spare in (None, file.after):
            _unlink(folder, file.spare)
            self.stage(file, original())
            os.rename(file.spare, leaf, src_dir_fd=folder, dst_dir_fd=folder)
        elif not _give_back(folder, leaf, file):
            return f"{file.name} was edited meanwhile and stays as it is"
        return None

    @contextlib.contextmanager
    def _folder(self, name: str) -> Iterator[tuple[int, str]]:
        """The file's folder, opened step by step, and the file's name in it."""
        *folders, leaf = parts_of(name)
        fd = os.dup(self._fd)
        try:
            for part in folders:
                inner = _open_folder(part, fd, name)
                os.close(fd)
                fd = inner
            yield fd, leaf
        finally:
            os.close(fd)


def _open_folder(part: str, above: int, name: str) -> int:
    try:
        return os.open(part, _FOLDER, dir_fd=above)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise UnsafePath(f"{part!r} in {name!r} is a link or no folder") from None
        raise


def _read(folder: int, leaf: str) -> bytes | None:
    try:
        fd = os.open(leaf, OPEN_FILE, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise UnsafePath(f"{leaf!r} is a link or no regular file") from None
        raise
    with open(fd, "rb") as file:  # noqa: PTH123 -- from the descriptor
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise UnsafePath(f"{leaf!r} is no regular file")
        return file.read()


def _digest(folder: int, leaf: str) -> str | None:
    try:
        return digest(_read(folder, leaf))
    except (UnsafePath, IsADirectoryError):
        return ODD


def _put_new(folder: int, leaf: str, spare: str) -> bool:
    try:
        os.link(spare, leaf, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    return True


def _take_away(folder: int, leaf: str, file: Exchange) -> bool:
    if _digest(folder, leaf) != file.before:
        return False
    os.rename(leaf, file.spare, src_dir_fd=folder, dst_dir_fd=folder)
    if _digest(folder, file.spare) == file.before:
        return True
    _put_new(folder, leaf, file.spare)  # saved by a person between the look and the step
    return False


def _change_places(folder: int, leaf: str, file: Exchange) -> bool:
    if _digest(folder, leaf) != file.before:
        return False
    if not exchange(folder, file.spare, leaf):
        os.rename(file.spare, leaf, src_dir_fd=folder, dst_dir_fd=folder)
        return True
    if _digest(folder, file.spare) == file.before:
        return True
    exchange(folder, file.spare, leaf)
    return False


def _give_back(folder: int, leaf: str, file: Exchange) -> bool:
    """The spare file holds the old content, or what a person saved at the last moment."""
    if file.after is None:
        return _put_new(folder, leaf, file.spare)
    if not exchange(folder, file.spare, leaf):
        os.rename(file.spare, leaf, src_dir_fd=folder, dst_dir_fd=folder)
    elif _digest(folder, file.spare) != file.after:
        exchange(folder, file.spare, leaf)
        return False
    return True


def exchange(folder: int, one: str, other: str) -> bool:
    """Let two names in a folder change places, in one step; False where the system cannot."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if call(folder, os.fsencode(one), folder, os.fsencode(other), _AT_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), other)


def _unlink(folder: int, leaf: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(leaf, dir_fd=folder)
