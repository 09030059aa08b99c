"""The person's index, changed for a few entries only; and git's lock files, whose owners are known.

A lock of ours holds our name from its first moment on, so that one left by a crash is told from
one that a person's git holds.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.changes.gitrepo import GitFailed, Repository
from daemon.changes.journal import GitIntent

_LOCK_TRIES = 40
_PAUSE_S = 0.05
_STALE_S = 1.0  # git holds a ref's lock for milliseconds


def lock_index(git: GitIntent, change: str) -> bool:
    """Take git's own lock on the index, so that no git command of a person comes between.

    The lock file holds our name from its first moment on, so that one left by a crash is known.
    """
    lock, marker = _lock_files(git, change)
    marker.write_bytes(_marker(change))
    try:
        for _ in range(_LOCK_TRIES):
            try:
                os.link(marker, lock)
            except FileExistsError:
                if _is_ours(lock, change):
                    return True
                time.sleep(_PAUSE_S)
            else:
                return True
        return False
    finally:
        marker.unlink()


def unlock_index(git: GitIntent, change: str) -> None:
    """Give the lock back, and remove what a crash left beside the index."""
    lock, marker = _lock_files(git, change)
    if _is_ours(lock, change):
        lock.unlink()
    for left in (marker, _new_index(git, change), Path(f"{_new_index(git, change)}.lock")):
        left.unlink(missing_ok=True)


def build_index(repository: Repository, git: GitIntent, change: str) -> None:
    """Make the index as it will be, beside it: only the changed entries differ. Under the lock.

    The copy keeps the index's time, by which git tells which entries it must look at twice
    (git's Documentation/technical/racy-git.txt). Raises GitFailed, OSError.
    """
    new = _new_index(git, change)
    shutil.copy2(repository.git_dir / "index", new)
    removed = [path for path, blob in git.paths if blob is None]
    blobs = {path: blob for path, blob in git.paths if blob is not None}
    if removed:
        _update(repository, new, removed, "--force-remove")
    _refresh_entries(repository, blobs, new)


def install_index(git: GitIntent, change: str) -> None:
    """Let the index that was built take the old one's place."""
    _new_index(git, change).replace(Path(git.git_dir) / "index")


def _refresh_entries(repository: Repository, blobs: Mapping[str, str], index: Path) -> None:
    """Entries with the files' times, so that git need not look at them again; and these blobs."""
    try:
        _update(repository, index, [*blobs], "--add")
    except GitFailed:  # a file is gone this moment: each by itself
        for path in blobs:
            with contextlib.suppress(GitFailed):
                _update(repository, index, [path], "--add")
    entries = repository.index_entries([*blobs], index)
    for path, blob in blobs.items():
        found = entries.get(path)
        if found is None or found.blob != blob:  # edited this moment, or stored another way
            mode = found.mode if found else "100644"
            about = f"{mode},{blob},{path}"
            repository.git("update-index", "--add", "--cacheinfo", about, index=index)


def _update(repository: Repository, index: Path, paths: Sequence[str], how: str) -> None:
    """Bring the paths up to date in one go. Raises GitFailed."""
    names = "\0".join([*paths, ""]).encode("utf-8", "surrogateescape")
    repository.git("update-index", how, "-z", "--stdin", data=names, index=index)


def clear_ref_locks(repository: Repository, git: GitIntent) -> None:
    """Remove the lock files of a git that was killed while it moved our branch."""
    common = repository.git_dir / "commondir"
    folder = repository.git_dir
    if common.exists():
        folder = (folder / common.read_text("utf-8").strip()).resolve()
    for lock in (folder / f"{git.ref}.lock", repository.git_dir / "HEAD.lock"):
        seen = _seen(lock)
        if seen and seen[1] in (b"", f"{git.new}\n".encode("ascii")):
            time.sleep(_STALE_S)
            if _seen(lock) == seen:
                lock.unlink(missing_ok=True)


def _seen(lock: Path) -> tuple[int, bytes] | None:
    try:
        return lock.stat().st_ino, lock.read_bytes()[:200]
    except OSError:
        return None


def _lock_files(git: GitIntent, change: str) -> tuple[Path, Path]:
    folder = Path(git.git_dir)
    return folder / "index.lock", folder / f"mendd-{change}.marker"


def _new_index(git: GitIntent, change: str) -> Path:
    return Path(git.git_dir) / f"mendd-{change}.index"


def _marker(change: str) -> bytes:
    return f"mendd {change}\n".encode("ascii")


def _is_ours(lock: Path, change: str) -> bool:
    seen = _seen(lock)
    return seen is not None and seen[1] == _marker(change)
