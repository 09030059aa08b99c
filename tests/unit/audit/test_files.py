"""A trail of several files: one chain for every reader, whatever dies or races in between."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit.files import closed_files, size_of
from audit.recent import appended_since, newest_first
from audit.record import GENESIS
from audit.trail import Rotation, Trail, TrailBroken, TrailUnwritable, verify
from audit.verify import records_in

ROOT = Path(__file__).parents[3]
SHELL = ROOT / "audit" / "verify.sh"
SMALL = Rotation(mib=2000 / (1 << 20))  # five or six records a file
WRITER = """
import sys
from pathlib import Path
from audit.trail import Rotation, Trail
trail = Trail(Path(sys.argv[1]), rotation=Rotation(mib=2000 / (1 << 20)))
for number in range(int(sys.argv[3])):
    record = trail.append("trial", reflection=sys.argv[2], data={"n": number, "pad": "x" * 100})
    print(record.seq, record.hash, flush=True)
"""

DIES = """
import os, sys
from pathlib import Path
from audit.trail import Rotation, Trail
path, calls = Path(sys.argv[1]), 0
trail = Trail(path, rotation=Rotation(mib=1000 / (1 << 20)))


def dying(call, at):
    def wrapped(*given, **more):
        global calls
        calls += 1
        if calls == at:
            os._exit(9)
        return call(*given, **more)

    return wrapped


for name in "open write fsync rename close stat fstat pread ftruncate scandir".split():
    setattr(os, name, dying(getattr(os, name), int(sys.argv[2])))
trail.append("stopped")
os._exit(0)
"""


def writer(path, name, count):
    """A child process that appends to a trail whose files are closed soon."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def trail(tmp_path):
    """Thirty records in several files."""
    made = Trail(tmp_path / "trail.jsonl", rotation=SMALL)
    for number in range(30):
        made.append("trial", reflection=f"r-{number % 3}", data={"n": number, "pad": "x" * 100})
    return made


def test_the_chain_goes_on_across_files(trail):
    """Each file begins where the one before ends; none is empty, none is larger than asked for."""
    closed = closed_files(trail.path)

    assert len(closed) >= 4
    assert closed[0].name == "trail-0000000001.jsonl"
    for file in [*closed, trail.path]:
        assert 0 < file.stat().st_size < 2600
    assert verify(trail.path).records == 30
    assert trail.head() == (30, verify(trail.path).head_hash)


def test_every_reader_reads_across_files(trail):
    """From the front, from the back, from a place, by filters: as if it were one file."""
    numbers = list(range(30))

    assert [r.data["n"] for r in trail.records()] == numbers
    assert [r.data["n"] for r in trail.records(last=12)] == numbers[-12:]
    assert [r.data["n"] for r in trail.records(reflection="r-1")] == numbers[1::3]
    assert [r.data["n"] for r in newest_first(trail.path, ["trial"])] == numbers[::-1]
    whole = b"".join(file.read_bytes() for file in [*closed_files(trail.path), trail.path])
    assert size_of(trail.path) == len(whole)
    for start in (0, 1000, 2500, len(whole) - 1, len(whole), len(whole) + 5):
        assert appended_since(trail.path, start) == whole[start:]


def test_a_file_is_closed_by_its_age(tmp_path):
    """The first record of the file tells; a clock that steps back closes nothing."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    trail = Trail(tmp_path / "trail.jsonl", clock=lambda: now, rotation=Rotation(days=7))
    for hours in (0, 167, 168, 100, 335, 336):
        now = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=hours)
        trail.append("started")

    assert [file.name[6:16] for file in closed_files(trail.path)] == ["0000000001", "0000000003"]
    assert verify(trail.path).records == 6


def test_a_trail_that_is_not_rotated_stays_one_file(tmp_path):
    """The default, as before."""
    trail = Trail(tmp_path / "trail.jsonl")
    for _ in range(30):
        trail.append("trial", data={"pad": "x" * 1000})

    assert closed_files(trail.path) == []


def test_a_crash_between_closing_and_beginning_loses_nothing(trail):
    """The file was renamed and nothing else happened: readers and the next writer go on from it."""
    records = [record.hash for record in trail.records()]
    first = next(iter(records_in(trail.path))).seq
    assert first == 1
    begins = int(closed_files(trail.path)[-1].stem[-10:])
    count = len(closed_files(trail.path)[-1].read_bytes().splitlines())
    trail.path.rename(trail.path.with_name(f"trail-{begins + count:010d}.jsonl"))

    assert verify(trail.path).records == 30
    assert trail.head() == (30, records[-1])
    assert [record.hash for record in trail.records()] == records
    record = Trail(trail.path).append("started")
    assert (record.seq, record.prev) == (31, records[-1])
    assert verify(trail.path).records == 31


def test_an_empty_new_file_goes_on_from_the_closed_one(trail):
    """A crash after the new file was made and before its first record."""
    (trail.path).rename(trail.path.with_name("trail-0000000029.jsonl"))
    trail.path.touch()

    assert verify(trail.path).records == trail.head()[0]
    assert trail.append("started").seq == verify(trail.path).records
    assert verify(trail.path).ok


def test_half_a_line_is_never_closed_in(trail):
    """It is set aside first, in the file that grows."""
    size = trail.path.stat().st_size
    with trail.path.open("ab") as file:
        file.write(b"x" * 3000)
    trail.append("started")

    assert trail.path.stat().st_size > size
    assert [r.event for r in trail.records(last=2)] == ["recovered", "started"]
    assert verify(trail.path).ok
    assert all(file.read_bytes().endswith(b"\n") for file in closed_files(trail.path))


def test_a_name_that_is_taken_is_not_overwritten(tmp_path):
    """Something lies where the closed file should go: the trail goes on growing, and says so."""
    planted = tmp_path / "trail-0000000001.jsonl"
    planted.write_bytes(b"")
    trail = Trail(tmp_path / "trail.jsonl", rotation=SMALL)
    for _ in range(20):
        trail.append("trial", data={"pad": "x" * 1000})

    assert planted.read_bytes() == b""
    assert closed_files(trail.path) == [planted]
    assert verify(trail.path).records == 20


def test_a_closed_file_that_is_a_link_or_broken_is_not_built_on(trail, tmp_path):
    """Neither read nor continued."""
    last = closed_files(trail.path)[-1]
    trail.path.unlink()
    good = last.read_bytes()
    last.write_bytes(good[:-30])
    with pytest.raises(TrailBroken):
        trail.append("started")

    last.unlink()
    (tmp_path / "elsewhere").write_bytes(good)
    last.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrailUnwritable):
        trail.append("started")
    with pytest.raises(OSError, match="symbolic"):
        verify(trail.path)


def test_a_closing_that_cannot_be_synced_loses_no_record(trail, monkeypatch):
    """The record is refused, and the next one goes on behind the closed file."""
    synced = os.fsync
    while trail.path.stat().st_size < 2000:
        trail.append("trial", data={"pad": "x" * 100})
    count = trail.head()[0]

    def broken(fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(TrailUnwritable):
        trail.append("trial")
    monkeypatch.setattr(os, "fsync", synced)

    assert trail.append("trial").seq == count + 1
    assert verify(trail.path).records == count + 1


def test_processes_that_close_and_append_at_once_lose_nothing(tmp_path):
    """Four writers and a reader: every acknowledged record stands once, every look is whole."""
    path = tmp_path / "trail.jsonl"
    children = [writer(path, f"writer-{number}", 60) for number in range(4)]
    seen = 0
    while any(child.poll() is None for child in children):
        found = verify(path)
        assert found.ok, found
        assert found.records >= seen
        seen = found.records
    acknowledged = [line for child in children for line in child.communicate()[0].splitlines()]

    assert sorted(f"{r.seq} {r.hash}" for r in records_in(path)) == sorted(acknowledged)
    assert verify(path).records == 240
    assert len(closed_files(path)) > 20


def test_sigkill_around_closings_loses_no_acknowledged_record(tmp_path):
    """Kills at odd moments of a writer that closes a file every few records."""
    path = tmp_path / "trail.jsonl"
    acknowledged = []
    rng = random.Random(20261120)  # noqa: S311 -- repeatable on purpose
    for _ in range(25):
        child = writer(path, "killed", 100_000)
        lines = [child.stdout.readline()]
        time.sleep(rng.random() * 0.01)
        child.send_signal(signal.SIGKILL)
        acknowledged += [*lines, *child.communicate()[0].splitlines(keepends=True)]

    Trail(path).append("started")
    found = {f"{record.seq} {record.hash}\n" for record in records_in(path)}
    assert {line for line in acknowledged if line.endswith("\n")} <= found
    assert verify(path).ok
    assert closed_files(path)


def test_death_at_every_call_of_an_append_that_closes_a_file_harms_nothing(tmp_path):
    """The old trail or the new one, both whole, and the next writer goes on."""
    for at in range(1, 100):
        trail = Trail(tmp_path / str(at) / "trail.jsonl")
        for _ in range(5):
            trail.append("trial", data={"pad": "x" * 100})
        command = [sys.executable, "-c", DIES, str(trail.path), str(at)]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode

        after = verify(trail.path)
        assert (after.ok, after.records in (5, 6)) == (True, True), at
        assert trail.append("started").seq == after.records + 1
        assert verify(trail.path).ok
        if code == 0:
            break

    assert (code, after.records) == (0, 6)
    assert closed_files(trail.path)
    assert at > 30


def swapped(files, at):
    """Two closed files change their names."""
    one, other = files[at].read_bytes(), files[at + 1].read_bytes()
    files[at].write_bytes(other)
    files[at + 1].write_bytes(one)
    return int(files[at].stem[-10:])


def removed(files, at):
    """A closed file is gone."""
    begins = int(files[at].stem[-10:])
    files[at].unlink()
    return begins


def cut(files, at):
    """The last record of a closed file is gone."""
    lines = files[at].read_bytes().splitlines(keepends=True)
    files[at].write_bytes(b"".join(lines[:-1]))
    return int(files[at + 1].stem[-10:]) - 1


def emptied(files, at):
    """A closed file holds nothing."""
    files[at].write_bytes(b"")
    return int(files[at].stem[-10:])


def without_its_last_newline(files, at):
    """One byte less: the last line runs into the next file."""
    files[at].write_bytes(files[at].read_bytes()[:-1])
    return int(files[at + 1].stem[-10:]) - 1


@pytest.mark.parametrize("attack", [swapped, removed, cut, emptied, without_its_last_newline])
def test_whole_files_are_part_of_the_chain(trail, attack):
    """Swapped, removed, cut or emptied: named at the exact record, by the shell as well."""
    good = {file: file.read_bytes() for file in closed_files(trail.path)}
    for at in range(len(good) - 1):
        expected = attack(list(good), at)
        found = verify(trail.path)
        said = subprocess.run(
            ["bash", str(SHELL), str(trail.path)], check=False, capture_output=True, text=True
        )

        assert (found.ok, found.first_bad, found.torn) == (False, expected, False)
        assert said.returncode == 1
        assert said.stdout.startswith(f"record {expected} ")
        for file, content in good.items():
            file.write_bytes(content)

    said = subprocess.run(["bash", str(SHELL), str(trail.path)], check=True, capture_output=True)
    assert said.stdout.decode().endswith(f"head: 30 {trail.head()[1]}\n")


def test_a_trail_of_nothing_has_no_head(tmp_path):
    """No file at all is an empty trail."""
    assert Trail(tmp_path / "none" / "trail.jsonl").head() == (0, GENESIS)
    assert size_of(tmp_path / "none" / "trail.jsonl") == 0
