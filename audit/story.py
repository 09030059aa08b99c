"""What the trail tells about one reflection, in order: its attempts, its end, what it cost.

Lenient on purpose: a report is read when things went wrong, so a record with less data than
docs/audit.md names makes the story shorter, never an error.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from audit.record import Record

VERDICTS = frozenset(
    {"applied", "held", "rejected", "declined", "failed", "ignored", "reverted", "frozen"}
)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One patch and what became of it."""

    number: int
    engine: str = ""
    rationale: str = ""
    words: str = ""  # what the model said beside it
    diff: str = ""
    refusals: tuple[str, ...] = ()  # what the gates said
    result: str = ""  # what the trial said, in one line
    failed_tests: tuple[str, ...] = ()
    output: str = ""  # the tail of the test output
    review: str = ""  # what the engine learnt from this attempt and those before it


@dataclass(frozen=True, kw_only=True)
class Story:
    """One reflection from arrival to verdict, as plain values."""

    reflection: str
    kind: str = ""  # of the work, where it is no reflection: modify, …
    target: str = ""
    note: Mapping[str, str] = field(default_factory=dict)  # heading -> the reporter's own words
    asked: Mapping[str, str] = field(default_factory=dict)  # by whom, on which files and why
    diagnosis: Mapping[str, str] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    verdict: str = "open"
    reason: str = ""
    evidence: str = ""
    outcome: Mapping[str, str] = field(default_factory=dict)  # commit, backup, certificate …
    diff: str = ""  # of what was applied
    cost: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[tuple[str, str, str], ...] = ()  # time, event, hash


_NOTE = ("source", "timestamp", "task_summary", "outcome", "reflection", "traceback", "test")
_DIAGNOSIS = ("filename", "function", "severity", "summary", "failing_test")
_OUTCOME = ("files", "commit", "branch", "backup", "certificate", "base_hash", "result_hash")
_ASKED = ("by", "dry_run", "cycles")
_COST = ("engine", "model", "tokens_in", "tokens_out", "tokens", "cost_usd", "cost", "seconds")


def story_of(reflection: str, records: Iterable[Record]) -> Story:
    """The story of one reflection from its records, in their order."""
    story = Story(reflection=reflection)
    for record in records:
        if record.reflection == reflection:
            story = _told(story, record)
    return story


def _told(story: Story, record: Record) -> Story:
    data = record.data
    step = (record.time, record.event, record.hash)
    story = replace(story, target=record.target or story.target, steps=(*story.steps, step))
    if record.event == "received":
        story = replace(story, note=_words(data, _NOTE), kind=_word(data.get("kind")))
    elif record.event == "reported":
        story = replace(story, diagnosis=_words(data, _DIAGNOSIS))
    elif record.event in {"proposed", "gate_refused", "trial", "reviewed"}:
        story = replace(story, attempts=_with_attempt(story.attempts, record))
    if record.event == "modified" or data.get("kind") == "modify":
        asked = {**_words(data, _ASKED), "files": _files(data)}
        story = replace(story, kind="modify", asked={**story.asked, **asked})
    if record.event in VERDICTS:
        story = _ended(story, record)
    return replace(story, cost={**story.cost, **_words(data, _COST)})


def _ended(story: Story, record: Record) -> Story:
    data = record.data
    return replace(
        story,
        verdict=record.event,
        reason=_word(data.get("reason")) or story.reason,
        evidence=_word(data.get("evidence")) or story.evidence,
        outcome={**story.outcome, **_words(data, _OUTCOME)},
        diff=_word(data.get("diff")) or story.diff,
    )


def _with_attempt(attempts: tuple[Attempt, ...], record: Record) -> tuple[Attempt, ...]:
    """A proposal starts an attempt; the rest belongs to the one it names, else to the last."""
    data = record.data
    number = data.get("attempt")
    if not isinstance(number, int):
        number = len(attempts) + 1 if record.event == "proposed" else max(len(attempts), 1)
    at = next((i for i, each in enumerate(attempts) if each.number == number), len(attempts))
    known = attempts[at] if at < len(attempts) else Attempt(number=number)
    return (*attempts[:at], _grown(known, record.event, data), *attempts[at + 1 :])


def _grown(attempt: Attempt, event: str, data: Mapping[str, Any]) -> Attempt:
    if event == "proposed":
        return replace(
            attempt,
            engine=_word(data.get("engine")),
            rationale=_word(data.get("rationale")),
            words=_said(data),
            diff=_word(data.get("diff")),
        )
    if event == "reviewed":
        return replace(attempt, review=_word(data.get("advice")))
    if event == "gate_refused":
        said = ": ".join(filter(None, (_word(data.get("gate")), _word(data.get("reason")))))
        return replace(attempt, refusals=(*attempt.refusals, said))
    return replace(
        attempt,
        result=": ".join(filter(None, (_word(data.get("ending")), _word(data.get("reason"))))),
        failed_tests=tuple(map(_word, _listed(data.get("failed_tests")))),
        output=_word(data.get("output")),
    )


def _said(data: Mapping[str, Any]) -> str:
    """The explanation, where it says more than the patch's own rationale."""
    said = _word(data.get("explanation"))
    return "" if said == _word(data.get("rationale")) else said


def _files(data: Mapping[str, Any]) -> str:
    """Chosen files, each with the reason for it."""
    reasons = data.get("why")
    why: Mapping[str, Any] = reasons if isinstance(reasons, Mapping) else {}
    names = map(_word, _listed(data.get("files")))
    return "; ".join(f"{name} ({_word(why.get(name))})" for name in names)


def _words(data: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    found = {name: _word(data.get(name)) for name in names}
    return {name: word for name, word in found.items() if word}


def _word(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_word, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_word(item)}" for name, item in value.items())
    return str(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
