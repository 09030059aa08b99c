"""The trail under several writers, crashes and full disks: no acknowledged record is ever lost."""

import os
import resource
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.record import GENESIS
from audit.trail import Trail, TrailBroken, TrailUnwritable, read_head, verify, write_head

ROOT = Path(__file__).parents[3]
APPENDER = """
import sys
from pathlib import Path
from audit.trail import Trail
trail = Trail(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    record = trail.append("trial", reflection=sys.argv[2], data={"n": number, "pad": "x" * 3000})
    print(record.seq, record.hash, flush=True)
"""


def appender(path, name, count, **more):
    """A child process that appends and prints what was acknowledged."""
    command = [sys.executable, "-c", APPENDER, str(path), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **more)


def filled(path, count=5):
    """A trail with this many records."""
    trail = Trail(path)
    for number in range(count):
        trail.append("trial", reflection=f"r-{number % 2}", data={"n": number})
    return trail


def test_records_follow_one_another(tmp_path):
    """Sequence numbers count from 1, each record names the one before, and the folder is made."""
    trail = filled(tmp_path / "a" / "b" / "trail.jsonl", 3)

    records = list(trail.records())

    assert [record.seq for record in records] == [1, 2, 3]
    assert [record.prev for record in records] == [GENESIS, records[0].hash, records[1].hash]
    assert trail.head() == (3, records[2].hash)
    assert verify(trail.path).ok


def test_nothing_is_touched_before_the_first_append(tmp_path):
    """A trail that does not exist is empty, whole, and not created by looking."""
    trail = Trail(tmp_path / "none" / "trail.jsonl")

    assert trail.head() == (0, GENESIS)
    assert list(trail.records()) == []
    assert verify(trail.path).ok
    assert not trail.path.parent.exists()


def test_records_are_found_by_reflection_and_event(tmp_path):
    """Filters are exact even when the data quotes another record."""
    trail = filled(tmp_path / "trail.jsonl", 6)
    trail.append("held", reflection="r-9", data={"reflection": "r-1", "event": "trial"})
    trail.append("held", reflection='r-"é', data={})

    assert [record.seq for record in trail.records(reflection="r-1")] == [2, 4, 6]
    assert [record.seq for record in trail.records(event="held")] == [7, 8]
    assert [record.seq for record in trail.records(event="trial", last=2)] == [5, 6]
    assert [record.seq for record in trail.records(last=2)] == [7, 8]
    assert [record.seq for record in trail.records(reflection='r-"é')] == [8]
    assert list(trail.records(reflection="\ud800")) == []


def test_reading_stops_loudly_at_a_line_that_is_no_record(tmp_path):
    """A listing never passes over damage it meets."""
    trail = filled(tmp_path / "trail.jsonl")
    with trail.path.open("ab") as file:
        file.write(b"junk\n")

    with pytest.raises(TrailBroken, match="line 6"):
        list(trail.records())


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_half_a_line_is_set_aside_and_recorded(tmp_path, cut):
    """After a crash in the middle of a write the next append goes on behind the last record."""
    trail = filled(tmp_path / "trail.jsonl")
    whole = trail.path.read_bytes()
    trail.append("trial", data={"text": "lost, never acknowledged" * 10})
    torn = trail.path.read_bytes()[len(whole) : -cut]
    trail.path.write_bytes(whole + torn)

    assert verify(trail.path).torn
    assert len(list(trail.records())) == 5
    record = trail.append("trial", data={"n": 99})

    recovered = next(trail.records(event="recovered"))
    assert (recovered.seq, record.seq) == (6, 7)
    assert recovered.data["bytes"] == len(torn)
    assert (tmp_path / recovered.data["kept"]).read_bytes() == torn
    assert trail.path.read_bytes().startswith(whole)
    assert verify(trail.path).ok


def test_a_file_of_nothing_but_zeros_is_set_aside(tmp_path):
    """Some file systems leave zeros after a power cut; they are no record."""
    path = tmp_path / "trail.jsonl"
    path.write_bytes(b"\0" * 200_000)

    Trail(path).append("started")

    assert [record.event for record in Trail(path).records()] == ["recovered", "started"]
    assert verify(path).ok


def test_two_torn_lines_at_the_same_instant_are_both_kept(tmp_path):
    """A standing clock does not make one kept piece overwrite the other."""
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    trail = Trail(tmp_path / "trail.jsonl", clock=lambda: noon)
    for piece in (b"first", b"second"):
        trail.append("trial")
        with trail.path.open("ab") as file:
            file.write(piece)
    trail.append("trial")

    kept = sorted(path.read_bytes() for path in tmp_path.glob("trail.torn-*"))
    assert kept == [b"first", b"second"]


def test_nothing_is_built_on_a_broken_last_line(tmp_path):
    """A last line that is no record stops the writer and says what to do."""
    trail = filled(tmp_path / "trail.jsonl")
    content = trail.path.read_bytes().replace(b'"n":4', b'"n":5')
    trail.path.write_bytes(content)

    with pytest.raises(TrailBroken, match="move the file aside"):
        trail.append("trial")
    assert trail.path.read_bytes() == content


def test_four_processes_append_without_losing_or_mixing_a_record(tmp_path):
    """Every acknowledged record stands in the chain, once."""
    path = tmp_path / "trail.jsonl"
    children = [appender(path, f"writer-{number}", 50) for number in range(4)]
    acknowledged = [line for child in children for line in child.communicate()[0].splitlines()]

    found = [f"{record.seq} {record.hash}" for record in Trail(path).records()]
    assert [child.returncode for child in children] == [0] * 4
    assert sorted(found) == sorted(acknowledged)
    assert verify(path).records == 200
    for number in range(4):
        mine = [r.data["n"] for r in Trail(path).records(reflection=f"writer-{number}")]
        assert mine == list(range(50))


def test_sigkill_during_appends_loses_no_acknowledged_record(tmp_path):
    """Thirty kills at odd moments: the chain goes on, and what was printed is there."""
    path = tmp_path / "trail.jsonl"
    acknowledged = []
    for number in range(30):
        child = appender(path, "killed", 100_000)
        lines = [child.stdout.readline()]
        time.sleep(number % 7 * 0.0007)
        child.send_signal(signal.SIGKILL)
        acknowledged += [*lines, *child.communicate()[0].splitlines(keepends=True)]

    Trail(path).append("started")
    found = {f"{record.seq} {record.hash}\n" for record in Trail(path).records()}
    assert {line for line in acknowledged if line.endswith("\n")} <= found
    assert verify(path).ok


def limited(size):
    """Run before a child starts: no file may grow beyond `size` bytes."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def test_a_file_that_cannot_grow_keeps_whole_records_only(tmp_path):
    """When the write is cut short the trail is as before, and the error says what to do."""
    path = tmp_path / "trail.jsonl"

    child = appender(path, "full", 100, preexec_fn=limited(20_000), stderr=subprocess.PIPE)
    printed, said = child.communicate()

    assert child.returncode == 1
    assert "TrailUnwritable" in said
    assert "LimitFSIZE" in said
    assert verify(path).ok
    assert verify(path).records == len(printed.splitlines()) == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_refuses_the_record_and_space_heals_it(tmp_path):
    """ENOSPC names the remedy, leaves no half line, and the next append works."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        trail = Trail(disk / "trail.jsonl")
        with pytest.raises(TrailUnwritable, match="Free space"):
            for number in range(100):
                trail.append("trial", data={"n": number, "pad": "x" * 3000})
        full = verify(trail.path)
        assert full.ok
        assert full.records > 10
        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
        assert trail.append("trial").seq == full.records + 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_trail_that_is_a_link_or_a_folder_is_refused(tmp_path):
    """A record is never written through a symbolic link."""
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "trail.jsonl").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder.jsonl").mkdir()

    with pytest.raises(TrailUnwritable, match="symbolic link"):
        Trail(tmp_path / "trail.jsonl").append("started")
    with pytest.raises(TrailUnwritable):
        Trail(tmp_path / "folder.jsonl").append("started")
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_a_failing_sync_takes_the_record_back(tmp_path, monkeypatch):
    """A record whose sync failed was not acknowledged and does not stay."""
    trail = filled(tmp_path / "trail.jsonl")
    before = trail.path.read_bytes()

    def broken(fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(TrailUnwritable, match="Input/output error"):
        trail.append("trial")
    assert trail.path.read_bytes() == before


def test_a_stuck_writer_does_not_stick_the_others(tmp_path, monkeypatch):
    """A lock that is never given back ends in an error, not in a standstill."""
    import fcntl

    trail = filled(tmp_path / "trail.jsonl")
    monkeypatch.setattr("audit.files.LOCK_WAIT_S", 0.01)
    with trail.path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TrailUnwritable, match="another process"):
            trail.append("trial")
        with pytest.raises(OSError, match="another process"):
            list(trail.records())
        with pytest.raises(OSError, match="another process"):
            trail.head()


def test_a_head_is_written_and_read_back(tmp_path):
    """The exported head is one line: count and hash."""
    trail = filled(tmp_path / "trail.jsonl")

    write_head(tmp_path / "head", trail.head())

    assert read_head((tmp_path / "head").read_text()) == trail.head()
    with pytest.raises(ValueError, match="a head is"):
        read_head("nothing of the kind")


def test_the_head_beside_the_trail_follows_every_record(tmp_path):
    """Whoever copies it away can check the trail later; failing to write it loses no record."""
    trail = filled(tmp_path / "trail.jsonl")
    assert read_head((tmp_path / "head").read_text()) == trail.head()

    (tmp_path / "head").unlink()
    (tmp_path / "head").mkdir()

    assert trail.append("trial").seq == 6
    assert verify(trail.path).ok


def test_the_supervisor_pays_only_for_the_standard_library_and_rfc8785(tmp_path):
    """Loading the trail loads no other package."""
    code = (
        "import sys; import audit.trail; "
        "tops = {name.partition('.')[0] for name in sys.modules}; "
        "print(sorted(tops - set(sys.stdlib_module_names) - {'__main__', 'audit', 'rfc8785'}))"
    )
    command = [sys.executable, "-S", "-c", f"import sys; sys.path += {sys.path!r}; {code}"]

    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert said.strip() == "[]"
