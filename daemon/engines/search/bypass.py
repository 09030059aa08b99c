"""Patches that go round the statement that failed: with them nothing runs it any more.

Where a test ended with an exception nobody meant, at a statement that no passing test runs, the
fault is in that statement or before it. A patch that leaves the statement as it is and keeps every
failing test from reaching it has switched it off, not mended it: such patches pass weak tests
(Qi, Long, Achour, Rinard: "An analysis of patch plausibility and correctness", 2015). A guard is
another matter: other tests run the statement behind it with good values.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.choose import Camp, Choice
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.diagnose import Library
from daemon.engines.search.edits import hunks
from daemon.engines.search.examine import Evidence, raised_on_purpose
from daemon.engines.search.localise import Seen
from daemon.engines.search.program import Program
from daemon.engines.search.screening import Screener
from sandbox.patch import Hunk

NOT_MET = ("AssertionError", "Failed", "RecursionError", "MemoryError")
MOST_TESTS, MOST_CAMPS, MOST_MEMBERS = 6, 3, 8  # what is looked at: a fork each
CPU_S, WALL_S = 1.0, 3.0
PREFERRED = " A likelier one goes round the statement that failed, so that no test reaches it."


@dataclass(frozen=True)
class Statement:
    """Where failing tests ended; lines from 1, both ends included. A block's header alone."""

    filename: str
    first: int
    last: int

    def runs(self, seen: Seen) -> bool:
        """Whether a test ran any line of it."""
        return bool(set(range(self.first, self.last + 1)) & seen.lines.get(self.filename, set()))


def failed_statements(
    evidence: Evidence, goal: Sequence[str], library: Library
) -> tuple[Statement, ...]:
    """The statements at which goal tests ended by accident, and that no passing test runs."""
    found: dict[Statement, None] = {}
    for seen in evidence.failing:
        if seen.test not in goal or not seen.error or seen.error in NOT_MET or not seen.frames:
            continue
        filename, line, _ = seen.frames[-1]
        program = library.program(filename) if filename in library.files else None
        if program is not None and not raised_on_purpose(seen, library):
            found[_statement(program, line)] = None
    return tuple(s for s in found if not any(s.runs(good) for good in evidence.passing))


def _statement(program: Program, line: int) -> Statement:
    """The innermost statement that has this line; of a block its header."""
    around = [
        node
        for node in ast.walk(program.tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    if not around:
        return Statement(program.filename, line, line)
    node = max(around, key=lambda each: (each.lineno, -(each.end_lineno or each.lineno)))
    last = node.end_lineno or node.lineno
    if body := getattr(node, "body", None):
        last = max(node.lineno, body[0].lineno - 1)
    return Statement(program.filename, node.lineno, last)


def with_patch(statement: Statement, candidate: Candidate) -> Statement | None:
    """Where the statement stands in a guest that has the patch; None when the patch changes it.

    A guest compiles the top-level statement of the edit anew; lines behind that keep their numbers.
    """
    program = candidate.program
    if program.filename != statement.filename:
        return statement
    changed = hunks(program, candidate.edit)
    moved = sum(_growth(h) for h in changed if h.last_line < statement.first)
    around = [
        h for h in changed if h.first_line <= statement.last and h.last_line >= statement.first
    ]
    if around:
        return _kept(statement, program, around[0], moved) if len(around) == 1 else None
    whole = next(
        (n for n in program.tree.body if n.lineno <= candidate.edit.line <= (n.end_lineno or 0)),
        None,
    )
    if whole is None or not whole.lineno <= statement.first <= (whole.end_lineno or 0):
        return statement
    return Statement(statement.filename, statement.first + moved, statement.last + moved)


def _growth(hunk: Hunk) -> int:
    return hunk.replacement.count("\n") - (hunk.last_line - hunk.first_line + 1)


def _kept(statement: Statement, program: Program, hunk: Hunk, moved: int) -> Statement | None:
    """Where the statement stands within a hunk that says it again; None when it does not."""
    old = _plain(program.lines[statement.first - 1 : statement.last])
    new = _plain(hunk.replacement.split("\n"))
    for place in range(len(new) - len(old) + 1):
        if new[place : place + len(old)] == old:
            first = hunk.first_line + moved + place
            return Statement(statement.filename, first, first + len(old) - 1)
    return None


def _plain(lines: Sequence[str]) -> list[str]:
    return [line.strip() for line in lines]


def goes_round(
    screener: Screener,
    candidate: Candidate,
    statements: Sequence[Statement],
    goal: Sequence[str],
    deadline: Deadline,
) -> bool:
    """Whether with the patch no goal test reaches a statement that failed. Unknown: no."""
    placed = [with_patch(statement, candidate) for statement in statements]
    if not placed or None in placed:
        return False
    tests = goal[:MOST_TESTS]
    seen = screener.spectrum(
        tests, cpu_s=CPU_S, wall_s=WALL_S, deadline=deadline, candidate=candidate
    )
    if len(seen) < len(tests) or any(each.outcome != "passed" for each in seen):
        return False
    return not any(s is not None and s.runs(each) for s in placed for each in seen)


def straightened(choice: Choice, round_it: Callable[[Candidate], bool]) -> Choice:
    """The choice with patches that go round the failed statement behind those that do not."""

    def judged(camp: Camp) -> Camp:
        looked_at, rest = camp.members[:MOST_MEMBERS], camp.members[MOST_MEMBERS:]
        bad = [member for member in looked_at if round_it(member)]
        good = [member for member in looked_at if member not in bad]
        return replace(camp, members=(*good, *bad, *rest), goes_round=not good)

    camps = [judged(camp) for camp in choice.ranked[:MOST_CAMPS]]
    ranked = sorted(
        [*camps, *choice.ranked[MOST_CAMPS:]], key=lambda camp: (camp.faults, -camp.weight)
    )
    others = "" if ranked[0].best is choice.ranked[0].best else PREFERRED
    return replace(choice, ranked=tuple(ranked), reason=choice.reason + others)
