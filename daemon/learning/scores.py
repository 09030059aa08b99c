"""How well each engine does at each kind of work: attempts, success, time and cost, by the trail.

`state/scores.json` only remembers how far the trail was read; lost, it is counted anew. An engine's
turn at one piece of work is one try: it begins with its first report or proposal and ends with a
verdict, or when another engine takes over. In a session of experiments each edit is one.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from audit.durable import write_whole
from audit.recent import newest_first
from audit.record import Record

EVENTS = frozenset(
    {"received", "reported", "proposed", "trial", "applied", "held", "rejected", "declined"}
    | {"experiment", "came_back"}
)
ENDS = frozenset({"applied", "held", "rejected", "declined"})
EXPERIMENT = "experiment"
MOST_OPEN = 1_000
FEWEST = 10  # tries before a score steers anything
RECENT = 30


@dataclass(kw_only=True)
class Score:
    """One engine at one kind of work. Seconds are of the clock, from first word to verdict."""

    engine: str
    kind: str
    target: str
    tries: int = 0
    attempts: int = 0  # proposals tried
    wins: int = 0  # applied, held for a person, or proven where nothing may be applied
    came_back: int = 0
    seconds: float = 0.0
    cost_usd: float = 0.0
    recent: list[bool] = field(default_factory=list)  # the last tries, oldest first

    @property
    def rate(self) -> float:
        """Share of the last tries that won, by Laplace's rule."""
        return (sum(self.recent) + 1) / (len(self.recent) + 2)

    def shown(self) -> dict[str, Any]:
        """For tables and JSON."""
        tries = max(self.tries, 1)
        return {
            "engine": self.engine,
            "kind": self.kind,
            "target": self.target,
            "tries": self.tries,
            "attempts": self.attempts,
            "success": round(self.wins / tries, 3),
            "came_back": self.came_back,
            "seconds": round(self.seconds / tries, 1),
            "cost_usd": round(self.cost_usd / tries, 4),
        }


@dataclass(kw_only=True)
class Turn:
    """A try that has no verdict yet."""

    engine: str
    began: str
    attempts: int = 0
    cost_usd: float = 0.0
    passed: bool = False  # the last patch's trial was good


@dataclass(kw_only=True)
class Scores:
    """All scores, the turns under way, and the last record that was counted."""

    seq: int = 0
    scores: dict[str, Score] = field(default_factory=dict)
    turns: dict[str, Turn] = field(default_factory=dict)  # by work
    kinds: dict[str, str] = field(default_factory=dict)  # by work that is open
    won: dict[str, str] = field(default_factory=dict)  # work -> key of the score that won with it
    spent: dict[str, float] = field(default_factory=dict)  # by session, as told so far

    def of(self, engine: str, kind: str, target: str) -> Score:
        """One score, empty at first."""
        key = _key(engine, kind, target)
        return self.scores.setdefault(key, Score(engine=engine, kind=kind, target=target))

    def count(self, records: Iterable[Record]) -> None:
        """Take in records, in order."""
        for record in records:
            self.seq = max(self.seq, record.seq)
            if record.reflection is not None:
                self._count(record, record.reflection)
        tables: tuple[dict[str, Any], ...] = (self.turns, self.kinds, self.won, self.spent)
        for table in tables:
            while len(table) > MOST_OPEN:
                table.pop(next(iter(table)))

    def _count(self, record: Record, work: str) -> None:
        data = record.data
        if record.event == "received":
            self.kinds[str(data.get("work") or work)] = str(data.get("kind") or "bug")
        elif record.event == "came_back":
            key = self.won.pop(str(data.get("earlier")), "")
            if key in self.scores:
                self.scores[key].came_back += 1
        elif record.event == "experiment":
            self._experiment(record, work)
        engine = data.get("engine")
        if isinstance(engine, str) and engine and record.event in ("reported", "proposed"):
            turn = self.turns.get(work)
            if turn is None or turn.engine != engine:
                self._end(work, record, won=False)
                turn = self.turns[work] = Turn(engine=engine, began=record.time)
            turn.attempts += record.event == "proposed"
            turn.passed = False
        if record.event == "trial" and work in self.turns:
            self.turns[work].passed = data.get("accepted") is True
        if record.event in ENDS:
            if self.kinds.get(work) == EXPERIMENT:  # each edit ends with its decision
                return
            if work in self.turns:
                self.turns[work].cost_usd += _money(data.get("cost_usd"))
            self._end(work, record, won=self._won(record.event, work))
            self.kinds.pop(work, None)

    def _won(self, event: str, work: str) -> bool:
        """Where nothing may be applied (a dry run, autonomy "explain") a good trial is all."""
        turn = self.turns.get(work)
        explained = event == "declined" and turn is not None and turn.passed
        return explained or event in ("applied", "held")

    def _experiment(self, record: Record, work: str) -> None:
        """An edit of a session is a try of its own; only some sessions stem from a note."""
        self.kinds[work] = EXPERIMENT
        if record.data.get("step") != "decide":
            return
        spent = _money(record.data.get("spent_usd"))
        if work in self.turns:
            self.turns[work].cost_usd += max(spent - self.spent.get(work, 0.0), 0.0)
        self.spent[work] = spent
        self._end(work, record, won=record.data.get("outcome") == "kept")

    def _end(self, work: str, record: Record, *, won: bool) -> None:
        turn = self.turns.pop(work, None)
        if turn is None:
            return
        score = self.of(turn.engine, self.kinds.get(work, "bug"), record.target or "")
        score.tries += 1
        score.attempts += turn.attempts
        score.wins += won
        score.cost_usd += turn.cost_usd
        span = datetime.fromisoformat(record.time) - datetime.fromisoformat(turn.began)
        score.seconds += max(span.total_seconds(), 0.0)
        score.recent = [*score.recent, won][-RECENT:]
        if won:
            self.won[work] = _key(score.engine, score.kind, score.target)


def up_to_date(state: Path) -> Scores:
    """The scores with everything the trail holds by now; remembered for the next time."""
    file = state / "scores.json"
    scores = _remembered(file)
    news = []
    for record in newest_first(state / "audit" / "trail.jsonl", EVENTS):
        if record.seq <= scores.seq:
            break
        news.append(record)
    if news:
        scores.count(reversed(news))
        write_whole(file, json.dumps(asdict(scores)).encode())
    return scores


def _remembered(file: Path) -> Scores:
    try:
        kept = json.loads(file.read_text("utf-8"))
        return Scores(
            seq=int(kept["seq"]),
            scores={key: Score(**value) for key, value in kept["scores"].items()},
            turns={key: Turn(**value) for key, value in kept["turns"].items()},
            kinds={str(key): str(value) for key, value in kept["kinds"].items()},
            won={str(key): str(value) for key, value in kept["won"].items()},
            spent={str(key): float(value) for key, value in kept["spent"].items()},
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Scores()


def search_is_hopeless(scores: Scores, kind: str, target: str) -> bool:
    """Whether the search engine hardly ever finds anything here, so that a model goes first.

    By its last tries: at least FEWEST of them, and less than one in ten a success.
    """
    score = scores.scores.get(_key("search", kind, target))
    return score is not None and len(score.recent) >= FEWEST and score.rate < 0.1


def _key(engine: str, kind: str, target: str) -> str:
    return f"{engine} {kind} {target}"


def _money(value: Any) -> float:
    try:
        return max(float(value), 0.0)
    except (TypeError, ValueError):
        return 0.0
