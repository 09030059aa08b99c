"""Where the fault probably is: Ochiai over statements, sharpened by what else is known.

Ochiai (Abreu et al., 2006) of a line: ef / sqrt((ef + nf) * (ef + ep)), where ef and ep count the
failing and passing tests that ran it and nf the failing tests that did not. A line no failing test
ran cannot be where an edit helps, and gets nothing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

FLOOR = 0.35  # even the least suspicious line that a failing test ran may be the one
Place = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One test as the spectrum saw it."""

    test: str
    outcome: str  # passed, failed, timeout, crashed, skipped
    lines: Mapping[str, frozenset[int]]
    seconds: float = 0.0
    error: str = ""
    message: str = ""
    frames: tuple[tuple[str, int, str], ...] = ()  # file, line, function; innermost last
    compared: tuple[str, ...] = ()  # operator, left, right of the assertion that failed

    @property
    def failed(self) -> bool:
        """Whether it ended in any way but passing or being skipped."""
        return self.outcome not in ("passed", "skipped")


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """Scores from 0 to 1 by file and line."""

    scores: Mapping[Place, float] = field(default_factory=dict)

    def of_file(self, filename: str) -> dict[int, float]:
        """The lines of one file."""
        return {line: score for (name, line), score in self.scores.items() if name == filename}

    def ranked(self) -> list[Place]:
        """The most suspicious places first; then in the order of the code."""
        return sorted(self.scores, key=lambda place: (-self.scores[place], place))


def ochiai(failing: Sequence[Seen], passing: Sequence[Seen]) -> dict[Place, float]:
    """The plain formula.

    >>> bad = Seen(test="t", outcome="failed", lines={"m.py": frozenset({1, 2})})
    >>> good = Seen(test="u", outcome="passed", lines={"m.py": frozenset({1})})
    >>> {line: round(score, 2) for (_, line), score in ochiai([bad], [good]).items()}
    {1: 0.71, 2: 1.0}
    """
    bad, good = _counts(failing), _counts(passing)
    total = len(failing)
    return {
        place: count / math.sqrt(total * (count + good.get(place, 0)))
        for place, count in sorted(bad.items())
    }


def _counts(tests: Iterable[Seen]) -> dict[Place, int]:
    counts: dict[Place, int] = {}
    for test in tests:
        for filename, lines in test.lines.items():
            for line in lines:
                counts[filename, line] = counts.get((filename, line), 0) + 1
    return counts


def localise(
    failing: Sequence[Seen],
    passing: Sequence[Seen],
    *,
    near: Mapping[str, frozenset[int]] | None = None,
) -> Suspicion:
    """Ochiai raised to at least FLOOR, more where a traceback ended or a hang was interrupted.

    `near`: lines of the functions the note names, by file; lines elsewhere count half.
    """
    scores = {
        place: FLOOR + (1 - FLOOR) * score for place, score in ochiai(failing, passing).items()
    }
    for test in failing:
        inside = [frame for frame in test.frames if (frame[0], frame[1]) in scores]
        for depth, (filename, line, _) in enumerate(reversed(inside[-8:])):
            factor = 1.3 if depth == 0 else 1.1
            scores[filename, line] = min(1.0, scores[filename, line] * factor)
    if near:
        for filename, line in scores:
            if line not in near.get(filename, frozenset()):
                scores[filename, line] *= 0.5
    return Suspicion(scores=scores)
