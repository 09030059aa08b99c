"""What the tests say about a case: which fail, what they run, and so where the fault may be."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.engines import Baseline
from daemon.engines.search.candidates import Area
from daemon.engines.search.choose import Failure, types_in
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.diagnose import Library
from daemon.engines.search.ingredients import constants_in, constants_of
from daemon.engines.search.localise import Seen, Suspicion, localise
from daemon.engines.search.program import FUNCTIONS, FunctionNode, Program
from daemon.engines.search.screening import Screener
from daemon.engines.search.wire import Plan
from sandbox.trial import Outcome

USUAL = frozenset({"0", "1", "-1", "2", "0.0", "1.0", "None", "True", "False", "''", "' '"})
MOST_FAILING = 60
MOST_PASSING = 300
MOST_AREAS = 14
SPECTRUM_CPU_S = 1.0
SPECTRUM_WALL_S = 6.0
SHORTEST_S = 0.02  # processor time below which a hang cannot be told from a slow start
QUICK_S = 0.05  # goal tests that take less are all run, to see which of them an edit helps
SLOW_FAILURE_S = 0.1  # a failing test that takes longer may be one that a time limit ended
FACTOR = 2.5  # on a test's own time: what a candidate may take for it
IMPORTED = 0.45  # suspicion of module-level code that a suspicious function reads


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The failing and the passing tests as the spectrum saw them."""

    failing: tuple[Seen, ...]
    passing: tuple[Seen, ...] = ()
    unseen: tuple[str, ...] = ()  # failing ids that could not be collected

    def running(self, filename: str, lines: range) -> tuple[Seen, ...]:
        """The failing tests that ran any of these lines of a file."""
        wanted = set(lines)
        return tuple(s for s in self.failing if wanted & s.lines.get(filename, frozenset()))


def watch_failing(screener: Screener, baseline: Baseline, deadline: Deadline) -> Evidence:
    """Run the failing tests under observation."""
    failing = [test for test in baseline.failing if test in set(screener.collected)][:MOST_FAILING]
    seen = screener.spectrum(
        failing, cpu_s=SPECTRUM_CPU_S, wall_s=SPECTRUM_WALL_S, deadline=deadline
    )
    known = set(screener.collected)
    return Evidence(
        failing=tuple(each for each in seen if each.failed),
        unseen=tuple(test for test in baseline.failing if test not in known),
    )


def watch_passing(
    screener: Screener,
    baseline: Baseline,
    evidence: Evidence,
    goal: Sequence[str],
    deadline: Deadline,
) -> Evidence:
    """Add the passing tests, those in the failing tests' own files first (bounded)."""
    known = set(screener.collected)
    files = {test.partition("::")[0] for test in goal}
    good = [
        t for t, outcome in baseline.outcomes.items() if outcome is Outcome.PASSED and t in known
    ]
    good.sort(key=lambda test: test.partition("::")[0] not in files)  # stable
    seen = screener.spectrum(
        good[:MOST_PASSING], cpu_s=SPECTRUM_CPU_S, wall_s=SPECTRUM_WALL_S, deadline=deadline
    )
    passing = tuple(each for each in seen if each.outcome == "passed")
    return Evidence(failing=evidence.failing, passing=passing, unseen=evidence.unseen)


def plan_of(
    goal: Sequence[str],
    own: Sequence[str],
    evidence: Evidence,
    files: set[str],
    durations: Mapping[str, float],
) -> Plan:
    """Failing tests first (the report's own before the others, each the cheapest first), then the
    passing ones that touch these files.

    A test may take several times what it took unpatched, so that a hang ends soon and a good
    candidate is not mistaken for one. `durations`: seconds of the baseline run (a busy machine
    makes them long, observation makes the spectrum's long; the shorter is nearer the truth).
    """
    seen = {each.test: each for each in (*evidence.failing, *evidence.passing)}

    def usually(test: str) -> float | None:
        known = seen.get(test)
        found = [known.seconds] if known and known.outcome in ("passed", "failed") else []
        found += [durations[test]] if durations.get(test, 60.0) < 30.0 else []
        return min(found, default=None)

    passing = [s for s in evidence.passing if files & set(s.lines)]
    usual = max((usually(s.test) or 0.0 for s in passing), default=0.005)
    most = max(SLOW_FAILURE_S, 10 * usual)
    times = {s.test: SHORTEST_S + FACTOR * (usually(s.test) or usual) for s in passing}
    for test in goal:
        time = usually(test)
        hung = time is None or time > most
        times[test] = SHORTEST_S + FACTOR * (usual if hung else max(time or 0.0, usual))

    def cheap(test: str) -> tuple[bool, float]:
        time = usually(test)
        return time is None, round(time or 0.0, 2)

    rest = sorted((s.test for s in passing), key=cheap)
    ordered = tuple(sorted(goal, key=lambda test: (test not in own, *cheap(test))))
    quick = len(goal) <= 6 and sum(usually(test) or 1.0 for test in goal) < QUICK_S
    wall = 2.0 + 3 * sum(times.get(test, 0.1) for test in (*ordered, *rest))
    return Plan(goal=ordered, rest=tuple(rest), cpu_s=times, wall_s=wall, keep_going=quick)


def suspicion_for(
    evidence: Evidence, goal: Sequence[str], library: Library, filename: str, function: str | None
) -> Suspicion:
    """Where the goal tests' fault may be; the reported function counts most."""
    near: dict[str, frozenset[int]] | None = None
    program = library.program(filename)
    if program is not None and function is not None and function in program.functions:
        node = outermost(program, program.functions[function])
        near = {filename: frozenset(range(node.lineno, (node.end_lineno or node.lineno) + 1))}
    failing = [seen for seen in evidence.failing if seen.test in set(goal)]
    found = localise(failing, evidence.passing, near=near)
    editable = set(library.files)
    return Suspicion(scores={p: s for p, s in found.scores.items() if p[0] in editable})


def areas_of(suspicion: Suspicion, library: Library, hints: tuple[str, ...]) -> list[Area]:
    """The functions with suspicious lines, the most suspicious first, and module code they read."""
    found: dict[tuple[str, int], Area] = {}
    for filename, line in suspicion.ranked():
        program = library.program(filename)
        function = function_at(program, line) if program else None
        if program is None or function is None or (filename, function.lineno) in found:
            continue
        last = function.end_lineno or function.lineno
        lines = suspicion.of_file(filename)
        found[filename, function.lineno] = Area(
            program=program,
            function=function,
            suspicion={n: s for n, s in lines.items() if function.lineno < n <= last},
            hints=hints,
        )
        if len(found) >= MOST_AREAS:
            break
    areas = list(found.values())
    return areas + [
        a for p in dict.fromkeys(a.program for a in areas) if (a := _module_area(p, areas, hints))
    ]


def _module_area(program: Program, areas: list[Area], hints: tuple[str, ...]) -> Area | None:
    """The module-level assignments that a suspicious function of the file reads."""
    read = {
        node.id
        for area in areas[:4]
        if area.program is program and area.function
        for node in ast.walk(area.function)
        if isinstance(node, ast.Name)
    }
    attributes = {
        node.attr
        for area in areas[:4]
        if area.program is program and area.function
        for node in ast.walk(area.function)
        if isinstance(node, ast.Attribute)
    }
    lines: dict[int, float] = {}
    for node in ast.walk(program.tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and program.function_of(node) is None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            if names & (read | attributes):
                last = node.end_lineno or node.lineno
                lines.update(dict.fromkeys(range(node.lineno, last + 1), IMPORTED))
    if not lines:
        return None
    return Area(program=program, function=None, suspicion=lines, hints=hints)


def import_areas(
    unseen: Sequence[str], messages: Mapping[str, str], library: Library
) -> list[Area]:
    """Where tests that could not even be imported say the fault is: the frames of their message."""
    from daemon.engines.search.diagnose import FRAME, PYTEST_FRAME, own_file

    lines: dict[str, dict[int, float]] = {}
    for test in unseen:
        text = messages.get(test, "")
        places = [(m[1], int(m[2])) for m in (*PYTEST_FRAME.finditer(text), *FRAME.finditer(text))]
        for path, line in places:
            filename = own_file(path, library.files)
            if filename:
                lines.setdefault(filename, {})[line] = 0.9
    found = []
    for filename, numbers in lines.items():
        program = library.program(filename)
        if program is not None:
            found.append(Area(program=program, function=None, suspicion=numbers))
    return found


def function_at(program: Program, line: int) -> FunctionNode | None:
    """The outermost function whose lines hold this one."""
    around = [
        node
        for node in program.functions.values()
        if node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return min(around, key=lambda node: node.lineno, default=None)


def outermost(program: Program, function: FunctionNode) -> FunctionNode:
    """The function that holds this one and is held by none."""
    around = [node for node in program.up(function) if isinstance(node, FUNCTIONS)]
    return around[-1] if around else function


def failure_of(
    evidence: Evidence, goal: Sequence[str], library: Library, note: str = ""
) -> Failure:
    """How the goal tests failed: loudly (exceptions, hangs) or with a wrong value.

    An exception that the module raises by itself is its own check. Neighbouring inputs may rightly
    end with it, so it is no symptom that a patch has to make go away.
    """
    failing = [seen for seen in evidence.failing if seen.test in set(goal)]
    quiet = [
        s for s in failing if s.outcome == "failed" and s.error in ("AssertionError", "Failed")
    ]
    checks = {s.error for s in failing if s.error and raised_on_purpose(s, library)}
    symptoms = {s.error for s in failing if s.error} - {"AssertionError", "Failed"} - checks
    expected = {kind for s in failing for kind in types_in((*s.compared, "", "", "")[2])}
    return Failure(
        symptoms=tuple(sorted(symptoms)),
        checks=tuple(sorted(checks)),
        expected=frozenset(expected),
        loud=not quiet,
        note=note,
    )


def raised_on_purpose(seen: Seen, library: Library) -> bool:
    """Whether the test ended at a `raise` statement of the module."""
    if not seen.frames:
        return False
    filename, line, _ = seen.frames[-1]
    program = library.program(filename)
    return program is not None and any(
        isinstance(node, ast.Raise) and node.lineno <= line <= (node.end_lineno or node.lineno)
        for node in ast.walk(program.tree)
    )


def hints_of(evidence: Evidence, goal: Sequence[str], note: str) -> tuple[str, ...]:
    """Constants from the failing tests' expected values, then from the note.

    Of the tests' values only the usual ones: a patch that brings in a test's own answer (`return
    'word 7'`) would pass without being a repair.
    """
    values = [
        value for seen in evidence.failing if seen.test in set(goal) for value in seen.compared[1:]
    ]
    expected = [text for text in constants_of(values) if text in USUAL]
    return tuple(dict.fromkeys([*expected, *constants_in(note)]))[:16]
