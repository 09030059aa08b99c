"""What is known about one prompt file: the sessions looked at, and each rule's wins and losses.

One small file for each prompt file, replaced durably, `state/prompting/<target>-<mark>.json`. It is
a file of its own because the store holds open work only and a scan of the trail would cost more
with every year; every entry comes from a `learned` record, so it can be lost: then rules that
stand in the prompt file are watched from that day on. Which rules stand is told by the prompt
file itself and by nothing else.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from daemon.prompting.section import Rule
from reflections.storage import replace_durably

MOST_SESSIONS = 400
MOST_NOTES = 100
MOST_RULES = 200

Standing = Literal["wanted", "active", "confirmed", "retired", "gone", "not better"]
"""wanted: on its way. gone: taken out by a person or by `mendd revert`. not better: it lost."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """One session: when it began (or came), and how often each habit occurred in it."""

    digest: str
    time: str
    counts: Mapping[str, int]
    tools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Told:
    """A note about a habit, without a transcript."""

    id: str
    pattern: str
    time: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """One rule's life. `wins`, `losses` and `ties` are those of its replays."""

    id: str
    text: str
    by_model: bool = False
    standing: Standing
    since: str
    confidence: float = 0.0
    work: str = ""
    wins: int = 0
    losses: int = 0
    ties: int = 0
    looks: int = 0  # how often it was judged by later sessions
    why: str = ""

    @property
    def rule(self) -> Rule:
        """The rule as it stands in the file."""
        return Rule(id=self.id, text=self.text, by_model=self.by_model)


Row = TypeVar("Row", Told, Record)


@dataclass(frozen=True, kw_only=True)
class Book:
    """Everything about one prompt file of one target."""

    target: str
    prompt: str
    sessions: tuple[Looked, ...] = ()
    notes: tuple[Told, ...] = ()
    records: Mapping[str, Record] = field(default_factory=dict)

    def with_sessions(self, looked: Iterable[Looked]) -> "Book":
        """The same with these sessions, each once; the oldest are forgotten."""
        known = {each.digest: each for each in (*self.sessions, *looked)}
        ordered = sorted(known.values(), key=lambda each: (each.time, each.digest))
        return replace(self, sessions=tuple(ordered[-MOST_SESSIONS:]))

    def with_notes(self, told: Iterable[Told]) -> "Book":
        """The same with these notes, each once."""
        known = {(each.id, each.pattern): each for each in (*self.notes, *told)}
        return replace(self, notes=tuple(known.values())[-MOST_NOTES:])

    def with_records(self, *records: Record) -> "Book":
        """The same with these records in the place of those with their ids."""
        known = {**self.records, **{each.id: each for each in records}}
        return replace(self, records=dict(list(known.items())[-MOST_RULES:]))

    def without_abandoned(
        self, open_works: Collection[str], refused: Callable[[str], bool], now: str
    ) -> "Book":
        """Without rules that were on their way with work that has ended otherwise.

        What a person `refused` is remembered, so that it is not asked again and again.
        """
        kept: dict[str, Record] = {}
        for each in self.records.values():
            if each.standing != "wanted" or each.work in open_works:
                kept[each.id] = each
            elif refused(each.work):
                why = "a person refused it"
                kept[each.id] = replace(each, standing="gone", since=now, why=why)
        return replace(self, records=kept)

    def standing(self, rules: Mapping[str, Rule], now: str) -> "Book":
        """In step with the prompt file: what stands there is active, what is not has gone."""
        changed = []
        for rule in rules.values():
            known = self.records.get(rule.id)
            if known is None:
                new = Record(
                    id=rule.id, text=rule.text, by_model=rule.by_model, standing="active", since=now
                )
                changed.append(new)
            elif known.standing not in ("active", "confirmed"):
                changed.append(replace(known, standing="active", since=now, looks=0, why=""))
        for known in self.records.values():
            if known.id not in rules and known.standing in ("active", "confirmed"):
                why = "it stands no more in the file: a person took it out, or 'mendd revert'"
                changed.append(replace(known, standing="gone", since=now, why=why))
        return self.with_records(*changed)

    def split(self, record: Record) -> tuple[tuple[int, int], tuple[int, int]]:
        """(sessions with the habit, sessions) before the rule, and since."""
        before = [each for each in self.sessions if each.time <= record.since]
        after = [each for each in self.sessions if each.time > record.since]
        return _share(before, record.id), _share(after, record.id)


def _share(sessions: list[Looked], pattern: str) -> tuple[int, int]:
    return sum(each.counts.get(pattern, 0) > 0 for each in sessions), len(sessions)


def load(state: Path, target: str, prompt: str) -> Book:
    """The book, or an empty one where there is none or it cannot be read."""
    return _read(path_of(state, target, prompt), Book(target=target, prompt=prompt))


def load_all(state: Path, *, but: Book) -> list[Book]:
    """The books of all other prompt files; their names are of no use here."""
    own = path_of(state, but.target, but.prompt)
    paths = (state / "prompting").glob("*.json")
    return [_read(path, Book(target="", prompt="")) for path in paths if path != own]


def _read(path: Path, empty: Book) -> Book:
    try:
        data = json.loads(path.read_bytes())
        return replace(
            empty,
            sessions=tuple(_looked(each) for each in data["sessions"]),
            notes=tuple(_plain(Told(**each)) for each in data["notes"]),
            records={each["id"]: _plain(Record(**each)) for each in data["records"]},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return empty


def save(state: Path, book: Book) -> None:
    """Put it in the place of the old one, durably."""
    path = path_of(state, book.target, book.prompt)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = {
        "prompt": book.prompt,
        "sessions": [asdict(each) for each in book.sessions],
        "notes": [asdict(each) for each in book.notes],
        "records": [asdict(each) for each in book.records.values()],
    }
    replace_durably(path, path.with_suffix(".part"), json.dumps(data).encode())


def path_of(state: Path, target: str, prompt: str) -> Path:
    """Where the book of this prompt file lies."""
    mark = hashlib.sha256(prompt.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return state / "prompting" / f"{target}-{mark}.json"


def _looked(data: Mapping[str, Any]) -> Looked:
    counts = {str(name): int(count) for name, count in data["counts"].items()}
    tools = {str(name): tuple(map(str, used)) for name, used in data["tools"].items()}
    return Looked(digest=str(data["digest"]), time=_time(data["time"]), counts=counts, tools=tools)


def _plain(read: Row) -> Row:
    """The same, of which every member has the type it was written with. Raises TypeError."""
    for each in fields(read):
        wanted = each.type if each.type in (bool, int, float) else str  # a Literal is text, too
        if type(getattr(read, each.name)) is not wanted:
            raise TypeError(f"{each.name} is no {wanted}")
    _time(read.time if isinstance(read, Told) else read.since)
    return read


def _time(text: str) -> str:
    """The same text, if it is a time. Raises ValueError, TypeError."""
    datetime.fromisoformat(text)
    return text
