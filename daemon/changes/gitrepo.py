"""Git spoken to through plumbing only, deaf to every setting that could run a program.

No hook, no filter, no file-system monitor, no transport, no pager, no signing, no user or system
configuration; identity comes from here. The repository is found by walking up to the `.git`
nearest to the module, so its own `core.worktree` cannot point elsewhere, and as git is told where
it is, `safe.directory` does not come into it.
"""

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AUTHOR_NAME = "mendd"
AUTHOR_EMAIL = "mendd@localhost"

_TIME_LIMIT_S = 120
# Repository configuration that could start a program or change what is stored. `-c` comes last
# and wins. Unknown names such as filter.<x>.clean cannot be listed: see `special_attributes`.
_DEAF = {
    "core.hooksPath": "/dev/null",
    "core.bare": "false",
    "core.fsmonitor": "false",
    "core.splitIndex": "false",
    "core.safecrlf": "false",
    "core.fsync": "all",
    "core.fsyncMethod": "fsync",
    "core.sshCommand": "false",
    "core.askPass": "false",
    "core.pager": "cat",
    "core.editor": "false",
    "core.alternateRefsCommand": "false",
    "commit.gpgSign": "false",
    "credential.helper": "",
    "protocol.allow": "never",
    "i18n.commitEncoding": "UTF-8",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
_ENVIRONMENT = {
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_AUTHOR_NAME": AUTHOR_NAME,
    "GIT_AUTHOR_EMAIL": AUTHOR_EMAIL,
    "GIT_COMMITTER_NAME": AUTHOR_NAME,
    "GIT_COMMITTER_EMAIL": AUTHOR_EMAIL,
}
_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or an `am`",
    "sequencer": "a series of cherry-picks or reverts",
}


class GitFailed(Exception):
    """A git command failed; the message holds the command and its complaint."""

    def __init__(self, message: str, code: int | None = None) -> None:
        """`code` is how git ended; 1 from a question means "no"."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file as HEAD or the index knows it."""

    mode: str
    blob: str


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One work tree and the git folder that belongs to it."""

    top: Path
    git_dir: Path
    kept_open: tuple[int, ...] = ()  # descriptors every git inherits: the journal's lock

    def git(self, *arguments: str, data: bytes = b"", index: Path | None = None) -> bytes:
        """Run one plumbing command and return what it prints. Raises GitFailed."""
        settings = [word for name, value in _DEAF.items() for word in ("-c", f"{name}={value}")]
        command = ["git", *settings, *arguments]
        environment = {**_ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath)}
        environment |= {"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.top)}
        if index is not None:
            environment["GIT_INDEX_FILE"] = str(index)
        try:
            done: subprocess.CompletedProcess[bytes] = subprocess.run(
                command,
                input=data,
                capture_output=True,
                env=environment,
                cwd=self.top,
                pass_fds=self.kept_open,
                umask=0o022,  # a strict one would hide objects from the repository's users
                **self._owner(),
                timeout=_TIME_LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GitFailed(f"git {arguments[0]}: {error}") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            message = f"git {arguments[0]} in {self.top}: {said or done.returncode}"
            raise GitFailed(message, done.returncode)
        return done.stdout

    def _owner(self) -> dict[str, Any]:
        """As root, git runs as the repository's owner, who must be able to change its files."""
        owner = self.git_dir.stat()
        if os.geteuid() != 0 or owner.st_uid == 0:
            return {}
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}

    def answer(self, *question: str) -> str | None:
        """What git prints to a question, None when the answer is no. Raises GitFailed."""
        try:
            return self.git(*question).decode("utf-8", "surrogateescape").strip()
        except GitFailed as error:
            if error.code == 1:
                return None
            raise

    def commit_id(self, revision: str) -> str | None:
        """The commit a revision names, None when there is none."""
        return self.answer("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")

    def branch(self) -> str | None:
        """The full name of the checked-out branch; None when HEAD is detached."""
        return self.answer("symbolic-ref", "--quiet", "HEAD")

    def under_way(self) -> str | None:
        """What a person has begun and not ended: a merge, a rebase …"""
        return next(
            (what for name, what in _UNDER_WAY.items() if (self.git_dir / name).exists()), None
        )

    def entries(self, revision: str, paths: Sequence[str]) -> dict[str, Entry]:
        """The paths that are files in a commit."""
        listed = self.git("ls-tree", "-z", revision, "--", *paths).decode(
            "utf-8", "surrogateescape"
        )
        found = {}
        for line in filter(None, listed.split("\0")):
            about, _, path = line.partition("\t")
            mode, _, blob = about.split(" ")
            found[path] = Entry(mode=mode, blob=blob)
        return found

    def index_entries(self, paths: Sequence[str], index: Path | None = None) -> dict[str, Entry]:
        """The paths as the index holds them; a path in conflict has the mode `conflict`."""
        listed = self.git("ls-files", "-z", "--stage", "--", *paths, index=index)
        found = {}
        for line in filter(None, listed.decode("utf-8", "surrogateescape").split("\0")):
            about, _, path = line.partition("\t")
            mode, blob, stage = about.split(" ")
            found[path] = Entry(mode=mode if stage == "0" else "conflict", blob=blob)
        return found

    def special_attributes(self, paths: Sequence[str]) -> dict[str, str]:
        """Paths whose stored bytes a filter, `ident` or a re-encoding would make; none is run."""
        names = ("filter", "ident", "working-tree-encoding")
        asked = "\0".join(paths).encode("utf-8", "surrogateescape")
        listed = self.git("check-attr", "-z", "--stdin", *names, data=asked)
        words = listed.decode("utf-8", "surrogateescape").split("\0")
        triples = zip(words[0::3], words[1::3], words[2::3], strict=False)
        return {
            path: f"{name}={value}"
            for path, name, value in triples
            if value not in ("unspecified", "unset")
        }

    def store(self, path: str, data: bytes, *, converted: bool) -> str:
        """Put a blob into the object store and return its name.

        `converted` lets git change line ends as it would for a file at that path.
        """
        how = f"--path={path}" if converted else "--no-filters"
        return self.git("hash-object", "-w", how, "--stdin", data=data).decode("ascii").strip()


def blob_name(data: bytes, like: str) -> str:
    """The name git gives to these bytes, in the same hash as the name `like`."""
    kind = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return kind(b"blob %d\0" % len(data) + data).hexdigest()


def find_repository(root: Path, *, kept_open: tuple[int, ...] = ()) -> Repository | None:
    """The repository whose work tree holds the folder, None when there is none."""
    root = root.resolve()
    for top in (root, *root.parents):
        git_dir = _git_dir(top)
        if git_dir is not None:
            return Repository(top=top, git_dir=git_dir, kept_open=kept_open)
    return None


def _git_dir(top: Path) -> Path | None:
    """A work tree's git folder: `.git`, or where a file `.git` points (worktree, submodule)."""
    dot = top / ".git"
    if dot.is_dir():
        return dot if (dot / "HEAD").exists() else None
    if not dot.is_file():
        return None
    words = dot.read_text("utf-8", "surrogateescape").strip()
    if not words.startswith("gitdir: "):
        return None
    return (top / words.removeprefix("gitdir: ")).resolve()


def index_path(root: Path, name: str, repository: Repository) -> str:
    """A file of the module as the repository names it."""
    prefix = root.resolve().relative_to(repository.top).as_posix()
    return name if prefix == "." else f"{prefix}/{name}"


def nested_repository(root: Path, names: Mapping[str, object]) -> str | None:
    """A file that lies in another repository inside the module (a submodule), if there is one."""
    for name in names:
        folders = name.split("/")[:-1]
        for count in range(1, len(folders) + 1):
            if os.path.lexists(root.joinpath(*folders[:count], ".git")):
                return name
    return None
