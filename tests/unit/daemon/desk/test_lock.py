"""One process at a time."""

import errno
import os
from pathlib import Path

import pytest

from daemon.desk.lock import AlreadyRunning, held_by, only_one


def test_a_lock_says_who_holds_it_and_is_free_afterwards(tmp_path: Path) -> None:
    """Also when what the file says is nonsense."""
    path = tmp_path / "new" / "work.lock"
    with only_one(path):
        holder = held_by(path)
        assert holder is not None
        assert holder.pid == os.getpid()
        with pytest.raises(AlreadyRunning, match=str(os.getpid())), only_one(path):
            pass
        path.write_text("nonsense")
        assert str(held_by(path)) == "another process"
    assert held_by(path) is None
    assert held_by(tmp_path / "none") is None


def test_a_full_disk_leaves_the_lock_unsigned_and_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who holds it is only for people; the service must start to say that the disk is full."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "service.lock"
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with only_one(path):
            assert str(held_by(path)) == "another process"
