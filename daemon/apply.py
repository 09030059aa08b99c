"""The safe change of the real module, and taking it back: all of it or none.

What is checked first, how the change is made (plain, a commit in place, a branch of its own), and
what is handed to daemon/changes/carry_out.py as an intent.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from daemon.changes.carry_out import TROUBLES, Work, carried_out
from daemon.changes.change import (
    Applied,
    CannotApply,
    Change,
    ChangedMeanwhile,
    Mode,
    Recovered,
    RevertConflict,
    Reverted,
    StoppedByKillSwitch,
    applied_from_json,
    digests,
    files_hash,
)
from daemon.changes.commit import NotNow, Wish, prepare
from daemon.changes.gitrepo import (
    Repository,
    find_repository,
    index_path,
    nested_repository,
)
from daemon.changes.journal import GitIntent, Intent, Journal, JournalBusy, held
from daemon.changes.rollback import forget, recover, saved_file
from daemon.changes.swap import Exchange, Root, UnsafePath, digest
from sandbox.patch import unified_diff

__all__ = [
    "Applied",
    "CannotApply",
    "Change",
    "ChangedMeanwhile",
    "Mode",
    "Recovered",
    "RevertConflict",
    "Reverted",
    "StoppedByKillSwitch",
    "applied_from_json",
    "apply_change",
    "forget",
    "recover",
    "revert_change",
]


def apply_change(
    change: Change, *, mode: Mode, backups: Path, journal: Path, killed: Callable[[], bool]
) -> Applied | ChangedMeanwhile | StoppedByKillSwitch:
    """Change the module, or leave it exactly as it is and say why.

    `auto` commits in place where HEAD holds the files, and is `plain` elsewhere. `branch` moves
    `refs/heads/mendd/<id>` (or `change.branch`) only and touches no file; with `change.onto` what
    `before` holds is the branch's, not the module's. After the record is in the trail, call
    `forget(journal, change.id)`; until then `recover` tells of the change. Raises CannotApply.
    """
    change = change.checked()
    with _troubles_named(), held(journal) as book, Root(change.root) as root:
        moved = (None if change.onto else _not_as_tested(change, root)) or _half_done_before(
            change, book
        )
        if moved:
            return moved
        git = _git_part(change, mode.removeprefix("git-"), book)
        if isinstance(git, NotNow):
            return ChangedMeanwhile(files=tuple(change.before), reason=git.reason, again=False)
        intent = book.write(_intended(change, git, backups, root))
        work = Work(change=change, intent=intent, root=root, book=book, killed=killed)
        return carried_out(work)


def revert_change(
    applied: Applied,
    *,
    reason: str,
    journal: Path,
    killed: Callable[[], bool],
    backups: Path | None = None,
) -> Reverted | RevertConflict | StoppedByKillSwitch:
    """Put the old bytes back, by the inverse change, if the files are still what mendd wrote.

    In git that is a new commit; a `mendd/<id>` branch nobody merged is removed instead. The
    inverse change has the id `<id>-revert`: `forget` that one. Raises CannotApply.
    """
    with _troubles_named(), Root(applied.root) as root:
        now = {name: root.read(name) for name in applied.files}
    if applied.mode == "branch" and _unmerged(applied, digests(now)):
        return _branch_removed(applied, journal)
    conflict = _no_longer_ours(applied, digests(now))
    if conflict:
        return conflict
    old = _originals(applied)
    if isinstance(old, RevertConflict):
        return old
    inverse = Change(
        id=f"{applied.id}-revert",
        root=applied.root,
        before=now,
        after=old,
        message=_revert_message(applied, reason),
    )
    done = apply_change(
        inverse,
        mode="plain" if applied.mode == "plain" else "in-place",
        backups=backups or _backup_of(applied).parent,
        journal=journal,
        killed=killed,
    )
    if isinstance(done, ChangedMeanwhile):
        return RevertConflict(files=done.files, reason=done.reason)
    if isinstance(done, StoppedByKillSwitch):
        return done
    return Reverted(id=done.id, files=done.files, commit=done.commit, applied=done)


# -- before anything is changed ------------------------------------------------------------------


def _not_as_tested(change: Change, root: Root) -> ChangedMeanwhile | None:
    try:
        moved = tuple(name for name, data in change.before.items() if root.read(name) != data)
    except (UnsafePath, IsADirectoryError) as error:
        return ChangedMeanwhile(files=tuple(change.before), reason=str(error), again=False)
    if not moved:
        return None
    return ChangedMeanwhile(files=moved, reason=f"{', '.join(moved)} changed since it was tested")


def _half_done_before(change: Change, book: Journal) -> ChangedMeanwhile | None:
    for intent in book.open_intents():
        if intent.state != "done" and intent.root == str(change.root):
            reason = f"the change {intent.id} of this module is half done; it is settled first"
            return ChangedMeanwhile(files=tuple(change.before), reason=reason, again=False)
    return None


def _git_part(change: Change, mode: str, book: Journal) -> GitIntent | NotNow | None:
    """The prepared commit; None when the change is made without git."""
    if mode == "plain":
        return None
    repository = find_repository(change.root, kept_open=(book.lock,))
    if mode == "auto" and (repository is None or not _tracked(change, repository)):
        return None
    if repository is None:
        return NotNow(reason=f"{change.root} lies in no git repository")
    wish = Wish(
        id=change.id,
        root=change.root,
        before=change.before,
        after=change.after,
        message=change.message,
        in_place=mode != "branch",
        branch=change.branch,
        onto=change.onto,
    )
    return prepare(wish, repository)


def _tracked(change: Change, repository: Repository) -> bool:
    """Whether HEAD holds one of the files, or, for new files only, anything of the module."""
    if nested_repository(change.root, change.before):
        return True  # and is refused with its reason
    head = repository.commit_id("HEAD")
    if head is None:
        return False
    old = [name for name, data in change.before.items() if data is not None]
    prefix = index_path(change.root, "", repository)
    paths = [index_path(change.root, name, repository) for name in old] or [prefix]
    return bool(repository.git("ls-tree", "-z", head, "--", *filter(None, paths)))


def _intended(change: Change, git: GitIntent | None, backups: Path, root: Root) -> Intent:
    touches = git is None or git.in_place
    before, after = digests(change.before), digests(change.after)
    files = tuple(
        Exchange(name=name, spare=_spare_name(name), before=before[name], after=after[name])
        for name in change.before
    )
    folders = [root.missing_folders(name) for name in change.after if change.before[name] is None]
    backup = backups / change.id
    return Intent(
        id=change.id,
        root=str(change.root),
        state="staging",
        files=files if touches else (),
        folders=tuple(dict.fromkeys(each for more in folders for each in more)) if touches else (),
        backup=str(backup),
        git=git,
        applied=_applied(change, git, backup).to_json(),
    )


def _spare_name(name: str) -> str:
    # Dotted and without the .py ending, so that no test run or import picks it up.
    return f".{name.rpartition('/')[2][:80]}.{secrets.token_hex(4)}.mendd"


def _applied(change: Change, git: GitIntent | None, backup: Path) -> Applied:
    before, after = digests(change.before), digests(change.after)
    return Applied(
        id=change.id,
        root=change.root,
        mode="plain" if git is None else "in-place" if git.in_place else "branch",
        files=tuple(change.before),
        diff=unified_diff(change.before, change.after),
        base_hash=files_hash(before),
        result_hash=files_hash(after),
        before=before,
        after=after,
        commit=git.new if git else None,
        branch=git.ref if git else None,
        onto=change.onto,
        backup=backup,
    )


@contextlib.contextmanager
def _troubles_named() -> Iterator[None]:
    try:
        yield
    except TROUBLES as error:
        raise CannotApply(
            f"the module cannot be changed: {error}. What was begun is undone, or will be at the "
            "next start; see to the disk, the permissions or the repository named"
        ) from error
    except JournalBusy as error:
        raise CannotApply(str(error)) from error


# -- taking back ---------------------------------------------------------------------------------


def _no_longer_ours(applied: Applied, now: dict[str, str | None]) -> RevertConflict | None:
    moved = tuple(name for name in applied.files if now[name] != applied.after[name])
    if not moved:
        return None
    if now == applied.before:
        reason = "nothing to take back: the files hold the old content already"
        return RevertConflict(files=moved, reason=reason)
    how = f"`git revert {applied.commit}`" if applied.commit else "`patch -R` with its diff"
    kept = f"; the old files are in {applied.backup}" if applied.backup else ""
    reason = f"{', '.join(moved)} changed since mendd wrote it; take it back by hand: {how}{kept}"
    return RevertConflict(files=moved, reason=reason)


def _originals(applied: Applied) -> dict[str, bytes | None] | RevertConflict:
    """The bytes from before, as the backup holds them."""
    old: dict[str, bytes | None] = {}
    for name, wanted in applied.before.items():
        try:
            data = None if wanted is None else saved_file(_backup_of(applied), name).read_bytes()
        except OSError:
            data = None
        if digest(data) != wanted:
            how = f"; try `git revert {applied.commit}`" if applied.commit else ""
            reason = f"the backup of {name} in {applied.backup} is gone or was changed{how}"
            return RevertConflict(files=(name,), reason=reason)
        old[name] = data
    return old


def _backup_of(applied: Applied) -> Path:
    return applied.backup or Path("/nonexistent/backup")


def _unmerged(applied: Applied, now: dict[str, str | None]) -> bool:
    """Whether the commit is on its branch only; upon others it says nothing about the old files."""
    return now == applied.before or (applied.onto is not None and now != applied.after)


def _branch_removed(applied: Applied, journal: Path) -> Reverted | RevertConflict:
    """Take our commit off a branch nobody merged, where it is the last; our own branch goes."""
    with _troubles_named(), held(journal) as book:
        repository = find_repository(applied.root, kept_open=(book.lock,))
        branch, commit = str(applied.branch), str(applied.commit)
        if repository is None or repository.commit_id(branch) != commit:
            reason = f"{branch} is gone or has other commits; see to it by hand"
            return RevertConflict(files=applied.files, reason=reason)
        if applied.onto:
            repository.git("update-ref", "-m", "mendd: take back", branch, applied.onto, commit)
        else:
            repository.git("update-ref", "-d", branch, commit)
    return Reverted(id=f"{applied.id}-revert", files=applied.files, branch=branch)


def _revert_message(applied: Applied, reason: str) -> str:
    what = f"This reverts commit {applied.commit}.\n\n" if applied.commit else ""
    words = " ".join(reason.split())
    return f"mendd: take back {applied.id}\n\n{words}\n\n{what}Mendd-Reverts: {applied.id}\n"
