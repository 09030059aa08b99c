"""How agents' sessions become work: kept as files, told as a reflection, stored once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.desk.workshop import Workshop
from daemon.prompting.habits import detectors
from daemon.prompting.kept import keep
from reflections.reflection import Reflection
from reflections.store import Work
from reflections.transcripts.detect import Detector, Seen, detect
from reflections.transcripts.transcript import Transcript

KIND = "behaviour"
MOST_SUMMARY = 200
MOST_TOLD = 20  # sessions of one file that the note tells of; all of them are learned from


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What became of sessions that arrived: the record to write about them."""

    event: str
    note: Reflection
    data: Mapping[str, Any]
    new: bool = False


def begin(
    sessions: Sequence[Transcript],
    shop: Workshop,
    *,
    source: str,
    received: datetime,
    target: str | None = None,
    prompt: str = "",
) -> Begun:
    """Keep the sessions durably and open one work for them; the same sessions are work once."""
    digests = [keep(shop.state, session) for session in sessions]
    note = note_of(sessions, digests, detectors(shop.settings.learn), source, received, target)
    known = shop.store.get(note.id)
    if known is None and (archived := shop.store.find_archived(note.id)):
        why = f"the same session was taken in before; that ended {archived['verdict']}"
        return Begun(event="ignored", note=note, data={"reason": why})
    data = {"work": note.id, "how": "joined" if known else "new", "kind": KIND}
    if known is None:
        added = shop.store.add(note, kind=KIND, signature=f"session {note.id}", now=shop.clock())
        if added.how == "seen_before":  # archived before notes named their sessions
            why = f"a session told alike was taken in before; that ended {added.verdict}"
            return Begun(event="ignored", note=note, data={"reason": why})
        begun = {"sessions": digests, "prompt": prompt, "subject": "learn from a session"}
        shop.store.update(added.work, data={**added.work.data, **begun})
    return Begun(event="received", note=note, data={**data, "sessions": digests}, new=known is None)


def note_of(
    sessions: Sequence[Transcript],
    digests: Sequence[str],
    habits: Sequence[Detector],
    source: str,
    received: datetime,
    target: str | None = None,
) -> Reflection:
    """The reflection that stands for sessions: what they were about and what was found.

    Its id comes from the sessions alone, so the same ones are known again.
    """
    whole = digests[0] if len(digests) == 1 else _mark("\n".join(sorted(digests)))
    first = sessions[0]
    found = [detect(session, habits) for session in sessions[:MOST_TOLD]]
    titles = {each.name: each.title for each in habits}
    asked = next((m.text for m in first.of("user") if m.text), "a session of an agent")
    summary = " ".join(asked.split())[:MOST_SUMMARY]
    named = {titles[seen.pattern]: None for each in found for seen in each}
    count = f"{len(sessions)} sessions" if len(sessions) > 1 else "a session"
    lines = [f"session {whole[:16]}"]  # two sessions may else be told in the same words
    for session, seen in zip(sessions, found, strict=False):
        lines += _told(session, seen, titles)
    return Reflection(
        id=f"session-{whole[:16]}",
        timestamp=first.began or received,
        task_summary=summary,
        outcome=f"{count}: {', '.join(named) or 'no bad habit found'}",
        reflection="\n".join(lines),
        target=target or first.target,
        labels=("session",),
        source=source,
    )


def _told(session: Transcript, found: Sequence[Seen], titles: Mapping[str, str]) -> Sequence[str]:
    where = f" in {session.folder}/" if session.folder else ""
    head = f"{session.format}, {len(session.messages)} messages{where}"
    rows = [
        f"- {titles[seen.pattern]}, {seen.count} x; message {example.message}: {example.excerpt}"
        for seen in found
        for example in seen.examples
    ]
    return [head, *rows]


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sessions_of(work: Work) -> tuple[str, ...]:
    """The digests of the sessions that a work is about; none for a note."""
    kept = work.data.get("sessions", ())
    return tuple(each for each in kept if isinstance(each, str))
