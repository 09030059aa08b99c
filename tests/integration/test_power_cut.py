"""Power cuts, simulated: a frozen writer, its disk copied without a sync, the copy mounted again.

Needs root and a loop device. `MENDD_POWER_CUTS=200` makes it 200 cuts instead of 12.
"""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CUTS = int(os.environ.get("MENDD_POWER_CUTS", "12"))
NAMES = ("a.py", "sub/b.py", "c.py")
WRITER = """
import sys
from pathlib import Path
from audit.trail import Trail
from daemon.apply import Change, apply_change, forget
disk, names = Path(sys.argv[1]), sys.argv[2].split(",")
trail = Trail(disk / "state" / "trail.jsonl")
version = 0
while True:
    old, new = (b"version %d\\n" % v * 300 for v in (version, version + 1))
    change = Change(
        id=f"p-{version}", root=disk / "module", before=dict.fromkeys(names, old),
        after=dict.fromkeys(names, new), message="next")
    apply_change(change, mode="plain", backups=disk / "state" / "backups",
        journal=disk / "state" / "journal", killed=lambda: False)
    version += 1
    trail.append("applied", data={"version": version})
    print(version, flush=True)
    forget(disk / "state" / "journal", change.id)
"""
CHECK = """
import sys
from pathlib import Path
from audit.trail import Trail, verify
from daemon.apply import recover
disk, acknowledged = Path(sys.argv[1]), int(sys.argv[2])
trail = Trail(disk / "state" / "trail.jsonl")
told = list(recover(disk / "state" / "journal"))
assert {each.ending for each in told} <= {"rolled_back", "finished"}, told
found = {(disk / "module" / name).read_bytes() for name in ("a.py", "sub/b.py", "c.py")}
assert len(found) == 1, "mixed"
lines = found.pop().splitlines()
assert len(set(lines)) == 1 and len(lines) == 300, "torn"
version = int(lines[0].split()[1])
recorded = [record.data["version"] for record in trail.records(event="applied")]
assert recorded == list(range(1, len(recorded) + 1)), "records lost"
assert len(recorded) >= acknowledged, "acknowledged records lost"
assert version == len(recorded) or (version, told[-1].ending) == (len(recorded) + 1, "finished")
assert verify(trail.path).ok or verify(trail.path).torn
assert not list((disk / "module").rglob("*.mendd"))
"""


def run(*command):
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def mounted(image, at):
    """An image as a folder."""
    at.mkdir(exist_ok=True)
    run("mount", "-o", "loop", str(image), str(at))
    try:
        yield at
    finally:
        run("umount", str(at))


@pytest.fixture
def disk(tmp_path):
    """A small ext4 file system in a file, with a module on it."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(48 * 1024 * 1024)
    try:
        run("mkfs.ext4", "-q", "-F", str(image))
        with mounted(image, tmp_path / "probe"):
            pass
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no loop device or no mkfs.ext4 for this user")
    with mounted(image, tmp_path / "disk") as place:
        (place / "module" / "sub").mkdir(parents=True)
        for name in NAMES:
            (place / "module" / name).write_bytes(b"version 0\n" * 300)
        os.sync()
        yield image, place


def at_work(pipe, acknowledged):
    """What the writer acknowledged last, once that is more than before; a busy machine is slow."""
    for _ in range(1_000):
        time.sleep(0.02)
        now = newest(pipe, acknowledged)
        if now > acknowledged:
            return now
    return acknowledged


def newest(pipe, before):
    """The last number the writer has acknowledged by now."""
    said = b""
    while True:
        try:
            piece = os.read(pipe, 65536)
        except BlockingIOError:
            break
        if not piece:
            break
        said += piece
    whole = said[: said.rfind(b"\n") + 1].split()
    return int(whole[-1]) if whole else before


def test_a_power_cut_leaves_one_version_and_every_acknowledged_record(disk, tmp_path):
    """No mixed module, no lost record, at any moment of any change."""
    image, place = disk
    command = [sys.executable, "-c", WRITER, str(place), ",".join(NAMES)]
    copy, rng = tmp_path / "copy.img", random.Random(19)  # noqa: S311 -- repeatable on purpose
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        pipe = writer.stdout.fileno()
        acknowledged = int(writer.stdout.readline())
        os.set_blocking(pipe, False)
        try:
            for _ in range(CUTS):
                acknowledged = at_work(pipe, acknowledged)
                time.sleep(rng.random() * 0.03)
                acknowledged = newest(pipe, acknowledged)
                writer.send_signal(signal.SIGSTOP)
                run("cp", "--sparse=always", str(image), str(copy))
                check_copy(copy, place, acknowledged)
                writer.send_signal(signal.SIGCONT)
        finally:
            writer.kill()
    assert acknowledged > CUTS / 2, "the writer was at work"


def check_copy(copy, place, acknowledged):
    """Look at the copy where the disk was (intents hold paths), in a mount namespace of its own."""
    script = 'mount -o loop "$1" "$2" && exec "$3" -c "$4" "$2" "$5"'
    arguments = [str(copy), str(place), sys.executable, CHECK, str(acknowledged)]
    command = ["unshare", "--mount", "sh", "-c", script, "sh", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
