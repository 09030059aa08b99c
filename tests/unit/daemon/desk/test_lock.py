"""One process at a time."""

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
