"""Counts what the sessions of a work show, on top of what earlier ones did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from daemon.prompting.begin import sessions_of
from daemon.prompting.book import Book, Looked, Told
from daemon.prompting.habits import habits_told
from daemon.prompting.kept import kept
from reflections.transcripts.detect import Detector, Seen, detect
from reflections.transcripts.transcript import Transcript
from reflections.work import Work


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session beside what was found in it."""

    digest: str
    transcript: Transcript
    seen: tuple[Seen, ...]


def sessions(
    work: Work, read: "Reader", habits: Sequence[Detector], step: Callable[[str], None]
) -> tuple[Session, ...]:
    """The sessions of a work that are still kept, each looked through; `step` is told of each."""
    found = list[Session]()
    for digest in sessions_of(work):
        transcript = read(digest)
        if transcript is not None:
            step(f"a session of {len(transcript.messages)} messages")
            seen = detect(transcript, habits)
            found.append(Session(digest=digest, transcript=transcript, seen=seen))
    return tuple(found)


def counted(book: Book, work: Work, looked_at: Sequence[Session], now: datetime) -> Book:
    """The book with these sessions; a work without any is a note, and counts as one."""
    came = min(work.reflection.timestamp, now)  # a clock elsewhere may be ahead
    if sessions_of(work):
        return book.with_sessions(looked(each, came) for each in looked_at)
    told = habits_told(work.reflection)
    time = came.astimezone(UTC).isoformat()
    return book.with_notes(Told(id=work.id, pattern=name, time=time) for name in told)


def looked(session: Session, came: datetime) -> Looked:
    """What the book keeps of a session."""
    began = min(session.transcript.began or came, came)
    return Looked(
        digest=session.digest,
        time=began.astimezone(UTC).isoformat(),
        counts={seen.pattern: seen.count for seen in session.seen},
        tools={seen.pattern: seen.tools for seen in session.seen if seen.tools},
    )


class Reader:
    """Reads kept sessions of one state folder, each once."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._known: dict[str, Transcript | None] = {}

    def __call__(self, digest: str) -> Transcript | None:
        """The session, or None if it is gone."""
        if digest not in self._known:
            self._known[digest] = kept(self._state, digest)
        return self._known[digest]
