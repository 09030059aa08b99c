"""Power cuts, simulated: a frozen writer, its disk copied without a sync, the copy mounted again.

What a copy of the image lacks is what the kernel had not yet written to the disk. Needs root, a
loop device and mkfs.ext4.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
DISK_MIB = 24
LONGEST_PAUSE_S = 0.03
NAMES = ("a.py", "sub/b.py", "c.py")
WRITER = """
import shutil
import sys
from pathlib import Path
from audit.trail import Trail
from daemon.apply import Change, apply_change, forget
disk, names = Path(sys.argv[1]), sys.argv[2].split(",")
trail = Trail(disk / "state" / "trail.jsonl")
version = 0
while True:
    old, new = (b"version %d\\n" % v * 300 for v in (version, version + 1))
    odd, gone = f"odd/{version // 2}.py", version % 2  # a file that comes and goes
    change = Change(
        id=f"p-{version}", root=disk / "module",
        before={**dict.fromkeys(names, old), odd: b"odd" if gone else None},
        after={**dict.fromkeys(names, new), odd: None if gone else b"odd"}, message="next")
    apply_change(change, mode="plain", backups=disk / "state" / "backups",
        journal=disk / "state" / "journal", killed=lambda: False)
    version += 1
    trail.append("applied", data={"version": version})
    print(version, flush=True)
    forget(disk / "state" / "journal", change.id)
    shutil.rmtree(disk / "state" / "backups" / f"p-{version - 5}", ignore_errors=True)
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
odd = sorted(path.name for path in (disk / "module" / "odd").glob("*.py"))
assert odd == ([f"{version // 2}.py"] if version % 2 else []), f"mixed: {odd} at {version}"
recorded = [record.data["version"] for record in trail.records(event="applied")]
assert recorded == list(range(1, len(recorded) + 1)), "records lost"
assert len(recorded) >= acknowledged, "acknowledged records lost"
assert version == len(recorded) or (version, told[-1].ending) == (len(recorded) + 1, "finished")
assert verify(trail.path).ok or verify(trail.path).torn
assert not list((disk / "module").rglob("*.mendd"))
print(told[-1].ending if told else "between two changes")
"""


class NoDisk(Exception):
    """There is no loop device, or no mkfs.ext4, for this user."""


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """An image as a folder."""
    at.mkdir(exist_ok=True)
    run("mount", "-o", "loop", str(image), str(at))
    try:
        yield at
    finally:
        run("umount", str(at))


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[Path, Path]]:
    """A small ext4 file system in a file, mounted, with a module on it. Raises NoDisk."""
    image = folder / "disk.img"
    with image.open("wb") as file:
        file.truncate(DISK_MIB << 20)
    try:
        run("mkfs.ext4", "-q", "-F", str(image))
        with mounted(image, folder / "probe"):
            pass
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoDisk(f"no loop device or no mkfs.ext4 for this user: {error}") from None
    with mounted(image, folder / "disk") as place:
        (place / "module" / "sub").mkdir(parents=True)
        (place / "module" / "odd").mkdir()
        for name in NAMES:
            (place / "module" / name).write_bytes(b"version 0\n" * 300)
        os.sync()
        yield image, place


def power_cuts(
    folder: Path, rng: random.Random, cuts: int, say: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[int, str, str]]:
    """Cut the power that often while changes are made; changes acknowledged, fault, state found.

    Raises NoDisk.
    """
    with small_disk(folder) as (image, place):
        command = [sys.executable, "-B", "-c", WRITER, str(place), ",".join(NAMES)]
        copy = folder / "copy.img"
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            pipe = writer.stdout.fileno()
            acknowledged = int(writer.stdout.readline())
            os.set_blocking(pipe, False)
            try:
                for number in range(cuts):
                    say(f"cut {number} of {cuts}")
                    acknowledged = at_work(pipe, acknowledged)
                    time.sleep(rng.random() * LONGEST_PAUSE_S)
                    acknowledged = newest(pipe, acknowledged)
                    writer.send_signal(signal.SIGSTOP)
                    run("cp", "--sparse=always", str(image), str(copy))
                    yield acknowledged, *checked(copy, place, acknowledged)
                    writer.send_signal(signal.SIGCONT)
            finally:
                writer.kill()


def at_work(pipe: int, acknowledged: int) -> int:
    """What the writer acknowledged last, once that is more than before; a busy machine is slow."""
    for _ in range(1_000):
        time.sleep(0.02)
        now = newest(pipe, acknowledged)
        if now > acknowledged:
            return now
    return acknowledged


def newest(pipe: int, before: int) -> int:
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


def checked(copy: Path, place: Path, acknowledged: int) -> tuple[str, str]:
    """Look at the copy where the disk was (intents hold paths), in a mount namespace of its own.

    What is wrong, and in which state the change was.
    """
    script = 'mount -o loop "$1" "$2" && exec "$3" -B -c "$4" "$2" "$5"'
    arguments = [str(copy), str(place), sys.executable, CHECK, str(acknowledged)]
    command = ["unshare", "--mount", "sh", "-c", script, "sh", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().rpartition("\n")[2] or "the check died", ""
    return "", done.stdout.strip()
