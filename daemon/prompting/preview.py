"""What learning from sessions would change, without changing anything: `mendd learn --dry-run`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.prompting import book as books
from daemon.prompting.counted import Session, looked
from daemon.prompting.decide import decided
from daemon.prompting.delta import patch_of
from daemon.prompting.habits import detectors
from daemon.prompting.section import Damaged, rules_in
from daemon.prompting.weigh import chance_rarer
from daemon.settings import Settings, TargetSettings
from reflections.transcripts.detect import detect
from reflections.transcripts.transcript import Transcript
from sandbox.patch import patched, unified_diff
from sandbox.tree import read_file


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The words of the decision and the diff of the prompt file; empty where nothing changes."""

    words: tuple[str, ...]
    diff: str


def preview(
    sessions: Sequence[Transcript], target: TargetSettings, settings: Settings, now: datetime
) -> Preview:
    """Before any replay with a model. Raises Damaged."""
    name, habits = target.prompt, detectors(settings.learn)
    data = live_text(target)
    text = None if data is None else data.decode("utf-8", "replace")
    standing = rules_in(text or "")
    found = [
        Session(digest=each.digest, transcript=each, seen=detect(each, habits)) for each in sessions
    ]
    book = books.load(settings.state, target.name, name).standing(standing, now.isoformat())
    book = book.with_sessions(looked(each, now) for each in found)
    decision = decided(book, standing, habits, settings.learn, now=now.isoformat(), work="")
    if not decision.changes:
        return Preview(words=decision.words, diff="")
    after = patched(patch_of(decision, name, text), lambda _: data)
    return Preview(words=decision.words, diff=unified_diff({name: data}, after))


def live_text(target: TargetSettings) -> bytes | None:
    """The prompt file as it is now; None where there is none. Raises UnusableModule."""
    if not target.prompt or not (target.path / target.prompt).exists():
        return None
    return read_file(target.path, target.prompt)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One rule and how it does: sessions with the habit and all sessions, before it and since."""

    target: str
    prompt: str
    record: books.Record
    before: tuple[int, int]
    after: tuple[int, int]
    chance: float


def rules_of(target: TargetSettings, settings: Settings, now: datetime) -> list[Row]:
    """Every rule this prompt file has, had, or was refused."""
    data = live_text(target)
    try:
        standing = rules_in((data or b"").decode("utf-8", "replace"))
    except Damaged:
        standing = {}
    book = books.load(settings.state, target.name, target.prompt)
    book = book.standing(standing, now.isoformat())
    rows = []
    for record in book.records.values():
        before, after = book.split(record)
        rows.append(
            Row(
                target=target.name,
                prompt=target.prompt,
                record=record,
                before=before,
                after=after,
                chance=chance_rarer(before, after),
            )
        )
    return rows
