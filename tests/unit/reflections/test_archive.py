"""The archive: append-only months, an index that can always be made again, flat cost."""

import json
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from reflections.archive import Archive
from reflections.errors import StoreUnwritable

NOVEMBER = datetime(2026, 11, 20, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An empty archive."""
    opened = Archive(tmp_path / "archive")
    yield opened
    opened.close()


def record(number: int, *, verdict: str = "rejected") -> dict[str, Any]:
    """A finished reflection as the store writes it, as far as the archive reads it."""
    mark = sha256(str(number).encode()).hexdigest()
    return {"id": f"r{number}", "digest": mark, "signature": mark[::-1], "verdict": verdict}


def index_of(archive: Archive) -> Path:
    """The index file of an archive."""
    return archive._folder / "index" / "index.sqlite3"


def test_nothing_archived_is_nothing_found(archive: Archive) -> None:
    """Asking does not even make the folder."""
    assert archive.find("r1") is None
    assert list(archive.newest_first(10)) == []
    assert archive.known(["r1"]) == set()
    assert not archive._folder.exists()


def test_a_record_is_found_by_id_digest_and_signature(archive: Archive) -> None:
    """All three ways lead to the same line."""
    for number in range(5):
        archive.append(record(number, verdict="applied" if number == 3 else "x"), now=NOVEMBER)
    wanted = record(3, verdict="applied")
    assert archive.find("r3") == wanted
    assert archive.find_digest(wanted["digest"], but="ignored") == wanted
    assert archive.find_digest(wanted["digest"], but="applied") is None
    assert archive.find_signature(wanted["signature"], verdict="applied") == wanted
    assert archive.find_signature(wanted["signature"], verdict="x") is None
    assert archive.known(["r1", "r9"]) == {"r1"}


def test_each_month_has_its_file(archive: Archive) -> None:
    """Lines are plain JSON; the newest come first across months."""
    archive.append(record(1), now=NOVEMBER)
    archive.append(record(2), now=DECEMBER)
    files = sorted(path.name for path in archive._folder.glob("*.jsonl"))
    assert files == ["2026-11.jsonl", "2026-12.jsonl"]
    assert json.loads((archive._folder / "2026-11.jsonl").read_text()) == record(1)
    assert [each["id"] for each in archive.newest_first(10)] == ["r2", "r1"]
    assert [each["id"] for each in archive.newest_first(1)] == ["r2"]


@pytest.mark.parametrize("damage", ["missing", "garbage", "cut", "empty", "other tables"])
def test_a_lost_or_broken_index_is_made_again(archive: Archive, damage: str) -> None:
    """The lines are the truth."""
    for number in range(50):
        archive.append(record(number), now=NOVEMBER)
    archive.close()
    index = index_of(archive)
    if damage == "missing":
        index.unlink()
    elif damage == "garbage":
        index.write_bytes(os.urandom(8192))
    elif damage == "cut":
        os.truncate(index, index.stat().st_size // 2)
    elif damage == "empty":
        index.write_bytes(b"")
    else:
        index.unlink()
        connection = sqlite3.connect(index)
        connection.execute("create table other (x)")
        connection.close()
    assert archive.find("r17") == record(17)
    archive.append(record(50), now=NOVEMBER)
    assert len(list(archive.newest_first(100))) == 51


def test_a_torn_last_line_is_set_aside(archive: Archive) -> None:
    """It was never acknowledged; it is kept beside, and the next line starts clean."""
    archive.append(record(1), now=NOVEMBER)
    path = archive._folder / "2026-11.jsonl"
    with path.open("ab") as file:
        file.write(b'{"id": "r2", "dig')
    archive.append(record(3), now=NOVEMBER)
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["r1", "r3"]
    (torn,) = archive._folder.glob("*.torn-*")
    assert torn.read_bytes() == b'{"id": "r2", "dig'
    assert archive.find("r3") == record(3)


def test_a_line_written_but_not_indexed_is_found(archive: Archive) -> None:
    """A crash between the two leaves the index behind; it catches up."""
    archive.append(record(1), now=NOVEMBER)
    with (archive._folder / "2026-11.jsonl").open("a") as file:
        file.write(json.dumps(record(2)) + "\n")
    assert archive.find("r2") == record(2)


def test_a_line_nobody_can_read_hides_no_other(archive: Archive) -> None:
    """Bit rot in one line: it stays in the file, the others are found."""
    archive.append(record(1), now=NOVEMBER)
    with (archive._folder / "2026-11.jsonl").open("ab") as file:
        file.write(b'{"id": \xff\n{"id": 7}\n[]\n')
    archive.append(record(2), now=NOVEMBER)
    assert archive.find("r2") == record(2)
    assert [each["id"] for each in archive.newest_first(10)] == ["r2", "r1"]


def test_files_replaced_behind_the_index_are_noticed(archive: Archive) -> None:
    """Restored from a backup with fewer lines, or a month taken away."""
    for number in range(4):
        archive.append(record(number), now=NOVEMBER if number < 2 else DECEMBER)
    (archive._folder / "2026-11.jsonl").unlink()
    path = archive._folder / "2026-12.jsonl"
    path.write_text(json.dumps(record(9)) + "\n")
    assert archive.find("r0") is None
    assert archive.find("r9") == record(9)


def test_a_full_disk_leaves_no_half_line(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the line is written before the disk is full: it is cut off again."""
    archive.append(record(1), now=NOVEMBER)
    path = archive._folder / "2026-11.jsonl"
    before = path.read_bytes()
    real = os.write
    calls: list[int] = []

    def full(handle: int, data: memoryview) -> int:
        calls.append(handle)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(handle, bytes(data[: len(data) // 2]))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StoreUnwritable, match="No space left"):
            archive.append(record(2), now=NOVEMBER)
    assert path.read_bytes() == before
    archive.append(record(2), now=NOVEMBER)
    assert archive.find("r2") == record(2)


def test_two_handles_see_each_others_lines(archive: Archive) -> None:
    """`mendd status` reads while the worker writes."""
    other = Archive(archive._folder)
    archive.append(record(1), now=NOVEMBER)
    other.append(record(2), now=NOVEMBER)
    assert archive.find("r2") == record(2)
    assert other.find("r1") == record(1)
    other.close()


def test_one_more_record_reads_no_more_with_many_archived(tmp_path: Path) -> None:
    """Bytes read by the process for an append and three look-ups: none vs 30,000 archived."""
    empty = _bytes_read_for_one_more(tmp_path / "empty", archived=0)
    full = _bytes_read_for_one_more(tmp_path / "full", archived=30_000)
    assert full - empty < 200_000
    assert sum(path.stat().st_size for path in (tmp_path / "full").glob("*.jsonl")) > 5_000_000


def _bytes_read_for_one_more(folder: Path, *, archived: int) -> int:
    folder.mkdir()
    lines = (json.dumps(record(number)) + "\n" for number in range(archived))
    (folder / "2026-10.jsonl").write_text("".join(lines))
    archive = Archive(folder)
    archive.find("r0")  # the index is made here, once
    archive.close()
    before = _bytes_read()
    new = record(-1, verdict="applied")
    archive.append(new, now=NOVEMBER)
    assert archive.find("r-1") == new
    assert archive.find_digest(new["digest"], but="ignored") == new
    assert archive.find_signature(new["signature"], verdict="applied") == new
    after = _bytes_read()
    archive.close()
    return after - before


def _bytes_read() -> int:
    """What this process has read so far through any system call (proc(5), rchar)."""
    return int(Path("/proc/self/io").read_text().split()[1])
