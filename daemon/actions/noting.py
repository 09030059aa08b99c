"""Drops reflections into the inbox, read and sorted out beforehand as the inbox will do it."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit

if TYPE_CHECKING:
    from daemon.settings import Settings
    from reflections.reflection import Reflection

    Notes = tuple[Reflection, ...]


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What will become of one reflection; `kind` is None for one that will be ignored."""

    id: str
    target: str | None
    kind: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """Where the file lies in the inbox (None after a dry run), and what it will lead to."""

    path: Path | None
    outlooks: tuple[Outlook, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "dropped": None if self.path is None else str(self.path),
            "reflections": [vars(outlook) for outlook in self.outlooks],
        }


def drop(
    name: str, data: bytes, settings: "Settings", *, dry_run: bool = False, by: str = ""
) -> Dropped:
    """Check a file of this name and content, and put its reflections into the inbox.

    `by` stands in the name of the file, and with it in the trail, where no person dropped it.
    Raises CommandError for what the inbox would refuse; nothing is dropped then.
    """
    most = settings.inbox.max_kib
    if len(data) > most * 1024:
        raise CommandError(f"it is longer than the {most} KiB the inbox takes; shorten it")
    notes = _read(name, data)
    outlooks = tuple(_outlook(note, settings) for note in notes)
    return Dropped(path=None if dry_run else _written(notes, settings, by), outlooks=outlooks)


def _read(name: str, data: bytes) -> "Notes":
    """The reflections as the inbox would read them; what it would refuse is refused here."""
    from reflections.note import UnreadableNote, read_notes

    try:
        return read_notes(name, data, received=datetime.now(UTC))
    except UnreadableNote as error:
        why = f"the inbox would not take all of this: {error}"
        raise CommandError(f"{why}\nnothing was dropped; put it right and try again") from None


def _outlook(note: "Reflection", settings: "Settings") -> Outlook:
    """What triage and the choice of a target will say."""
    from daemon.road.lanes import target_of
    from reflections.triage import DEFAULT, Families, triage

    words = settings.triage
    families = Families(
        bug=words.bug or DEFAULT.bug,
        performance=words.performance or DEFAULT.performance,
        behaviour=words.behaviour or DEFAULT.behaviour,
    )
    sorted_out = triage(note, families)
    target = target_of(note, settings)
    if isinstance(target, str):
        raise CommandError(f"{target}; say which one with --target")
    return Outlook(id=note.id, target=target.name, kind=sorted_out.kind, reason=sorted_out.reason)


def _written(notes: "Notes", settings: "Settings", by: str) -> Path:
    """One file with all of them, whole from the first moment it can be seen."""
    inbox = settings.inbox_path
    inbox.mkdir(parents=True, exist_ok=True)
    path = inbox / f"{f'{by}-' if by else ''}{notes[0].id}.json"
    if path.exists():
        raise CommandError(f"{path} is there already and waits to be read", Exit.WORLD)
    beside = inbox / f".{path.name}.tmp"  # the inbox passes over dot files
    with beside.open("w", encoding="utf-8") as file:
        json.dump([note.to_json() for note in notes], file)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    return path
