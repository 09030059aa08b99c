"""Which failing tests a patch has to turn green."""

from collections.abc import Sequence

from daemon.engines import BugReport
from daemon.engines.search.diagnose import Library, functions_run, named_tests, read
from daemon.engines.search.examine import Evidence
from daemon.engines.search.localise import Seen
from reflections.reflection import Reflection


def own_tests(report: BugReport, failing: Sequence[str]) -> tuple[str, ...]:
    """The report's own test among the failing ones; several, when it is parametrised."""
    named = report.failing_test
    return tuple(test for test in failing if named and named in (test, test.partition("[")[0]))


def goal_of(
    report: BugReport, failing: Sequence[str], evidence: Evidence, library: Library
) -> tuple[str, ...]:
    """The failing tests that run the reported function; the report's own test first.

    Of very many failing tests only some were watched. The others count where they are the same
    test with other parameters.
    """
    if report.failing_test is None:
        return ()
    own = own_tests(report, failing)
    program = library.program(report.filename)
    function = program.functions.get(report.function or "") if program else None
    if function is None:
        return own
    lines = range(function.lineno + 1, (function.end_lineno or function.lineno) + 1)
    running = [seen.test for seen in evidence.running(report.filename, lines)]
    watched = {seen.test for seen in evidence.failing}
    alike = {test.partition("[")[0] for test in running if "[" in test}
    siblings = [t for t in failing if t not in watched and t.partition("[")[0] in alike]
    return tuple(dict.fromkeys([*own, *running, *siblings]))


def others_have_reasons(
    own: Sequence[str],
    goal: Sequence[str],
    reflection: Reflection,
    evidence: Evidence,
    library: Library,
) -> bool:
    """Whether the other failing tests may fail for reasons of their own.

    So it is when the note names the test it is about, or each of them runs a function that the
    report's own tests never enter. Otherwise a patch that leaves them red is no repair.
    """
    if set(own) <= set(named_tests(read(reflection, library), goal)):
        return True
    return run_code_of_their_own(own, goal, evidence, library)


def run_code_of_their_own(
    own: Sequence[str], goal: Sequence[str], evidence: Evidence, library: Library
) -> bool:
    """Whether each of the other failing tests runs a function that the own tests never enter.

    One that ends with the same exception at the same line as an own test is the same failure,
    whatever else it runs.
    """
    run = {seen.test: set(functions_run(seen.lines, library)) for seen in evidence.failing}
    ends = {seen.test: _end(seen, library) for seen in evidence.failing}
    mine = {function for test in own for function in run.get(test, ())}
    known = {ends.get(test) for test in own} - {None}
    return all(
        run.get(test, set()) - mine and ends.get(test) not in known
        for test in goal
        if test not in own
    )


def _end(seen: Seen, library: Library) -> tuple[str, str, int] | None:
    """The exception and the module's line it came from; None for a failed assertion of a test."""
    if not seen.frames or seen.frames[-1][0] not in library.files:
        return None
    filename, line, _ = seen.frames[-1]
    return seen.error, filename, line
