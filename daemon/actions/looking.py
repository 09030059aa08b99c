"""What the audit trail answers: one function for a command and for an action, plain values out.

Nothing is written, and nothing heavy is loaded: `mendd audit` starts as quickly as before.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError
from daemon.commands.records import (
    full_id,
    last_records,
    moment,
    record_numbered,
    reflection_ids,
    trail_path,
)

if TYPE_CHECKING:
    from audit.record import Record
    from audit.sealed import Sealed
    from daemon.settings import Settings

LAST = 30


@dataclass(frozen=True, kw_only=True)
class SavedReport:
    """A reflection's report; `file` is None for one made now from the trail."""

    reflection: str
    file: str | None
    markdown: str


def records(
    settings: "Settings",
    *,
    event: str | None = None,
    reflection: str | None = None,
    target: str | None = None,
    since: str | None = None,
    last: int = LAST,
) -> "list[Record]":
    """The newest `last` records that pass every filter, oldest first; 0 means all of them.

    Raises CommandError for an unknown event, id or time.
    """
    from audit.record import EVENTS
    from audit.verify import records_in

    if event is not None and event not in EVENTS:
        raise CommandError(f"there is no event {event!r}; there are {', '.join(sorted(EVENTS))}")
    path = trail_path(settings)
    if reflection is not None:
        reflection = full_id(reflection, reflection_ids(path), "reflection")
    after = moment(since, datetime.now(UTC)) if since else None
    if last and all(each is None for each in (reflection, event, target, after)):
        return last_records(path, last)
    plain = last if after is None and target is None else 0
    found = records_in(path, reflection=reflection, event=event, last=plain or None)
    return list(deque(_passing(found, target, after), maxlen=last or None))


def _passing(
    found: "Iterator[Record]", target: str | None, after: datetime | None
) -> "Iterator[Record]":
    for record in found:
        fits = target in (None, record.target)
        if fits and (after is None or datetime.fromisoformat(record.time) >= after):
            yield record


def records_of(settings: "Settings", given: str) -> "list[Record]":
    """Every record of one reflection, or the one record with this number. Raises CommandError."""
    from audit.verify import records_in

    path = trail_path(settings)
    number = given.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < 10:
        record = record_numbered(path, int(number))
        if record is not None:
            return [record]
    id_ = full_id(given, reflection_ids(path), "reflection")
    return list(records_in(path, reflection=id_))


def chain(
    settings: "Settings",
    head: str | None = None,
    *,
    copies: Sequence[Path] = (),
    signers: Path | None = None,
) -> "Sealed":
    """Check the whole chain against its checkpoints, and a head (`COUNT HASH`) noted elsewhere.

    `copies` are exported checkpoints, beside the file `audit.export` names; `signers` says whose
    to believe. Raises CommandError for what is no head or cannot be read.
    """
    from audit.sealed import verify_sealed
    from audit.sshsig import signers_in
    from audit.verify import read_head
    from daemon.trail import exported_file

    exported = exported_file(settings)
    there = [exported] if exported is not None and exported.is_file() else []
    try:
        found = verify_sealed(
            trail_path(settings),
            head=None if head is None else read_head(head),
            copies=[*copies, *there],
            signers=None if signers is None else signers_in(signers.read_text("utf-8")),
        )
    except ValueError as error:
        raise CommandError(f"the trail cannot be checked so: {error}") from None
    if exported is not None and not there:
        missing = f"{exported} (audit.export) is not there: it was not looked at"
        found = replace(found, unknown=(*found.unknown, missing))
    return found


def chain_document(settings: "Settings", found: "Sealed") -> dict[str, Any]:
    """What the check found, as JSON data."""
    seals = {name: value for name, value in vars(found).items() if name != "chain"}
    return {"trail": str(trail_path(settings)), **vars(found.chain), **seals}


def saved_report(settings: "Settings", given: str) -> SavedReport:
    """The saved report on a reflection, or one made now from the trail. Raises CommandError."""
    from audit.durable import plain_name

    path = trail_path(settings)
    id_ = full_id(given, reflection_ids(path), "reflection")
    file = settings.state / "audit" / "reports" / f"{plain_name(id_)}.md"
    try:
        text = file.read_text("utf-8", "replace")
    except FileNotFoundError:
        return SavedReport(reflection=id_, file=None, markdown=_made_now(id_, settings))
    return SavedReport(reflection=id_, file=str(file), markdown=text)


def _made_now(id_: str, settings: "Settings") -> str:
    from audit.report import markdown_report
    from audit.story import story_of
    from audit.verify import records_in

    return markdown_report(story_of(id_, records_in(trail_path(settings), reflection=id_)))
