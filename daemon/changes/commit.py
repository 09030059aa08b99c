"""A change as a commit: prepared beside the index, then one step of a branch.

What git would store for the old bytes must be what HEAD holds, else the file has uncommitted
work of a person and is left alone. Line ends: where HEAD holds the bytes as they are, the new
bytes are stored as they are; where git's own conversion (`text`, `eol`, `core.autocrlf` of the
repository) leads from the old bytes to HEAD's, the new bytes are converted the same way.
Filters, `ident` and re-encodings are not run: such files are refused.
"""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.changes.gitrepo import (
    Entry,
    GitFailed,
    Repository,
    blob_name,
    index_path,
    nested_repository,
)
from daemon.changes.journal import GitIntent

_FILES = {"100644", "100755"}
_FORGOTTEN_S = 60  # a private index lives for milliseconds
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class NotNow:
    """The repository is in no state for this commit; a person has to act first."""

    reason: str


class BranchUnknown(GitFailed):
    """Git failed while it moved the branch, and cannot be asked whether it did."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The commit that is wanted."""

    id: str
    root: Path
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes | None]
    message: str
    in_place: bool
    branch: str = ""  # where the commit goes if not in place; empty: mendd/<id>
    onto: str | None = None  # that branch's tip, to commit upon; None: the branch begins at HEAD

    @property
    def ref(self) -> str:
        """The full name of the branch that is not checked out."""
        return f"refs/heads/{self.branch or f'mendd/{self.id}'}"


def prepare(wish: Wish, repository: Repository) -> GitIntent | NotNow:
    """Make the commit object; no branch, index or file of the work tree changes yet.

    Raises GitFailed.
    """
    head = wish.onto or repository.commit_id("HEAD")
    if head is None:
        return NotNow(reason=f"the repository {repository.top} has no commit yet")
    ref = repository.branch() if wish.in_place else wish.ref
    reason = _unfit(wish, repository, ref)
    if reason or ref is None:
        return NotNow(reason=reason or "HEAD is detached: check out a branch")
    paths = {name: index_path(wish.root, name, repository) for name in wish.before}
    blobs = _stored(wish, repository, head, paths)
    if isinstance(blobs, NotNow):
        return blobs
    commit = _commit(wish, repository, head, blobs)
    return GitIntent(
        top=str(repository.top),
        git_dir=str(repository.git_dir),
        ref=ref,
        old=head if wish.in_place or wish.onto else "0" * len(head),
        new=commit,
        paths=tuple((path, entry.blob if entry else None) for path, entry in blobs.items()),
        in_place=wish.in_place,
    )


def _unfit(wish: Wish, repository: Repository, ref: str | None) -> str | None:
    nested = nested_repository(wish.root, wish.before)
    if nested:
        return f"{nested} lies in another repository inside the module; make that one a target"
    if not wish.in_place:
        return _no_branch(wish, repository)
    if ref is None:
        return 'HEAD is detached: check out a branch, or set git = "branch"'
    doing = repository.under_way()
    return f"{doing} is under way in {repository.top}; end it first" if doing else None


def _no_branch(wish: Wish, repository: Repository) -> str | None:
    """Why the branch cannot get the commit: its name, or where it stands."""
    if repository.answer("check-ref-format", wish.ref) is None:
        return f"{wish.branch!r} cannot name a branch; see 'git help check-ref-format'"
    tip = repository.commit_id(wish.ref)
    if wish.onto is None:
        return f"the branch {wish.ref} exists already; rename or delete it" if tip else None
    if tip == wish.onto:
        return None
    return f"{wish.ref} is not at {wish.onto[:12]} any more: somebody else committed or deleted it"


def _stored(
    wish: Wish, repository: Repository, head: str, paths: Mapping[str, str]
) -> dict[str, Entry | None] | NotNow:
    """What HEAD's tree gets at each path: the new blob with the old mode, None to remove it."""
    special = repository.special_attributes([*paths.values()])
    for path, attribute in special.items():
        return NotNow(
            reason=f"{path} has the git attribute {attribute}, which mendd does not run; "
            'set git = "plain" for this target, or take the attribute off'
        )
    heads = repository.entries(head, [*paths.values()])
    staged = repository.index_entries([*paths.values()]) if wish.in_place else heads
    blobs: dict[str, Entry | None] = {}
    for name, path in paths.items():
        entry = heads.get(path)
        if staged.get(path) != entry:
            return NotNow(reason=f"{path} has staged changes; commit or unstage them first")
        stored = _stored_file(repository, path, entry, wish.before[name], wish.after[name])
        if isinstance(stored, NotNow):
            return stored
        blobs[path] = stored
    return blobs


def _stored_file(
    repository: Repository, path: str, head: Entry | None, before: bytes | None, after: bytes | None
) -> Entry | NotNow | None:
    if head is not None and head.mode not in _FILES:
        return NotNow(reason=f"{path} is a link or a submodule in HEAD")
    if before is None or head is None:
        if before is not None:
            return NotNow(reason=f"{path} is not committed; commit it first")
        if head is not None:
            return NotNow(reason=f"{path} is in HEAD, but was removed from the work tree")
        converted, mode = True, "100644"
    elif blob_name(before, head.blob) == head.blob:
        converted, mode = False, head.mode
    elif repository.store(path, before, converted=True) == head.blob:
        converted, mode = True, head.mode
    else:
        return NotNow(reason=f"{path} has uncommitted changes; commit or stash them first")
    if after is None:
        return None
    return Entry(mode=mode, blob=repository.store(path, after, converted=converted))


def _commit(
    wish: Wish,
    repository: Repository,
    head: str,
    blobs: Mapping[str, Entry | None],
) -> str:
    with _scratch_index(repository, wish.id) as index:
        tree = _tree(repository, head, blobs, index)
    text = f"{_harmless(wish.message)}\n".encode()
    commit = repository.git("commit-tree", "-p", head, "-F", "-", tree, data=text)
    return commit.decode("ascii").strip()


def _tree(repository: Repository, head: str, blobs: Mapping[str, Entry | None], index: Path) -> str:
    """HEAD's tree with these blobs in it."""
    repository.git("read-tree", head, index=index)
    gone = "0 " + "0" * len(head)
    lines = "".join(
        f"{f'{entry.mode} {entry.blob}' if entry else gone}\t{path}\0"
        for path, entry in blobs.items()
    )
    data = lines.encode("utf-8", "surrogateescape")
    repository.git("update-index", "-z", "--index-info", data=data, index=index)
    return repository.git("write-tree", index=index).decode("ascii").strip()


@contextlib.contextmanager
def _scratch_index(repository: Repository, change: str) -> Iterator[Path]:
    """A private index, where the repository's owner may write; what a crash left is swept."""
    for left in repository.git_dir.glob("mendd-*.scratch*"):
        if time.time() - left.stat().st_mtime > _FORGOTTEN_S:
            left.unlink(missing_ok=True)
    path = repository.git_dir / f"mendd-{change}.scratch"
    ours = (path, Path(f"{path}.lock"))  # whoever made them is gone: we hold the journal
    try:
        for left in ours:
            left.unlink(missing_ok=True)
        yield path
    finally:
        for left in ours:
            left.unlink(missing_ok=True)


def _harmless(text: str) -> str:
    """Text without control characters and lone surrogates."""
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode("utf-8").strip()


def still_fits(repository: Repository, git: GitIntent) -> bool:
    """Whether, under the index lock, branch and index are what the commit was made for."""
    if repository.branch() != git.ref or repository.commit_id(git.ref) != git.old:
        return False
    paths = [path for path, _ in git.paths]
    return repository.index_entries(paths) == repository.entries(git.old, paths)


def move_branch(repository: Repository, git: GitIntent, subject: str) -> bool:
    """The branch goes from the old commit to the new one; False if it is elsewhere by now.

    Raises GitFailed when it was not moved, BranchUnknown when nobody can say.
    """
    message = f"mendd: {_harmless(subject)[:100]}"
    try:
        repository.git("update-ref", "-m", message, git.ref, git.new, git.old)
    except GitFailed:
        holds, tip = _asked(repository, git)
        if not holds and tip == git.old:
            raise
        return holds
    return True


def _asked(repository: Repository, git: GitIntent) -> tuple[bool, str]:
    try:
        tip = repository.commit_id(git.ref) or "0" * len(git.new)
        return branch_holds(repository, git), tip
    except GitFailed as error:
        raise BranchUnknown(f"{git.ref} may have been moved, or not: {error}") from error


def moved_back(repository: Repository, git: GitIntent) -> bool:
    """The branch stands where it stood before; False if somebody added to it by now.

    Raises BranchUnknown when nobody can say.
    """
    back = ("-d", git.ref, git.new) if set(git.old) == {"0"} else (git.ref, git.old, git.new)
    try:
        repository.git("update-ref", "-m", "mendd: the kill switch came", *back)
    except GitFailed:
        holds, _ = _asked(repository, git)
        return not holds
    return True


def branch_holds(repository: Repository, git: GitIntent) -> bool:
    """Whether the branch has the commit: at its tip, or below what a person added since."""
    tip = repository.commit_id(git.ref)
    if tip is None or tip == git.new:
        return tip == git.new
    return repository.answer("merge-base", "--is-ancestor", git.new, tip) is not None
