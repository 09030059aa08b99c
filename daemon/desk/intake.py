"""Takes what lies in the inbox into the store: read, triaged, joined, recorded."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.recent import newest_first
from daemon.desk.workshop import Workshop
from daemon.learning.gather import lost
from daemon.prompting.begin import begin
from reflections.errors import InboxUnusable, StoreDamaged, StoreUnwritable, UnreadableNote
from reflections.inbox import Arrival, Inbox
from reflections.names import printable
from reflections.note import read_notes
from reflections.reflection import Reflection
from reflections.signature import signature
from reflections.transcripts.read import read_transcripts
from reflections.transcripts.transcript import Transcript
from reflections.triage import DEFAULT, Families, triage

log = logging.getLogger("mendd.worker")
GROUP_FILES, GROUP_BYTES = 200, 8 << 20
RECENT = 1_000  # records: a crash leaves one file in doubt, and its record is among the last


def take_in(shop: Workshop, complete: Collection[str]) -> int:
    """Read every complete file; a file leaves the inbox only once its notes are in the store.

    Returns how many reflections were new. What cannot be read goes to `rejected/` with a reason.
    Files are taken in groups with one write of the store each: first stored, then recorded, then
    removed, so a crash in between repeats a step and loses or doubles no note.
    """
    settings = shop.settings.inbox
    inbox = Inbox(
        shop.settings.inbox_path,
        max_bytes=settings.max_kib * 1024,
        settle_s=settings.settle_s,
    )
    arrivals = inbox.arrivals(complete=complete, now=shop.clock(), wait=shop.stop.wait)
    new = 0
    for group in groups(arrivals):
        if shop.stop.is_set():
            break
        shop.beacon.stage("inbox", f"{len(group)} files, {group[0].name} first")
        with shop.store.batch():
            files = [read_in(arrival, shop) for arrival in group]
        for file in files:
            put_away(file, inbox, shop)
            new += file.new
    return new


def groups(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    """Arrivals in handy groups: few enough to hold in memory, many enough to write seldom."""
    group: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        group.append(arrival)
        size += len(arrival.data)
        if len(group) >= GROUP_FILES or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


@dataclass(kw_only=True)
class TakenFile:
    """What one file came to: records to write, and why (a part of) it is set aside."""

    arrival: Arrival
    rejected: str = ""
    new: int = 0
    records: list[tuple[str, Reflection, dict[str, Any]]] = field(default_factory=list)


def read_in(arrival: Arrival, shop: Workshop) -> TakenFile:
    """One file: its readable notes go into the store, the rest gets its reason.

    What strangers wrote may show a defect of ours: that file is set aside, the others go on.
    """
    file = TakenFile(arrival=arrival, rejected=arrival.rejection or "")
    if file.rejected:
        return file
    try:
        take_in_file(file, shop)
    except (OSError, StoreUnwritable, StoreDamaged):  # they say nothing about the file
        raise
    except Exception as error:
        log.exception("%s broke the reading of it", arrival.name)
        file.rejected = f"mendd itself broke on it: {type(error).__name__}: {error}"
    return file


def take_in_file(file: TakenFile, shop: Workshop) -> None:
    """Sessions or notes, whichever it holds."""
    arrival = file.arrival
    try:
        sessions = read_transcripts(arrival.name, arrival.data)
    except UnreadableNote as error:
        file.rejected = f"a transcript that cannot be read: {error}"
        return
    if sessions is not None:
        take_sessions(sessions, file, shop)
        return
    try:
        notes = read_notes(arrival.name, arrival.data, received=arrival.received)
    except UnreadableNote as error:
        notes, file.rejected = error.readable, str(error)
    for note in notes:
        take_note(note, file, shop)


def put_away(file: TakenFile, inbox: Inbox, shop: Workshop) -> None:
    """Record what is in the store by now, then let the file leave the inbox."""
    for event, note, data in file.records:
        shop.trail.append(event, reflection=note.id, target=note.target, data=data)
        if event == "came_back":
            did_not_hold(str(data["earlier"]), shop)
    if not file.rejected:
        inbox.done(file.arrival)
        return
    told = {"file": printable(file.arrival.name), "received": file.arrival.received.isoformat()}
    if not was_told(told, shop):  # before the move, which leaves nothing to be told by
        shop.trail.append("unreadable", data={**told, "reason": file.rejected})
    try:
        inbox.reject(file.arrival, file.rejected)
    except InboxUnusable as error:  # it stays where it is; the others go on
        log.warning("%s", error)


def was_told(told: Mapping[str, str], shop: Workshop) -> bool:
    """Whether this very file was recorded before a crash, or while it could not be moved."""
    recent = newest_first(shop.trail.path, {"unreadable"}, within=RECENT)
    return any(told.items() <= each.data.items() for each in recent)


def did_not_hold(earlier: str, shop: Workshop) -> None:
    """A mended failure is back: its recipe lost, unless a person took the patch back before."""
    if not any(shop.trail.records(reflection=earlier, event="reverted")):
        kept = shop.store.find_archived(earlier) or {}
        lost(kept.get("extra", {}), f"{earlier} did not hold", shop)


def take_note(note: Reflection, file: TakenFile, shop: Workshop) -> None:
    """One note: ignored, joined to the same failure, or new work."""
    now = shop.clock()
    sorted_out = triage(note, families(shop))
    if sorted_out.kind is None:
        said = {"reason": sorted_out.reason, **note_words(note)}
        if not shop.store.ignored(note, sorted_out.reason, now):
            said = {"reason": "the same note was ignored before", "source": note.source}
        file.records.append(("ignored", note, said))
        return
    added = shop.store.add(note, kind=sorted_out.kind, signature=signature(note), now=now)
    if added.how == "seen_before":
        reason = f"the same note was finished before, as {added.verdict}"
        file.records.append(("ignored", note, {"reason": reason, "source": note.source}))
        return
    data: dict[str, Any] = {
        "work": added.work.id,
        "how": added.how,
        "kind": sorted_out.kind,
        "keyword": sorted_out.keyword,
        **note_words(note),
    }
    file.records.append(("received", note, data))
    if added.how == "came_back":
        earlier = {"earlier": added.work.came_back_of}
        file.records.append(("came_back", note, earlier))
    file.new += added.how in ("new", "came_back")


def take_sessions(sessions: Sequence[Transcript], file: TakenFile, shop: Workshop) -> None:
    """Agents' sessions: kept as files of their own, and for each target one work to learn."""
    source, received = printable(file.arrival.name), file.arrival.received
    by_target: dict[str | None, list[Transcript]] = {}
    for session in sessions:
        by_target.setdefault(meant_by(session, shop), []).append(session)
    for target, alike in by_target.items():
        begun = begin(alike, shop, source=source, received=received, target=target)
        said = {**begun.data, **note_words(begun.note)}
        file.records.append((begun.event, begun.note, said))
        file.new += begun.new


def meant_by(session: Transcript, shop: Workshop) -> str | None:
    """What tells the session's target: the name it gives, or whose folder it worked in."""
    if session.target or session.folder is None:
        return session.target
    folder = f"{session.folder}/"
    targets = shop.settings.targets
    return next((each.name for each in targets if folder.startswith(f"{each.path}/")), None)


def note_words(note: Reflection) -> dict[str, str]:
    """The note's own words, as records and reports show them."""
    return {
        "source": note.source,
        "timestamp": note.timestamp.isoformat(),
        "task_summary": note.task_summary,
        "outcome": note.outcome,
        "reflection": note.reflection,
        "traceback": note.traceback or "",
        "test": note.test or "",
    }


def families(shop: Workshop) -> Families:
    """The keyword families of the settings; an empty list keeps the built-in one."""
    chosen = shop.settings.triage
    return Families(
        bug=chosen.bug or DEFAULT.bug,
        performance=chosen.performance or DEFAULT.performance,
        behaviour=chosen.behaviour or DEFAULT.behaviour,
    )
