"""Back to all of the old, or on to all of the new: for a change that stopped, or was killed."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from daemon.changes.change import Applied, Recovered, applied_from_json
from daemon.changes.commit import branch_holds
from daemon.changes.gitindex import (
    build_index,
    clear_ref_locks,
    install_index,
    lock_index,
    unlock_index,
)
from daemon.changes.gitrepo import GitFailed, Repository
from daemon.changes.journal import GitIntent, Intent, Journal, held
from daemon.changes.swap import Exchange, Root, UnsafePath


def recover(journal: Path) -> Iterator[Recovered]:
    """Settle every change that a crash left open, oldest first.

    A half-done change is rolled back: the old content stands everywhere. One that was done, or
    whose commit is on its branch, is finished. Each is forgotten only when the next is asked for,
    so write its record into the trail inside the loop. `postponed` ones (a disk that is away, a
    busy index) stay for the next time. Raises JournalBusy, OSError.
    """
    if not journal.is_dir():
        return
    with held(journal) as book:
        for intent in list(book.open_intents()):
            found = _settled(intent, book)
            yield found
            if found.ending != "postponed":
                book.forget(intent.id)


def forget(journal: Path, change: str) -> None:
    """Say that the change with this id is in the trail; without it `recover` tells of it again."""
    with held(journal) as book:
        for intent in book.open_intents():
            if intent.id == change:
                with contextlib.suppress(OSError, UnsafePath):
                    tidy(intent)
        book.forget(change)


def undo(intent: Intent) -> tuple[str, ...]:
    """Restore the old content everywhere; answers what was left alone because of newer edits.

    May be repeated. Raises OSError, UnsafePath.
    """
    said = []
    with Root(Path(intent.root)) as root:
        for file in intent.files:
            if intent.state == "staging":
                root.discard(file)
            else:
                said.append(root.undo(file, partial(original, intent, file.name)))
        for folder in reversed(intent.folders):
            root.remove_folder(folder)
    if intent.git:
        unlock_index(intent.git, intent.id)
    return tuple(filter(None, said))


def original(intent: Intent, name: str) -> bytes:
    """The bytes a file had before the change, from its backup. Raises OSError."""
    return saved_file(Path(str(intent.backup)), name).read_bytes()


def saved_file(backup: Path, name: str) -> Path:
    """Where a backup keeps a file."""
    return backup.joinpath("before", *name.split("/"))


def repository_of(git: GitIntent, book: Journal) -> Repository:
    """The repository an intent is about."""
    return Repository(top=Path(git.top), git_dir=Path(git.git_dir), kept_open=(book.lock,))


def tidy(intent: Intent) -> None:
    """Remove what a change that stands has left: spare files, private index."""
    with Root(Path(intent.root)) as root:
        for file in intent.files:
            root.discard(file)
    if intent.git:
        unlock_index(intent.git, intent.id)


def _settled(intent: Intent, book: Journal) -> Recovered:
    try:
        return _finished(intent, book) if _stands(intent, book) else _rolled_back(intent)
    except (OSError, UnsafePath, GitFailed) as error:
        what = f"a half-done change could not be settled yet, and will be tried again: {error}"
        return _told(intent, "postponed", what)


def _stands(intent: Intent, book: Journal) -> bool:
    """Whether the change is past its point of no return: done, or its commit is on the branch."""
    if intent.state != "committing" or intent.git is None:
        return intent.state == "done"
    repository = repository_of(intent.git, book)
    clear_ref_locks(repository, intent.git)
    return branch_holds(repository, intent.git)


def _finished(intent: Intent, book: Journal) -> Recovered:
    git = intent.git
    if git and git.in_place and intent.state != "done":
        if not lock_index(git, intent.id):
            raise OSError(f"{git.git_dir}/index.lock is taken; end the git that holds it")
        repository = repository_of(git, book)
        if _index_is_behind(repository, git):
            build_index(repository, git, intent.id)
            install_index(git, intent.id)
    tidy(intent)
    what = "a change was complete, but a crash came before its record; it stands"
    return _told(intent, "finished", what, applied=applied_from_json(intent.applied))


def _index_is_behind(repository: Repository, git: GitIntent) -> bool:
    """Whether the entries are still those of the old commit: a person's later staging stays."""
    paths = [path for path, _ in git.paths]
    return repository.index_entries(paths) == repository.entries(git.old, paths)


def _rolled_back(intent: Intent) -> Recovered:
    conflicts = undo(intent)
    what = "a crash interrupted a change; the old content stands everywhere"
    if conflicts:
        what = f"a crash interrupted a change; it was rolled back, but {'; '.join(conflicts)}"
    return _told(intent, "rolled_back", what, conflicts=conflicts)


def _told(
    intent: Intent,
    ending: str,
    what: str,
    *,
    applied: Applied | None = None,
    conflicts: tuple[str, ...] = (),
) -> Recovered:
    return Recovered(
        id=intent.id,
        ending=ending,  # type: ignore[arg-type]
        what=what,
        files=tuple(_names(intent.files, intent)),
        applied=applied,
        conflicts=conflicts,
    )


def _names(files: tuple[Exchange, ...], intent: Intent) -> Iterator[str]:
    if files:
        yield from (file.name for file in files)
    elif intent.git:
        yield from (path for path, _ in intent.git.paths)
