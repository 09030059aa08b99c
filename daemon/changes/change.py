"""A change of the real module as a value, and the ways trying to make it can end."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from daemon.changes.swap import UnsafePath, digest, parts_of

Mode = Literal["auto", "plain", "in-place", "branch", "git-in-place", "git-branch"]
"""How a change is made; the names with and without `git-` mean the same."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


class CannotApply(Exception):
    """The world is not as needed (disk full, no permission, git fails); nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """Whole files before and after, to be changed together or not at all.

    `before` is what the trial was made with; None means that there is no such file. The author
    of a commit is `mendd <mendd@localhost>`; `message` is all of its text.
    """

    id: str  # the patch id; names the backup, the journal entry and the branch
    root: Path
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes | None]
    message: str
    branch: str = ""  # mode `branch`: the branch's name; empty: mendd/<id>
    onto: str | None = None  # mode `branch`: the commit that is the branch's tip by now

    def checked(self) -> "Change":
        """The same without files that stay as they are. Raises CannotApply for nonsense."""
        if not _ID.fullmatch(self.id) or ".." in self.id or self.id.endswith((".", ".lock")):
            raise CannotApply(f"{self.id!r} cannot name a change: letters, digits, . _ - only")
        if self.before.keys() != self.after.keys():
            raise CannotApply("a change names the same files before and after")
        names = [name for name in self.before if self.before[name] != self.after[name]]
        if not names:
            raise CannotApply("the change changes nothing")
        try:
            for name in names:
                parts_of(name)
        except UnsafePath as error:
            raise CannotApply(f"{error}; nothing was changed") from None
        return Change(
            id=self.id,
            root=self.root.resolve(),
            before={name: self.before[name] for name in names},
            after={name: self.after[name] for name in names},
            message=self.message,
            branch=self.branch,
            onto=self.onto,
        )


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A change that stands. `base_hash` and `result_hash` are the `files_hash` of its files."""

    id: str
    root: Path
    mode: str  # plain, in-place, branch
    files: tuple[str, ...]
    diff: str
    base_hash: str
    result_hash: str
    before: Mapping[str, str | None]  # SHA-256 of each file's bytes
    after: Mapping[str, str | None]
    commit: str | None = None
    branch: str | None = None  # full name, refs/heads/…
    onto: str | None = None  # the commit the branch had before; None: the branch is all ours
    backup: Path | None = None  # holds the original bytes under their own names, below `before/`

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `applied_from_json` reads them back."""
        backup = None if self.backup is None else str(self.backup)
        return {**asdict(self), "root": str(self.root), "files": [*self.files], "backup": backup}


def applied_from_json(value: Mapping[str, Any]) -> Applied:
    """An Applied as `to_json` wrote it. Raises TypeError, KeyError."""
    backup = value["backup"]
    return Applied(
        **{
            **value,
            "root": Path(value["root"]),
            "files": tuple(value["files"]),
            "backup": None if backup is None else Path(backup),
        }
    )


@dataclass(frozen=True, kw_only=True)
class ChangedMeanwhile:
    """The module is not what was tested, or not in a state to be changed; nothing was changed.

    With `again` a new trial on the module as it is now may help; without it a person has to act
    first (commit their own edits, end a rebase), so the patch is to be held.
    """

    files: tuple[str, ...]
    reason: str
    again: bool = True


@dataclass(frozen=True, kw_only=True)
class StoppedByKillSwitch:
    """The kill switch was on at the point of no return; nothing was changed."""

    reason: str = "the kill switch is on; nothing was changed"


@dataclass(frozen=True, kw_only=True)
class Reverted:
    """A change was taken back: by the inverse change, or by removing its unmerged branch."""

    id: str  # the inverse change's
    files: tuple[str, ...]
    commit: str | None = None
    branch: str | None = None
    applied: Applied | None = None  # the inverse change, where the module was touched


@dataclass(frozen=True, kw_only=True)
class RevertConflict:
    """The change cannot be taken back without touching newer work; says what to do by hand."""

    files: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What became of a change that a crash interrupted."""

    id: str
    ending: Literal["rolled_back", "finished", "postponed"]
    what: str  # one sentence for the trail
    files: tuple[str, ...]
    applied: Applied | None = None  # when finished: what the missing record would have held
    conflicts: tuple[str, ...] = ()


def files_hash(digests: Mapping[str, str | None]) -> str:
    """One hash over files: SHA-256 of `name NUL digest LF` for each, sorted; `-` for no file."""
    lines = [f"{name}\0{digests[name] or '-'}\n" for name in sorted(digests)]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def digests(files: Mapping[str, bytes | None]) -> dict[str, str | None]:
    """The digest of each file, None where there is none."""
    return {name: digest(data) for name, data in files.items()}
