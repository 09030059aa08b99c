"""Takes what lies in the inbox into the store: read, triaged, joined, recorded."""

from collections.abc import Collection
from datetime import datetime

from daemon.workshop import Workshop
from reflections.inbox import Arrival, Inbox
from reflections.note import UnreadableNote, read_notes
from reflections.reflection import Reflection
from reflections.signature import signature
from reflections.triage import DEFAULT, Families, triage


def take_in(shop: Workshop, complete: Collection[str]) -> int:
    """Read every complete file; a file leaves the inbox only once its notes are in the store.

    Returns how many reflections were new. What cannot be read goes to `rejected/` with a reason.
    """
    settings = shop.settings.inbox
    inbox = Inbox(
        shop.settings.inbox_path,
        max_bytes=settings.max_kib * 1024,
        settle_s=settings.settle_s,
    )
    new = 0
    for arrival in inbox.arrivals(complete=complete, now=shop.clock(), wait=shop.stop.wait):
        if shop.stop.is_set():
            return new
        shop.beacon.stage("inbox", arrival.name)
        new += take_file(arrival, inbox, shop)
    return new


def take_file(arrival: Arrival, inbox: Inbox, shop: Workshop) -> int:
    """One file: its readable notes are stored, the rest is set aside with reasons."""
    if arrival.rejection:
        inbox.reject(arrival, arrival.rejection)
        shop.trail.append("ignored", data={"file": arrival.name, "reason": arrival.rejection})
        return 0
    now = shop.clock()
    try:
        found = read_notes(arrival.name, arrival.data, received=now)
    except UnreadableNote as error:
        found, rejected = error.readable, str(error)
    else:
        rejected = ""
    new = sum(take_note(note, shop, now) for note in found)
    if rejected:
        inbox.reject(arrival, rejected)
        shop.trail.append("ignored", data={"file": arrival.name, "reason": rejected})
    else:
        inbox.done(arrival)
    return new


def take_note(note: Reflection, shop: Workshop, now: datetime) -> bool:
    """One note: ignored, joined to the same failure, or new work."""
    sorted_out = triage(note, families(shop))
    if sorted_out.kind is None:
        if shop.store.ignored(note, sorted_out.reason, now):
            _record(shop, "ignored", note, reason=sorted_out.reason, source=note.source)
        return False
    added = shop.store.add(note, kind=sorted_out.kind, signature=signature(note), now=now)
    if added.how == "seen_before":
        reason = f"the same note was finished before, as {added.verdict}"
        _record(shop, "ignored", note, reason=reason, source=note.source)
        return False
    _record(
        shop,
        "received",
        note,
        work=added.work.id,
        how=added.how,
        kind=sorted_out.kind,
        keyword=sorted_out.keyword,
        **note_words(note),
    )
    if added.how == "came_back":
        _record(shop, "came_back", note, earlier=added.work.came_back_of)
    return added.how in ("new", "came_back")


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


def _record(shop: Workshop, event: str, note: Reflection, **data: object) -> None:
    shop.trail.append(event, reflection=note.id, target=note.target, data=data)
