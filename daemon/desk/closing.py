"""The end of a work, announced before its record: a crash repeats no step of it and no record.

A change has its journal (daemon/changes/journal.py); an end without a change has this one file,
`state/closing.json`. There is one, because one worker ends one work at a time.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from audit.durable import write_whole
from audit.trail import Trail
from reflections.store import State, Store, Work

FILENAME = "closing.json"


@dataclass(frozen=True, kw_only=True)
class Closing:
    """How a work ends: its record, and what becomes of it in the store.

    It `stays` in that state for a person, with this `data`; or its archive line gets the `data`
    beside the verdict. `state`, `attempts` and `after` (the trail's last record) are from before;
    what it `counts` as is added to the attempts. Its `changes` leave the journal with it.
    """

    work: str
    target: str | None
    verdict: str
    reason: str
    event: str
    told: dict[str, Any]
    stays: str
    data: dict[str, Any]
    state: str
    attempts: int
    after: int
    counts: int = 1
    changes: tuple[str, ...] = ()


def announce(closing: Closing, state: Path) -> None:
    """From here on this end comes about, whatever happens. Raises OSError."""
    write_whole(state / FILENAME, json.dumps(asdict(closing)).encode())


def announced(state: Path) -> Closing | None:
    """The end that a crash left; one that cannot be read is none: its work is done again."""
    try:
        kept = json.loads((state / FILENAME).read_bytes())
        found = Closing(**kept)
        State(found.state)
        found = replace(found, changes=tuple(map(str, found.changes)))
    except (OSError, ValueError, TypeError):
        return None
    return found if isinstance(found.data, dict) and isinstance(found.told, dict) else None


def over(state: Path) -> None:
    """It is in the trail and in the store. Not synced: the next write beside it sees to that."""
    (state / FILENAME).unlink(missing_ok=True)


def still_ends(closing: Closing, store: Store) -> Work | None:
    """The work, if it stands where it stood when this end was announced."""
    work = store.get(closing.work)
    if work is None or (work.state.value, work.attempts) != (closing.state, closing.attempts):
        return None
    return work


def is_told(closing: Closing, trail: Trail) -> bool:
    """Whether its record was written before the crash."""
    known = trail.records(reflection=closing.work, event=closing.event)
    return any(record.seq > closing.after for record in known)
