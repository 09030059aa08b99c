"""Decides which rules are called for and which do not help. Pure: a book in, a decision out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.prompting.book import Book, Record
from daemon.prompting.section import Rule
from daemon.prompting.weigh import KEPT_FOR_GOOD, NOT_RARER, chance_rarer, confidence
from daemon.settings import LearnSettings
from reflections.transcripts.detect import Detector, tools_named

MOST_AT_ONCE = 3  # rules one patch adds
TINY = 1e-9


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What shall change in the prompt file, and why, in words for a person."""

    add: tuple[Record, ...] = ()
    retire: tuple[Record, ...] = ()
    judged: tuple[Record, ...] = ()  # stay, but were looked at
    words: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the file changes at all."""
        return bool(self.add or self.retire)


def decided(
    book: Book, standing: Mapping[str, Rule], habits: Sequence[Detector], learn: LearnSettings,
    *, now: str, work: str,
) -> Decision:  # fmt: skip
    """Every habit weighed, every rule that stands judged; the surest rules first."""
    retire, judged, words = list[Record](), list[Record](), list[str]()
    names = {each.name for each in habits}
    for rule in standing.values():
        record = book.records.get(rule.id)
        if record is None or rule.id not in names:
            continue
        verdict = judged_by_sessions(record, book, learn)
        if verdict is not None:
            (retire if verdict.standing == "retired" else judged).append(verdict)
            words.append(f"{rule.id}: {verdict.why}")
    wanted = []
    for habit in habits:
        record, why = weighed(habit, book, standing, learn, now=now, work=work)
        words.append(f"{habit.title}: {why}") if why else None
        if record is not None:
            wanted.append(record)
    room = max(0, learn.rules - len(standing) + len(retire))
    wanted.sort(key=lambda record: -record.confidence)
    chosen = wanted[: min(room, MOST_AT_ONCE)]
    if len(chosen) < len(wanted):
        words.append(f"{len(wanted) - len(chosen)} more rules wait for room or for the next time")
    return Decision(
        add=tuple(chosen), retire=tuple(retire), judged=tuple(judged), words=tuple(words)
    )


def weighed(
    habit: Detector, book: Book, standing: Mapping[str, Rule], learn: LearnSettings,
    *, now: str, work: str,
) -> tuple[Record | None, str]:  # fmt: skip
    """The rule against a habit if it is called for, and why or why not; no words for no habit."""
    recent = book.sessions[-learn.window :]
    counts = [count for each in recent if (count := each.counts.get(habit.name, 0))]
    notes = sum(each.pattern == habit.name for each in book.notes)
    if not counts and not notes:
        return None, ""
    sure = confidence(counts, len(recent), precision=habit.precision, notes=notes)
    told = f"in {len(counts)} of {len(recent)} sessions, confidence {sure:.2f}"
    if habit.name in standing:
        return None, f"{told}; its rule stands already"
    known = book.records.get(habit.name)
    if known is not None and known.standing != "wanted":
        return None, f"{told}; its rule is not added again: {known.why or known.standing}"
    if known is not None and known.work != work:
        return None, f"{told}; its rule is on its way with {known.work}"
    if not counts or sure < learn.confidence:
        return None, f"{told}, less than {learn.confidence:.2f}: no rule yet"
    tools = Counter(tool for each in recent for tool in each.tools.get(habit.name, ()))
    named = tools_named([name for name, _ in tools.most_common()])
    if known is not None:  # begun before an interruption
        return replace(known, confidence=round(sure, 3)), told
    record = Record(
        id=habit.name,
        text=habit.rule.replace("{tools}", named),
        standing="wanted",
        since=now,
        confidence=round(sure, 3),
        work=work,
    )
    return record, told


def judged_by_sessions(record: Record, book: Book, learn: LearnSettings) -> Record | None:
    """The record after a look at the sessions since the rule; None when it is not yet time.

    Looked at after `watch` sessions, then whenever their number has doubled.
    """
    before, after = book.split(record)
    if record.standing == "confirmed" or after[1] < learn.watch * 2**record.looks:
        return None
    chance = chance_rarer(before, after)
    told = f"{before[0]} of {before[1]} sessions before it, {after[0]} of {after[1]} since"
    looks = record.looks + 1
    while after[1] >= learn.watch * 2**looks:
        looks += 1
    if chance <= NOT_RARER + TINY:
        why = f"the habit has not become rarer ({told}; chance that it has: {chance:.2f})"
        return replace(record, standing="retired", looks=looks, why=why)
    helped = chance >= KEPT_FOR_GOOD
    why = f"{'it helps' if helped else 'still watched'} ({told}; chance {chance:.2f})"
    return replace(record, standing="confirmed" if helped else "active", looks=looks, why=why)
