"""What an operator should look at: one small rule per concern, over the trail's recent records.

Nothing is counted beside the trail, so `mendd status`, an alert and a person with `jq` see the
same. A rule that finds nothing says nothing; a concern passes when its records leave the window.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from audit.recent import since
from audit.record import Record
from daemon.settings import AlertSettings

EVENTS = frozenset(
    {"applied", "reverted", "revert_refused", "rejected", "failed", "frozen", "held"}
    | {"experiment", "came_back", "gate_refused", "trial", "budget_stop", "learned", "breaker"}
)
MOST_RECORDS = 20_000
SUSPICIOUS_GATES = ("scope", "policy")
Severity = Literal["notice", "warning", "urgent"]


@dataclass(frozen=True, kw_only=True)
class Concern:
    """Something to look at. `key` stays the same while it lasts; `since` is UTC (RFC 3339)."""

    kind: str
    severity: Severity
    target: str | None
    subject: str  # a file, a work's id, an engine: what the concern is about
    words: str
    remedy: str
    count: int
    since: str
    last: str

    @property
    def key(self) -> str:
        """Names the concern across time."""
        return f"{self.kind}:{self.target or ''}:{self.subject}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"key": self.key, **vars(self)}


Rule = Callable[[Sequence[Record], AlertSettings], Iterator[Concern]]


def concerns(trail: Path, settings: AlertSettings, now: datetime) -> list[Concern]:
    """Every concern of the window, the gravest first. Raises OSError when there is no reading."""
    begin = now - timedelta(days=settings.window_days)
    records = since(trail, begin, EVENTS, most=MOST_RECORDS)
    found = [concern for rule in RULES for concern in rule(records, settings)]
    order = ("urgent", "warning", "notice")
    return sorted(found, key=lambda each: (order.index(each.severity), each.last))


def edited_often(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """One file patched again and again: the patches do not reach the cause."""
    edits: dict[tuple[str | None, str], list[Record]] = defaultdict(list)
    sessions = _sessions(records)
    for record in _of(records, "applied"):
        for name in _texts(record.data.get("files")):
            known = edits[record.target, name]
            again = record.reflection in sessions and record.reflection in _works(known)
            if not again:  # the kept edits of one session are one change
                known.append(record)
    for (target, name), found in edits.items():
        if len(found) >= settings.file_edits:
            yield _concern(
                "edited-often", "warning", found, target, name,
                f"{name} was changed {len(found)} times in {_days(settings)}",
                f"read the patches together: mendd audit list --event applied --target {target}",
            )  # fmt: skip


def fails_often(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """Attempts at one target that a trial or a gate ends; most edits of an experiment do fail."""
    failed: dict[str | None, list[Record]] = defaultdict(list)
    sessions = _sessions(records)
    for record in records:
        bad_trial = record.event == "trial" and record.data.get("accepted") is False
        if (bad_trial or record.event == "gate_refused") and record.reflection not in sessions:
            failed[record.target].append(record)
    for target, found in failed.items():
        if len(found) >= settings.failed_attempts:
            yield _concern(
                "failed-attempts", "warning", found, target, "attempts",
                f"{len(found)} attempts failed in {_days(settings)}; the last: {_why(found[-1])}",
                f"mendd audit show {found[-1].reflection}: is the suite sound, the note right?",
            )  # fmt: skip


def came_back(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """A failure that a patch was to mend is there again."""
    for record in _of(records, "came_back"):
        earlier = str(record.data.get("earlier", ""))
        yield _concern(
            "came-back", "warning", [record], record.target, record.reflection or earlier,
            f"the failure that {earlier} mended came back",
            f"mendd audit show {earlier}; 'mendd revert {earlier}' takes its patch back",
        )  # fmt: skip


def taken_back(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """The live check found the service ill after a patch; worse where the patch still stands."""
    for record in _of(records, "reverted"):
        if not record.data.get("by") and not record.data.get("recovered"):
            yield _concern(
                "taken-back", "warning", [record], record.target, record.reflection or "",
                f"a patch was applied and taken back: {_why(record)}",
                f"mendd audit show {record.reflection}",
            )  # fmt: skip
    for record in _of(records, "revert_refused"):
        yield _concern(
            "still-stands", "urgent", [record], record.target, record.reflection or "",
            f"a patch made the service ill and could not be taken back: {_why(record)}",
            "see to it by hand now; the reason says what stands in the way",
        )  # fmt: skip


def waits_for_a_person(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """Held or frozen work that nobody has decided on since."""
    waiting: dict[str, Record] = {}
    for record in records:
        if record.reflection is None:
            continue
        if record.event in ("held", "frozen"):
            waiting[record.reflection] = record
        elif record.event in ("applied", "rejected", "reverted"):
            waiting.pop(record.reflection, None)
    for id_, record in waiting.items():
        yield _concern(
            "waits", "warning" if record.event == "frozen" else "notice", [record],
            record.target, id_, f"{record.event}: {_why(record)}",
            f"mendd approve {id_} --show, then approve or reject",
        )  # fmt: skip


def world_away(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """Docker, a model or a disk that is away again and again."""
    found: dict[str | None, list[Record]] = defaultdict(list)
    for record in _of(records, "failed"):
        found[record.target].append(record)
    for target, failures in found.items():
        if len(failures) >= settings.failed_attempts:
            yield _concern(
                "outage", "warning", failures, target, "world",
                f"work could not be done {len(failures)} times; the last: {_why(failures[-1])}",
                "mendd check says what is missing",
            )  # fmt: skip


def left_alone(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """A target where nothing works, so that it is paused between single tries."""
    found: dict[str | None, list[Record]] = defaultdict(list)
    for record in _of(records, "breaker"):
        if record.data.get("step") == "closed":
            found.pop(record.target, None)
        elif record.data.get("step") == "paused":
            found[record.target].append(record)
    for target, pauses in found.items():
        last = pauses[-1].data
        yield _concern(
            "paused", "warning", pauses, target, "breaker",
            f"paused until {last.get('until')} after {last.get('failures')} works in a row that "
            f"failed or were rejected; the last: {_why(pauses[-1])}",
            "see to the cause (mendd check); 'mendd on' ends the pause at once",
        )  # fmt: skip


def refused_often(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """Proposals that reach for what is forbidden: a confused engine, or an injected order."""
    found: dict[tuple[str | None, str], list[Record]] = defaultdict(list)
    for record in _of(records, "gate_refused"):
        if record.data.get("gate") in SUSPICIOUS_GATES:
            found[record.target, record.reflection or ""].append(record)
    for (target, id_), refusals in found.items():
        if len(refusals) >= settings.refusals:
            yield _concern(
                "refused-often", "warning", refusals, target, id_,
                f"{len(refusals)} proposals reached for what is forbidden; {_why(refusals[-1])}",
                f"mendd audit show {id_}: does the note or the code try to give orders?",
            )  # fmt: skip


def money_spent(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """A spending limit stopped work."""
    stops = list(_of(records, "budget_stop"))
    if stops:
        yield _concern(
            "budget", "notice", stops, stops[-1].target, "budget",
            f"a spending limit stopped work {len(stops)} times; the last: {_why(stops[-1])}",
            "[budget] in the configuration sets the limits",
        )  # fmt: skip


def does_harm(records: Sequence[Record], settings: AlertSettings) -> Iterator[Concern]:
    """A learned rule or recipe that made things worse, or no better, and was retired."""
    for record in _of(records, "learned"):
        if record.data.get("step") in ("retired", "harm"):
            recipe = record.data.get("recipe")
            subject = f"recipe {recipe}" if recipe else str(record.data.get("rule") or "a rule")
            shows = "mendd learning list" if recipe else "mendd learn --rules"
            yield _concern(
                "harm", "warning", [record], record.target, subject,
                f"{subject} did not help: {_why(record)}",
                f"it is retired already; '{shows}' shows its record",
            )  # fmt: skip


RULES: tuple[Rule, ...] = (
    taken_back,
    came_back,
    edited_often,
    fails_often,
    refused_often,
    does_harm,
    world_away,
    left_alone,
    waits_for_a_person,
    money_spent,
)


def _concern(
    kind: str,
    severity: Severity,
    records: Sequence[Record],
    target: str | None,
    subject: str,
    words: str,
    remedy: str,
) -> Concern:
    return Concern(
        kind=kind,
        severity=severity,
        target=target,
        subject=subject,
        words=words,
        remedy=remedy,
        count=len(records),
        since=records[0].time,
        last=records[-1].time,
    )


def _of(records: Sequence[Record], event: str) -> Iterator[Record]:
    return (record for record in records if record.event == event)


def _sessions(records: Sequence[Record]) -> frozenset[str | None]:
    """The works that are sessions of experiments."""
    return frozenset(record.reflection for record in _of(records, "experiment"))


def _works(records: Sequence[Record]) -> frozenset[str | None]:
    return frozenset(record.reflection for record in records)


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _why(record: Record) -> str:
    words = " ".join(str(record.data.get("reason") or "no reason given").split())
    return words if len(words) <= 200 else f"{words[:199]}…"


def _days(settings: AlertSettings) -> str:
    return f"{settings.window_days:g} days"
