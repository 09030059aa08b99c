"""A module, one change of four files and one crash; afterwards all is old or all is new."""

import os
import shutil
import subprocess

from audit.trail import Trail, verify
from daemon.apply import Applied, Change, apply_change, forget, recover
from daemon.changes.gitrepo import AUTHOR_EMAIL

OLD = {"cart.py": b"old\n", "shop/price.py": b"old price\n", "gone.py": b"gone\n"}
NEW = {"cart.py": b"new\n", "shop/price.py": b"new price\n", "gone.py": None, "add/new.py": b"n\n"}
MODES = ("plain", "git-in-place", "git-branch")
CLEAN = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
}


def git(top, *arguments):
    """What a person's git says."""
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=top, env=CLEAN, capture_output=True, text=True, check=True
    ).stdout.strip()


def make_template(top):
    """A repository to copy: one commit, and a person's staged work."""
    for name, data in OLD.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "start")
    (top / "mine.py").write_bytes(b"staged\n")
    git(top, "add", "mine.py")
    (top / "mine.py").write_bytes(b"edited\n")
    return top


class Scene:
    """One module, one change, one crash."""

    def __init__(self, folder, template, mode):
        self.mode = mode
        self.root = folder / "module"
        self.journal = folder / "journal"
        self.backups = folder / "backups"
        shutil.copytree(template, self.root)
        if mode == "plain":
            shutil.rmtree(self.root / ".git")

    def apply(self):
        """Make the change."""
        change = Change(
            id="p-1",
            root=self.root,
            before={**OLD, "add/new.py": None},
            after=NEW,
            message="mend",
        )
        return apply_change(
            change,
            mode=self.mode,
            backups=self.backups,
            journal=self.journal,
            killed=lambda: False,
        )

    def recover(self):
        """Settle, and say what became of the change."""
        return [(each.id, each.ending, each.conflicts) for each in recover(self.journal)]

    def is_new(self):
        """True for all new, False for all old; anything else fails here."""
        files = {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and ".git" not in path.parts
        }
        assert files.pop("mine.py") == b"edited\n"
        new = {name: data for name, data in NEW.items() if data is not None}
        assert files in (OLD, new), "mixed"
        if self.mode == "plain":
            return files == new
        return self.git_is_new(files == new)

    def git_is_new(self, files_new):
        """The same for branch, index and leftovers of a repository."""
        ref = "mendd/p-1" if self.mode == "git-branch" else "main"
        author = git(self.root, "log", "--format=%ae", "-1", "--all", f"--glob=refs/heads/{ref}")
        new = author == AUTHOR_EMAIL
        if self.mode == "git-in-place":
            assert new == files_new, "branch and files differ"
            if new:
                assert git(self.root, "show", "--format=", "--name-only", "--no-renames").split()
        else:
            assert not files_new
        assert git(self.root, "status", "--porcelain", "--no-renames") == "AM mine.py"
        assert git(self.root, "fsck", "--no-dangling") == ""
        locks = (p for p in (self.root / ".git").rglob("*") if p.suffix in (".lock", ".marker"))
        left = [lock.name for lock in locks if "scratch" not in lock.name]  # private, swept later
        assert not left
        return new


class RecordedScene(Scene):
    """A scene with a trail, in which the change is recorded as the worker does it."""

    def __init__(self, folder, template, mode):
        super().__init__(folder, template, mode)
        self.trail = Trail(folder / "audit" / "trail.jsonl")

    def mend(self):
        """Make the change, record it, and only then forget it."""
        done = self.apply()
        assert isinstance(done, Applied), done
        self.trail.append("applied", data={"patch": done.id})
        forget(self.journal, done.id)

    def settle(self):
        """What the next worker does first: settle, and record what a crash kept unrecorded."""
        for each in recover(self.journal):
            if each.ending == "finished" and not self.recorded:
                self.trail.append("applied", data={"patch": each.id, "recovered": True})

    @property
    def recorded(self):
        """How often the change is in the trail."""
        return len(list(self.trail.records(event="applied")))

    def faults_after_crash(self):
        """What does not hold once the next worker has settled, and worked, in words."""
        try:
            self.settle()
            new = self.is_new()
            if self.recorded != new:
                return f"new: {new}, but recorded {self.recorded} times"
            if not new:
                self.mend()
            if not self.is_new() or self.recorded != 1:
                return f"worked again: new {self.is_new()}, recorded {self.recorded} times"
            self.settle()
            found = verify(self.trail.path)
            if not found.ok or self.recorded != 1:
                return f"the chain: {found}; recorded {self.recorded} times"
        except (AssertionError, subprocess.CalledProcessError) as fault:
            return f"{type(fault).__name__}: {fault}"
        return ""
