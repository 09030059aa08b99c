"""Crashes at every step of a change: afterwards all is old or all is new, and the ending is told.

A child is killed with SIGKILL before the n-th call that touches the disk or starts git; then the
recovery is killed the same way; then the change at random moments. MENDD_EVERY_STEP=1 tries each
n, which takes minutes; otherwise it is each fourth.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest

from audit.durable import write_whole
from daemon.apply import Applied, CannotApply, recover, revert_change
from daemon.changes import journal as journal_file
from daemon.changes import swap
from daemon.changes.journal import JournalBusy, held
from tests.changing import MODES, NEW, OLD, Scene, make_template

CALLS = ["fsync", "rename", "replace", "link", "unlink", "mkdir", "rmdir", "open", "fchmod"]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A repository to copy."""
    return make_template(tmp_path_factory.mktemp("template") / "module")


@pytest.fixture
def tmp_path():
    """In memory where that can be had: a kill loses no page, so the disk's syncs prove nothing."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


def counted(real, limit, count):
    """The same call, preceded by SIGKILL when it is the `limit`-th."""

    def call(*args, **more):
        count[0] += 1
        if count[0] == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **more)

    return call


def killed_at(limit, work):
    """Run `work` in a child that is killed before its `limit`-th step; its step count if it ended.

    The child is a fork, so that hundreds of crashes take seconds.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            count = [0]
            for name in CALLS:
                setattr(os, name, counted(getattr(os, name), limit, count))
            swap.exchange = counted(swap.exchange, limit, count)
            subprocess.run = counted(subprocess.run, limit, count)
            work()
            os.write(writing, str(count[0]).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123 -- from the descriptor
        said = pipe.read()
    os.waitpid(pid, 0)
    return int(said) if said else None


def steps_of(work):
    """How many steps a whole run takes."""
    steps = killed_at(0, work)
    assert steps, "the run must end by itself"
    return steps


STRIDE = 1 if os.environ.get("MENDD_EVERY_STEP") else 4  # all steps take minutes


def crash_points(steps):
    """The steps to die at: each with MENDD_EVERY_STEP=1, else each fourth and the last."""
    return [*range(1, steps, STRIDE), steps]


@pytest.mark.parametrize("mode", MODES)
def test_a_kill_at_every_step_leaves_all_old_or_all_new(mode, template, tmp_path):
    """Never mixed; recovery tells which; then the change (or its reverse) works."""
    steps = steps_of(Scene(tmp_path / "whole", template, mode).apply)
    endings = set()
    for limit in crash_points(steps):
        scene = Scene(tmp_path / str(limit), template, mode)
        assert killed_at(limit, scene.apply) is None

        told = scene.recover()

        new = scene.is_new()
        assert told in ([], [("p-1", "finished" if new else "rolled_back", ())])
        assert told or not new, "a change that stands is told"
        assert scene.recover() == []
        endings.add(told[0][1] if told else "never begun")
        if not new:
            assert isinstance(scene.apply(), Applied)
            assert scene.is_new()
        shutil.rmtree(tmp_path / str(limit))
    assert endings == {"never begun", "rolled_back", "finished"}


@pytest.mark.parametrize("mode", MODES)
def test_a_kill_at_every_step_of_the_recovery_is_recovered_too(mode, template, tmp_path):
    """A crash in the middle of settling a crash changes nothing about the end."""
    steps = steps_of(Scene(tmp_path / "whole", template, mode).apply)
    rng = random.Random(mode)  # noqa: S311 -- repeatable on purpose
    for first in sorted(rng.sample(range(steps // 3, steps + 1), 12 // STRIDE)):
        for second in range(1, 400, STRIDE):
            scene = Scene(tmp_path / "crash", template, mode)
            assert killed_at(first, scene.apply) is None
            ended = killed_at(second, scene.recover)
            told = scene.recover()
            new = scene.is_new()
            assert told in ([], [("p-1", "finished" if new else "rolled_back", ())])
            assert scene.recover() == []
            shutil.rmtree(tmp_path / "crash")
            if ended is not None:
                break


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["mendd alone", "its whole group"])
@pytest.mark.parametrize("mode", MODES)
def test_a_kill_at_any_moment(mode, kill, template, tmp_path):
    """Alone: a git it started lives on, and recovery waits for it. In a group: git dies too."""
    rng = random.Random(mode)  # noqa: S311 -- repeatable on purpose
    for number in range(80 // STRIDE):
        scene = Scene(tmp_path / str(number), template, mode)
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                os.setpgid(0, 0)
                scene.apply()
            os._exit(0)
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)
        time.sleep(rng.random() * (0.006 if mode == "plain" else 0.08))
        kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

        told = scene.recover()

        new = scene.is_new()
        assert told in ([], [("p-1", "finished" if new else "rolled_back", ())])
        assert scene.recover() == []


@pytest.mark.parametrize("mode", ["plain", "git-in-place"])
def test_a_kill_at_every_step_of_taking_back(mode, template, tmp_path):
    """The reverse is as safe as the change."""
    whole = Scene(tmp_path / "whole", template, mode)
    steps = steps_of(partial(taken_back, whole, whole.apply()))
    for limit in crash_points(steps):
        scene = Scene(tmp_path / str(limit), template, mode)
        applied = scene.apply()
        scene.recover()
        assert killed_at(limit, partial(taken_back, scene, applied)) is None
        scene.recover()
        files = {name: read(scene.root / name) for name in NEW}
        assert files in (NEW, {**OLD, "add/new.py": None})
        shutil.rmtree(tmp_path / str(limit))


def taken_back(scene, applied):
    """Revert without a kill switch."""
    return revert_change(applied, reason="no", journal=scene.journal, killed=lambda: False)


def read(path):
    """The bytes of a file, None when there is none."""
    return path.read_bytes() if path.exists() else None


def crashed_half_way(scene, monkeypatch, after=1):
    """A change that died after `after` exchanges."""
    real, count = swap.Root.swap, [0]

    def dying(root, file):
        if count[0] == after:
            raise KeyboardInterrupt
        count[0] += 1
        return real(root, file)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(swap.Root, "swap", dying)
        scene.apply()


@pytest.mark.parametrize("mode", ["plain", "git-in-place"])
def test_a_persons_edit_after_the_crash_is_kept_and_told(mode, template, tmp_path, monkeypatch):
    """Recovery does not write over what it did not write."""
    scene = Scene(tmp_path, template, mode)
    crashed_half_way(scene, monkeypatch)
    (scene.root / "cart.py").write_bytes(b"a person's repair\n")

    told = scene.recover()

    assert told == [("p-1", "rolled_back", ("cart.py was edited meanwhile and stays as it is",))]
    assert (scene.root / "cart.py").read_bytes() == b"a person's repair\n"
    assert read(scene.root / "gone.py") == OLD["gone.py"]


def test_a_module_that_is_away_is_settled_later(template, tmp_path, monkeypatch):
    """An unmounted disk postpones; the intent stays."""
    scene = Scene(tmp_path, template, "plain")
    crashed_half_way(scene, monkeypatch, after=2)
    scene.root.rename(tmp_path / "away")
    assert [ending for _, ending, _ in scene.recover()] == ["postponed"]
    (tmp_path / "away").rename(scene.root)

    assert [ending for _, ending, _ in scene.recover()] == ["rolled_back"]
    assert not scene.is_new()


def test_a_rollback_works_from_the_backup_alone(template, tmp_path, monkeypatch):
    """If somebody removed the spare files, the saved originals come back."""
    scene = Scene(tmp_path, template, "plain")
    crashed_half_way(scene, monkeypatch, after=3)
    for spare in scene.root.rglob(".*.mendd"):
        spare.unlink()

    assert [ending for _, ending, _ in scene.recover()] == ["rolled_back"]
    assert not scene.is_new()


def test_stale_ref_locks_of_a_killed_git_are_removed(template, tmp_path, monkeypatch):
    """A git killed in update-ref leaves locks; they would block the person's next commit."""
    scene = Scene(tmp_path, template, "git-in-place")
    monkeypatch.setattr("daemon.changes.gitindex._STALE_S", 0)
    crashed_half_way(scene, monkeypatch, after=3)
    (scene.root / ".git" / "refs" / "heads" / "main.lock").write_bytes(b"")
    (scene.root / ".git" / "HEAD.lock").write_bytes(b"")

    assert [ending for _, ending, _ in scene.recover()] == ["rolled_back"]
    assert not scene.is_new()


def test_a_lock_that_a_killed_git_left_on_our_own_index_is_no_hindrance(template, tmp_path):
    """Killed in `git read-tree`: the same change was refused for a minute ("File exists")."""
    scene = Scene(tmp_path, template, "git-in-place")
    (scene.root / ".git" / "mendd-p-1.scratch.lock").touch()

    assert isinstance(scene.apply(), Applied)
    assert scene.is_new()


def test_a_persons_index_lock_is_not_removed(template, tmp_path, monkeypatch):
    """Only a lock that carries our name is ours."""
    scene = Scene(tmp_path, template, "git-in-place")
    crashed_half_way(scene, monkeypatch)
    (scene.root / ".git" / "index.lock").write_bytes(b"somebody else's")

    scene.recover()

    assert (scene.root / ".git" / "index.lock").read_bytes() == b"somebody else's"
    assert read(scene.root / "cart.py") == OLD["cart.py"]


def test_a_damaged_intent_is_moved_aside(tmp_path):
    """What is no intent cannot be settled, and does not stop what can."""
    write_whole(tmp_path / "p-1.json", b"{}")

    assert list(recover(tmp_path)) == []
    assert (tmp_path / "p-1.unreadable").exists()


def test_only_one_process_changes_the_module_at_a_time(template, tmp_path, monkeypatch):
    """The journal's lock is waited for, and then named."""
    monkeypatch.setattr(journal_file, "_LOCK_WAIT_S", 0.01)
    scene = Scene(tmp_path, template, "plain")
    with held(scene.journal):
        with pytest.raises(CannotApply, match="another mendd process"):
            scene.apply()
        with pytest.raises(JournalBusy):
            list(recover(scene.journal))


def test_nothing_to_recover_makes_nothing(tmp_path):
    """A first start creates no folder."""
    assert list(recover(tmp_path / "journal")) == []
    assert list(tmp_path.iterdir()) == []
