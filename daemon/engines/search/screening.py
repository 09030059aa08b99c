"""The host's side of screening: drives the warm container and believes nothing it cannot check.

Everything that comes back was said by a process that ran the tested code. It is read strictly and
within bounds; a patch that looks plausible here is proven by an ordinary trial afterwards.
"""

import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.edits import hunks
from daemon.engines.search.localise import Seen
from sandbox.errors import TrialStopped
from sandbox.trial import Bench

BATCH = 24
QUIET_S = 90.0  # longest silence of a guest that is at work
MOST_TESTS = 20_000


class ScreenEnded(Exception):
    """The guest gave up or fell silent: something in the target's tests ends it.

    No infrastructure failure (those are SandboxErrors): trying again would end the same way.
    """


class Line(Protocol):
    """The seam to the guest: sandbox.session.GuestSession, or a fake in tests."""

    def send(self, message: Mapping[str, Any]) -> None: ...
    def receive(self, timeout_s: float) -> dict[str, Any] | None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What screening says of one candidate."""

    green: frozenset[int]  # places in the goal
    stopped_by: str | None  # the test that stopped it; None: plausible
    why: str = ""  # an exception's name, "timeout", "crashed", "skipped", "syntax"

    @property
    def plausible(self) -> bool:
        """Whether every goal test passed and no other broke."""
        return self.stopped_by is None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What candidates are held against."""

    goal: tuple[str, ...]
    rest: tuple[str, ...]
    cpu_s: Mapping[str, float]  # processor time each test may take
    wall_s: float = 10.0
    patience: float = 1.0  # factor on the limits; a second look uses more
    keep_going: bool = False  # run all goal tests even after one failed


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


class Screener:
    """One or more warm guests for one module. Used by one thread."""

    def __init__(self, lines: Sequence[Line], stop: threading.Event) -> None:
        """Waits until each guest has collected the tests."""
        self._lines = list(lines)
        self._stop = stop
        self.collected: tuple[str, ...] = ()
        self.uncollected: tuple[str, ...] = ()
        for line in self._lines:
            first = self._next(line)
            self.collected = _texts(first.get("collected"), MOST_TESTS)
            self.uncollected = _texts(first.get("errors"), 1000)

    @classmethod
    def open(
        cls, bench: Bench, stop: threading.Event, *, time_s: float, guests: int = 1
    ) -> "Screener":
        """Start the containers. Raises SandboxError when that fails."""
        arguments = bench.module.pytest_args
        job: dict[str, Any] = {
            "mode": "screen",
            "arguments": list(arguments or ()),
            "memory_mib": 128,
        }
        job["module_path"] = bench.module.adds_root_to_path
        lines: list[Line] = []
        try:
            for _ in range(guests):
                lines.append(bench.session(job, timeout_s=time_s + 60, stop=stop))
            return cls(lines, stop)
        except BaseException:
            for line in lines:
                line.close()
            raise

    def __enter__(self) -> "Screener":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the guests."""
        self.close()

    def close(self) -> None:
        """End the guests."""
        for line in self._lines:
            line.close()

    def _next(self, line: Line) -> dict[str, Any]:
        """The guest's next message; ScreenEnded when there is none."""
        waited = 0.0
        while waited < QUIET_S and not self._stop.is_set():
            message = line.receive(1.0)
            if message is not None:
                return message
            if getattr(line, "ending", None) is not None:
                break
            waited += 1.0
        if self._stop.is_set():
            raise TrialStopped("the search was stopped")
        detail = getattr(line, "detail", "") or getattr(line, "output", b"")[-300:]
        raise ScreenEnded(f"the tests could not be watched from inside: {detail!r}")

    def spectrum(self, tests: Sequence[str], *, cpu_s: float, wall_s: float) -> Iterator[Seen]:
        """Run each test once under observation."""
        line = self._lines[0]
        for start in range(0, len(tests), 50):
            part = list(tests[start : start + 50])
            line.send({"do": "spectrum", "tests": part, "cpu_s": cpu_s, "wall_s": wall_s})
            while not (message := self._next(line)).get("end"):
                if message.get("test") in part:
                    yield _seen(message)

    def screen(
        self, found: Iterable[Candidate], plan: Plan
    ) -> Generator[tuple[Candidate, Verdict], None, None]:
        """Try candidates in order; several batches are always under way.

        Closing the iterator early is fine: what is still under way is read and dropped.
        """
        batches = Batches(found)
        under_way: list[tuple[Line, list[Candidate]]] = []
        turn = 0
        try:
            while True:
                while len(under_way) < 2 * len(self._lines) and (batch := batches.next()):
                    line = self._lines[turn % len(self._lines)]
                    line.send(_request(batch, plan))
                    under_way.append((line, batch))
                    turn += 1
                if not under_way:
                    return
                line, batch = under_way[0]
                for candidate in batch:
                    yield candidate, _verdict(self._next(line), plan)
                self._next(line)  # the batch's end
                under_way.pop(0)
                batches.ended(len(batch))
        except GeneratorExit:
            for line, _ in under_way:
                while not self._next(line).get("end"):
                    pass
            raise

    def probe(
        self,
        found: Sequence[Candidate],
        *,
        filename: str,
        function: tuple[str, int],
        tests: Sequence[str],
        examples: Sequence[tuple[str, str]],
        inputs: int,
        seed: int,
    ) -> Probe:
        """How candidates of one file behave; -1 is the code as it is."""
        numbered: list[tuple[int, Any]] = [(-1, [])]
        numbered += [(number, _wire(candidate)) for number, candidate in enumerate(found)]
        line = self._lines[0]
        line.send(
            {
                "do": "probe", "file": filename, "function": list(function), "tests": list(tests),
                "examples": [list(example) for example in examples], "inputs": inputs,
                "seed": seed, "candidates": numbered, "cpu_s": 0.3, "wall_s": 8.0,
            }
        )  # fmt: skip
        texts: tuple[str, ...] = ()
        recorded = 0
        behaviours: dict[int, Behaviour] = {}
        while not (message := self._next(line)).get("end"):
            if "inputs" in message:
                texts = _texts(message["inputs"], 1000)
                recorded = _number(message.get("recorded"))
            elif isinstance(message.get("n"), int):
                seen, said = _texts(message.get("seen"), 1000), _texts(message.get("said"), 200)
                behaviours[message["n"]] = Behaviour(seen=seen, examples=said)
        return Probe(inputs=texts, recorded=recorded, behaviours=behaviours)


class Batches:
    """Candidates of the same file together, in order; about a second's work at a time.

    Small batches where candidates are slow keep the search quick to stop; what is screened, and
    in which order, does not depend on the size.
    """

    def __init__(self, found: Iterable[Candidate]) -> None:
        self._found = iter(found)
        self._held: Candidate | None = None
        self._size = 8
        self._since = time.monotonic()

    def next(self) -> list[Candidate]:
        """The next batch; empty at the end."""
        batch = [self._held] if self._held is not None else []
        self._held = None
        for candidate in self._found:
            if batch and batch[0].program is not candidate.program:
                self._held = candidate
                break
            batch.append(candidate)
            if len(batch) >= self._size:
                break
        return batch

    def ended(self, count: int) -> None:
        """A batch of so many is done: adapt the size."""
        now = time.monotonic()
        each, self._since = (now - self._since) / max(count, 1), now
        self._size = max(2, min(BATCH, int(0.5 / max(each, 0.001))))


def _request(batch: list[Candidate], plan: Plan) -> dict[str, Any]:
    order = [*plan.goal, *plan.rest]
    return {
        "do": "screen",
        "batch": 0,
        "file": batch[0].program.filename,
        "candidates": [[number, _wire(candidate)] for number, candidate in enumerate(batch)],
        "goal": list(plan.goal),
        "rest": list(plan.rest),
        "cpu_s": [round(plan.cpu_s.get(test, 1.0) * plan.patience, 3) for test in order],
        "wall_s": plan.wall_s * plan.patience,
        "all": plan.keep_going,
    }


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
    test, why = _texts(stop, 2) if isinstance(stop, list) and len(stop) == 2 else ("", "forged")
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
        compared=_texts(message.get("compared"), 3),
    )


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 3600 else 0.0


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1_000_000 else 0


def _texts(value: object, most: int) -> tuple[str, ...]:
    """A list of strings, bounded; anything else in it is dropped."""
    if not isinstance(value, list):
        return ()
    return tuple(text[:2000] for text in value[:most] if isinstance(text, str))
