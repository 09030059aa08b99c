"""What is said to a guest and what it says: values on this side, JSON on the wire.

Everything that comes back was said by a process that ran the tested code. It is read strictly and
within bounds; a patch that looks plausible here is proven by an ordinary trial afterwards. The
guest's side stands in sandbox/guest/screen.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.edits import hunks
from daemon.engines.search.localise import Seen

Message = dict[str, Any]
MOST_TESTS = 20_000
LONGEST_WALL_S = 30.0  # with patience: processor time is what patience is about, not waiting


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What screening says of one candidate."""

    green: frozenset[int]  # places in the goal
    stopped_by: str | None  # the test that stopped it; None: plausible
    why: str = ""  # an exception's name, "timeout", "crashed", "skipped", "syntax", "late"

    @property
    def plausible(self) -> bool:
        """Whether every goal test passed and no other broke."""
        return self.stopped_by is None

    @property
    def late(self) -> bool:
        """Whether its turn never came, because the time was over."""
        return self.stopped_by == "" and self.why == "late"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What candidates are held against."""

    goal: tuple[str, ...]
    rest: tuple[str, ...]
    cpu_s: Mapping[str, float]  # processor time each test may take
    wall_s: float = 10.0
    patience: float = 1.0  # factor on the limits; a second look uses more
    keep_going: bool = False  # run all goal tests even after one failed

    @property
    def patient_wall_s(self) -> float:
        """Wall time one candidate may take."""
        return min(self.wall_s * self.patience, max(self.wall_s, LONGEST_WALL_S))


@dataclass(frozen=True, kw_only=True)
class Question:
    """What candidates of one file are compared by."""

    filename: str
    function: tuple[str, int]  # name and first line, decorators included
    tests: tuple[str, ...]  # whose calls are recorded
    examples: tuple[tuple[str, str], ...]  # documented: source and what it should give
    inputs: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What one candidate does on the inputs, and whether the documented examples hold."""

    seen: tuple[str, ...]
    examples: tuple[str, ...] = ()  # "ok", "no", "?" for each


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A comparison of candidates on inputs near the tests' own."""

    inputs: tuple[str, ...]
    recorded: int
    behaviours: Mapping[int, Behaviour]


def spectrum_request(
    tests: Sequence[str],
    cpu_s: float,
    wall_s: float,
    within_s: float,
    candidate: Candidate | None = None,
) -> Message:
    """Run each test once under observation, with a candidate in place or without."""
    patch = {"file": candidate.program.filename, "hunks": _wire(candidate)} if candidate else {}
    return {
        "do": "spectrum", "tests": list(tests), "cpu_s": cpu_s, "wall_s": wall_s,
        "within_s": within_s, **patch,
    }  # fmt: skip


def seen_of(tests: Sequence[str], messages: Iterable[Message]) -> list[Seen]:
    """What was observed of these tests."""
    return [_seen(message) for message in messages if message.get("test") in tests]


def screen_request(batch: Sequence[Candidate], plan: Plan, within_s: float) -> Message:
    """Try candidates of one file."""
    return {
        "do": "screen",
        "file": batch[0].program.filename,
        "candidates": [[number, _wire(candidate)] for number, candidate in enumerate(batch)],
        "goal": list(plan.goal),
        "rest": list(plan.rest),
        "cpu_s": [
            round(plan.cpu_s.get(test, 1.0) * plan.patience, 3) for test in (*plan.goal, *plan.rest)
        ],
        "wall_s": plan.patient_wall_s,
        "within_s": within_s,
        "all": plan.keep_going,
    }


def verdicts_of(
    batch: Sequence[Candidate], messages: Sequence[Message], plan: Plan
) -> list[Verdict]:
    """One verdict for each candidate, in order; without an answer of its own none is plausible."""
    said = {message["n"]: message for message in messages if isinstance(message.get("n"), int)}
    return [_verdict(said.get(number, {}), plan) for number in range(len(batch))]


def probe_request(found: Sequence[Candidate], question: Question, within_s: float) -> Message:
    """How candidates of one file behave; -1 is the code as it is."""
    numbered: list[tuple[int, Any]] = [(-1, [])]
    numbered += [(number, _wire(candidate)) for number, candidate in enumerate(found)]
    return {
        "do": "probe", "file": question.filename, "function": list(question.function),
        "tests": list(question.tests), "examples": [list(each) for each in question.examples],
        "inputs": question.inputs, "seed": question.seed, "candidates": numbered,
        "cpu_s": 0.3, "wall_s": 8.0, "within_s": within_s,
    }  # fmt: skip


def probe_of(messages: Iterable[Message]) -> Probe:
    """The comparison, as far as it came."""
    texts: tuple[str, ...] = ()
    recorded = 0
    behaviours: dict[int, Behaviour] = {}
    for message in messages:
        if "inputs" in message:
            texts = texts_of(message["inputs"], 1000)
            recorded = _number(message.get("recorded"))
        elif isinstance(message.get("n"), int):
            seen, said = texts_of(message.get("seen"), 1000), texts_of(message.get("said"), 200)
            behaviours[message["n"]] = Behaviour(seen=seen, examples=said)
    return Probe(inputs=texts, recorded=recorded, behaviours=behaviours)


def texts_of(value: object, most: int) -> tuple[str, ...]:
    """A list of strings, bounded; anything else in it is dropped."""
    if not isinstance(value, list):
        return ()
    return tuple(text[:2000] for text in value[:most] if isinstance(text, str))


def _wire(candidate: Candidate) -> list[list[Any]]:
    return [
        [hunk.first_line, hunk.last_line, hunk.replacement]
        for hunk in hunks(candidate.program, candidate.edit)
    ]


def _verdict(message: Mapping[str, Any], plan: Plan) -> Verdict:
    green = message.get("green")
    places = frozenset(
        place
        for place in (green if isinstance(green, list) else ())
        if isinstance(place, int) and 0 <= place < len(plan.goal)
    )
    stop = message.get("stop", ["", "forged"])
    if stop is None and len(places) == len(plan.goal):
        return Verdict(green=places, stopped_by=None)
    words = texts_of(stop, 2)
    test, why = words if len(words) == 2 else ("", "forged")
    return Verdict(green=places, stopped_by=test, why=why)


def _seen(message: Mapping[str, Any]) -> Seen:
    lines = message.get("lines")
    frames = message.get("frames")
    return Seen(
        test=str(message["test"]),
        outcome=str(message.get("outcome", "crashed"))[:20],
        lines={
            str(name): frozenset(n for n in numbers if isinstance(n, int))
            for name, numbers in (lines if isinstance(lines, dict) else {}).items()
            if isinstance(numbers, list)
        },
        seconds=_seconds(message.get("seconds")),
        error=str(message.get("error", ""))[:100],
        message=str(message.get("message", ""))[:500],
        frames=tuple(
            (str(f[0]), f[1], str(f[2]))
            for f in (frames if isinstance(frames, list) else [])
            if isinstance(f, list) and len(f) == 3 and isinstance(f[1], int)
        ),
        compared=texts_of(message.get("compared"), 3),
    )


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 3600 else 0.0


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1_000_000 else 0
