"""The storage: old or new after a crash, whole after a full disk, honest about damage."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from tinydb import TinyDB

from reflections.errors import StoreDamaged, StoreUnwritable
from reflections.storage import AtomicStorage

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the tables go."""
    return tmp_path / "store.json"


def test_what_is_written_is_read_back(path: Path) -> None:
    """Also by another handle, as another process would."""
    AtomicStorage(path).write({"t": {"1": {"a": "\u00e9\ud800"}}})
    assert AtomicStorage(path).read() == {"t": {"1": {"a": "\u00e9\ud800"}}}


def test_nothing_written_is_none(path: Path) -> None:
    """TinyDB's word for a new database; no file is made by reading."""
    assert AtomicStorage(path).read() is None
    assert not path.exists()


def test_it_is_a_storage_for_tinydb(path: Path) -> None:
    """Documents go in and come out through TinyDB itself."""
    with TinyDB(path, storage=AtomicStorage) as database:
        database.insert({"a": 1})
        database.update({"a": 2})
    with TinyDB(path, storage=AtomicStorage) as database:
        assert database.all() == [{"a": 2}]


def test_reading_again_does_not_read_the_file_again(path: Path) -> None:
    """The content is kept until the file changes, then it is read anew."""
    storage = AtomicStorage(path)
    storage.write({"t": {}})
    assert storage.read() is storage.read()
    AtomicStorage(path).write({"t": {"1": {"b": 1}}})
    assert storage.read() == {"t": {"1": {"b": 1}}}


def test_several_changes_together_are_one_write(path: Path) -> None:
    """The file changes once, at the end; an exception inside changes nothing."""
    storage = AtomicStorage(path)
    storage.write({"t": {}})
    before = storage.stamp
    with storage.together():
        storage.write({"t": {"1": {}}})
        storage.write({"t": {"2": {}}})
        assert storage.stamp == before
        assert storage.read() == {"t": {"2": {}}}
    assert storage.stamp != before
    with pytest.raises(ZeroDivisionError), storage.together():
        storage.write({"t": {"3": {}}})
        raise ZeroDivisionError
    assert storage.read() == {"t": {"2": {}}}


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b'{"t": 1}', b'{"t": {"1": 2}}', b"\xff\xfe", b"[" * 100_000, b"null",
])  # fmt: skip
def test_a_damaged_file_is_reported_and_left_as_it_is(path: Path, content: bytes) -> None:
    """Never start empty over what a person may want to rescue."""
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match="not touched"):
        AtomicStorage(path).read()
    assert path.read_bytes() == content


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), b"x"])
def test_what_is_not_json_is_refused_before_anything_is_written(path: Path, value: object) -> None:
    """A programming error does not cost the store."""
    storage = AtomicStorage(path)
    storage.write({"t": {}})
    with pytest.raises((TypeError, ValueError)):
        storage.write({"t": {"1": {"a": value}}})
    assert AtomicStorage(path).read() == {"t": {}}


def test_a_file_size_limit_keeps_the_old_content(path: Path) -> None:
    """In a child whose files may not grow, a larger write fails and the old store is whole."""
    AtomicStorage(path).write({"t": {"1": {"a": "old"}}})
    code = (
        "import sys\nfrom pathlib import Path\nfrom reflections.storage import AtomicStorage\n"
        "from reflections.errors import StoreUnwritable\n"
        "storage = AtomicStorage(Path(sys.argv[1]))\n"
        "try:\n    storage.write({'t': {'1': {'a': 'x' * 100_000}}})\n"
        "except StoreUnwritable as error:\n    print(error, storage.read())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True,
        preexec_fn=_small_files, check=True,
    )  # fmt: skip
    assert "Free some space" in done.stdout
    assert "'a': 'old'" in done.stdout
    assert json.loads(path.read_bytes()) == {"t": {"1": {"a": "old"}}}
    assert [entry.name for entry in path.parent.iterdir()] == ["store.json"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_really_full_disk_keeps_the_old_content(tmp_path: Path) -> None:
    """ENOSPC from a tmpfs of 64 KiB; writing works again when there is space."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False,
        capture_output=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("this root may not mount")
    try:
        storage = AtomicStorage(disk / "store.json")
        storage.write({"t": {"1": {"a": "old"}}})
        (disk / "filler").write_bytes(b"x" * 40_000)
        with pytest.raises(StoreUnwritable, match="No space left"):
            storage.write({"t": {"1": {"a": "y" * 50_000}}})
        assert storage.read() == AtomicStorage(disk / "store.json").read()
        assert storage.read() == {"t": {"1": {"a": "old"}}}
        (disk / "filler").unlink()
        storage.write({"t": {"1": {"a": "new"}}})
        assert AtomicStorage(disk / "store.json").read() == {"t": {"1": {"a": "new"}}}
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_planted_link_is_not_written_through(path: Path) -> None:
    """The file beside is opened without following links."""
    victim = path.parent / "victim"
    victim.write_text("mine")
    path.with_name(".store.json.new").symlink_to(victim)
    with pytest.raises(StoreUnwritable):
        AtomicStorage(path).write({"t": {}})
    assert victim.read_text() == "mine"
    AtomicStorage(path).write({"t": {}})


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
