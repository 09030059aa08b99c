"""One change of the real module, killed at each system call; 200 sequences of changes and back."""

import hashlib
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from daemon.apply import Applied, Change, Reverted, apply_change, revert_change
from daemon.changes.change import digests, files_hash
from tests.changing import MODES, RecordedScene, git, make_template
from tests.rounds import in_memory
from tests.soak.check import CannotRun, Check, Row, Setting
from tests.stepping import CannotTrace, Stepped, killed_after, watched

OTHERS = 40  # of git's own calls after which the disk is as it was
SEQUENCES, FILES = 200, 100
EDITS = 100


# -- killed --------------------------------------------------------------------------------------


def each_system_call(setting: Setting) -> Iterator[Row]:
    """Plain: every call. Git: every one after which the disk is another, and some others."""
    with in_memory(setting.folder) as folder:
        template = make_template(folder / "template" / "module")
        for mode in MODES:
            whole = whole_run(folder / mode, template, mode)
            points = crash_points(mode, whole, setting)
            for alone in (False,) if mode == "plain" else (False, True):
                faults = []
                for number, point in enumerate(points):
                    setting.say(f"{mode}: {number} of {len(points)}")
                    faults.append(crashed(folder / "crash", template, mode, point, alone=alone))
                bad = [
                    f"call {at}: {fault}" for at, fault in zip(points, faults, strict=True) if fault
                ]
                who = f"{mode}, {'mendd alone' if alone else 'and what it started'}"
                states = len(changed_at(whole))
                told = f"{whole.calls} calls, {states} states of the disk; {bad[:2] or ''}"
                yield Row(who, len(points), len(bad), told)


def whole_run(folder: Path, template: Path, mode: str) -> Stepped:
    """The change without a crash, and how the disk looks after each call."""
    scene = RecordedScene(folder, template, mode)
    try:
        whole = watched(scene.mend, lambda: disk(folder))
    except CannotTrace as error:
        raise CannotRun(str(error)) from None
    assert whole.ended and scene.is_new()
    return whole


def disk(folder: Path) -> str:
    """What a kill at this moment would leave, told by names, sizes and times."""
    seen = hashlib.blake2b(digest_size=8)
    for base, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = f"{base}/{name}"
            try:
                found = os.lstat(path)
            except FileNotFoundError:
                continue
            seen.update(f"{path} {found.st_ino} {found.st_size} {found.st_mtime_ns}".encode())
            seen.update(f"{found.st_mode} {found.st_nlink}".encode())
    return seen.hexdigest()


def changed_at(whole: Stepped) -> list[int]:
    """The calls (from 1) after which the disk is another than before."""
    marks = whole.marks
    return [at + 1 for at in range(1, len(marks)) if marks[at] != marks[at - 1]]


def crash_points(mode: str, whole: Stepped, setting: Setting) -> list[int]:
    """After which calls to kill; at less than full scale some of them."""
    every = range(1, whole.calls + 1)
    points = list(every)
    if mode != "plain":
        points = sorted({*changed_at(whole), *setting.rng.sample(every, OTHERS)})
    return sorted(setting.rng.sample(points, min(len(points), setting.times(len(points)))))


def crashed(folder: Path, template: Path, mode: str, point: int, *, alone: bool) -> str:
    """What does not hold after a kill there, and after the workers that follow."""
    shutil.rmtree(folder, ignore_errors=True)
    scene = RecordedScene(folder, template, mode)
    killed_after(point, scene.mend, alone=alone)
    return scene.faults_after_crash()


# -- back and forth ------------------------------------------------------------------------------


def back_and_forth(setting: Setting) -> Iterator[Row]:
    """Random changes of a module of 100 files, taken back in the order they were made upon."""
    for mode, published in (("plain", SEQUENCES - 20), ("in-place", 20)):
        times = setting.times(published)
        steps, broken, slowest = 0, 0, 0.0
        with in_memory(setting.folder) as folder:
            module = Module(folder, setting.rng, mode)
            for number in range(times):
                setting.say(f"{mode}: sequence {number} of {times}")
                good, count, seconds = module.sequence(number)
                steps, broken, slowest = steps + count, broken + (not good), max(slowest, seconds)
        told = f"{steps} changes; slowest rollback of {FILES} files {slowest:.2f} s"
        yield Row(f"{mode}, sequences", times, broken, told)


class Module:
    """A module of 100 files that is changed at random."""

    def __init__(self, folder: Path, rng: random.Random, mode: str) -> None:
        self.folder, self.rng, self.mode = folder, rng, mode
        self.root = folder / "module"
        for number in range(FILES):
            path = self.root / f"part{number % 7}" / f"file{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rng.randbytes(rng.randrange(400)))
            path.chmod(rng.choice((0o644, 0o755, 0o600)))
        if mode == "in-place":
            git(self.root, "init", "-q", "-b", "main")
            git(self.root, "add", "-A")
            git(self.root, "commit", "-q", "-m", "start")

    def sequence(self, number: int) -> tuple[bool, int, float]:
        """One to four changes and back: whether each tree was the recorded one, and how slow."""
        good, slowest, done = True, 0.0, []
        for step in range(self.rng.randint(1, 4)):
            before = self.tree()
            applied, after = self.change(f"s{number}-{step}", everything=step == number % 4)
            good = (
                good
                and self.tree() == {**before, **after}
                and applied.after
                == digests(
                    {
                        name: data[0] if (data := self.tree().get(name)) else None
                        for name in applied.files
                    }
                )
            )
            done.append((before, applied))
        for before, applied in reversed(done):
            began = time.monotonic()
            back = revert_change(
                applied, reason="soak", journal=self.folder / "journal", killed=lambda: False
            )
            if len(applied.files) == FILES:
                slowest = max(slowest, time.monotonic() - began)
            files = {name: data[0] for name, data in self.tree().items()}
            now = files_hash(digests({name: files.get(name) for name in applied.files}))
            good = good and isinstance(back, Reverted)
            good = good and self.tree() == before and now == applied.base_hash
        return good, len(done), slowest

    def change(self, id_: str, *, everything: bool) -> tuple[Applied, dict[str, object]]:
        """New bytes for some files or all."""
        tree = self.tree()
        names = sorted(tree)
        chosen = names if everything else self.rng.sample(names, self.rng.randint(1, 12))
        after = {name: self.rng.randbytes(self.rng.randrange(400)) + b"!" for name in chosen}
        change = Change(
            id=id_,
            root=self.root,
            before={name: tree[name][0] for name in chosen},
            after=after,
            message="soak",
        )
        applied = apply_change(
            change,
            mode="plain" if self.mode == "plain" else "in-place",
            backups=self.folder / "backups",
            journal=self.folder / "journal",
            killed=lambda: False,
        )
        assert isinstance(applied, Applied), applied
        return applied, {name: (data, tree[name][1]) for name, data in after.items()}

    def tree(self) -> dict[str, tuple[bytes, int]]:
        """Every file with its mode."""
        return {
            path.relative_to(self.root).as_posix(): (path.read_bytes(), path.stat().st_mode)
            for path in self.root.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(self.root).parts
        }


CHECKS = (
    Check(
        "crash.syscalls",
        "SIGKILL at every system call of a change: all old or all new, recorded once, chain whole",
        each_system_call,
    ),
    Check(
        "crash.rollback",
        "200 random sequences of changes and back: the tree is the recorded one, 200 of 200",
        back_and_forth,
    ),
)
