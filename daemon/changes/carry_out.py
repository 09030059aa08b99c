"""One intent carried out, in the order that lets a crash at any point be undone or finished.

Intent on disk, originals saved, new files staged beside the old, intent `committing`, kill switch
asked, files exchanged one by one (each a compare-and-swap on its bytes), folders synced, kill
switch asked again (nothing stands that came after it), branch moved, and back if the switch came
meanwhile, intent `done`. Until the branch moves (without git: until `done`) a crash is rolled
back, after that it is finished: daemon/changes/rollback.py.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from audit.durable import write_whole
from daemon.changes.change import (
    Applied,
    Change,
    ChangedMeanwhile,
    StoppedByKillSwitch,
    applied_from_json,
)
from daemon.changes.commit import BranchUnknown, move_branch, moved_back, still_fits
from daemon.changes.gitindex import build_index, install_index, lock_index
from daemon.changes.gitrepo import GitFailed
from daemon.changes.journal import GitIntent, Intent, Journal
from daemon.changes.rollback import repository_of, saved_file, tidy, undo
from daemon.changes.swap import Root, UnsafePath

TROUBLES = (OSError, UnsafePath, GitFailed)
"""What the world can do to a change that is under way."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one change is made with."""

    change: Change
    intent: Intent
    root: Root
    book: Journal
    killed: Callable[[], bool]


def carried_out(work: Work) -> Applied | ChangedMeanwhile | StoppedByKillSwitch:
    """Carry out the intent, which is on disk as `staging`; what was begun is undone if it fails.

    Raises what TROUBLES lists. After a branch moved, or may have, an error leaves the rest to
    `recover`.
    """
    git = work.intent.git
    try:
        _stage(work)
        work = replace(work, intent=work.book.write(replace(work.intent, state="committing")))
        stopped = _exchanged(work)
        if stopped is None and git is None:
            _done(work)
    except BranchUnknown:
        raise  # to put the files back may be wrong: `recover` asks git once more
    except TROUBLES:
        _back_out(work)
        raise
    if stopped:
        _back_out(work)
        return stopped
    if git:
        if git.in_place:
            install_index(git, work.intent.id)
        _done(work)
    with contextlib.suppress(*TROUBLES):  # it stands; `forget` and `recover` tidy up once more
        tidy(work.intent)
    return applied_from_json(work.intent.applied)


def _done(work: Work) -> None:
    work.book.write(replace(work.intent, state="done"))


def _stage(work: Work) -> None:
    """Everything that needs space and time; the module's own files are not touched."""
    for name, data in work.change.before.items():
        if data is not None:
            write_whole(saved_file(Path(str(work.intent.backup)), name), data)
    for folder in work.intent.folders:
        work.root.make_folder(folder)
    for file in work.intent.files:
        data = work.change.after[file.name]
        if data is not None:
            work.root.stage(file, data)


def _exchanged(work: Work) -> ChangedMeanwhile | StoppedByKillSwitch | None:
    """None when files and branch are what was wanted; else what stopped it, half-way or before."""
    git, intent = work.intent.git, work.intent
    repository = repository_of(git, work.book) if git else None
    if git and repository and git.in_place and not lock_index(git, intent.id):
        return _busy(git, intent)
    if git and repository and git.in_place and not still_fits(repository, git):
        return _elsewhere(work)
    if work.killed():
        return StoppedByKillSwitch()
    for file in intent.files:
        if not work.root.swap(file):
            reason = f"{file.name} was edited at the moment of the change"
            return ChangedMeanwhile(files=(file.name,), reason=reason)
    for file in intent.files:
        work.root.sync(file.name)
    if git and repository and git.in_place:
        build_index(repository, git, intent.id)
    if work.killed():
        return StoppedByKillSwitch()
    if git and repository:
        if not move_branch(repository, git, work.change.message.partition("\n")[0]):
            return _elsewhere(work)
        if work.killed() and moved_back(repository, git):
            return StoppedByKillSwitch()
    return None


def _busy(git: GitIntent, intent: Intent) -> ChangedMeanwhile:
    lock = Path(git.git_dir) / "index.lock"
    reason = f"git is busy here ({lock} exists); if no git command runs, remove that file"
    return ChangedMeanwhile(files=tuple(_names(intent)), reason=reason, again=False)


def _elsewhere(work: Work) -> ChangedMeanwhile:
    reason = "the branch or the index moved at the moment of the change"
    return ChangedMeanwhile(files=tuple(_names(work.intent)), reason=reason)


def _names(intent: Intent) -> list[str]:
    return [str(name) for name in intent.applied["files"]]


def _back_out(work: Work) -> None:
    """Undo what was begun, at once; if even that fails, the intent stays for `recover`."""
    undo(work.intent)
    work.book.forget(work.intent.id)
