"""Finds the test that fails now for the reported reason, or has the engine write one."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from daemon.engines import BugReport, EngineSession, Reproduction
from daemon.road.proof import Goal
from sandbox.trial import Ending, Outcome, Run

if TYPE_CHECKING:
    from daemon.road.job import Job

TRIES = 2
FAILS = (Outcome.FAILED, Outcome.ERROR)


def reproduce(session: EngineSession, report: BugReport, job: "Job") -> Goal:
    """The goal of the repair: a test of the suite, a written one, or none (regression only)."""
    named = failing_tests(report, job)
    if named:
        job.reproduced(named, how="already failing in the suite")
        return Goal(tests=named)
    feedback: str | None = None
    for _ in range(TRIES):
        written = session.reproduce(report, feedback)
        if written is None:
            break
        test = Reproduction(
            filename=test_filename(job), code=written.code, explanation=written.explanation
        )
        run = job.run({}, extra_tests={test.filename: test.code.encode()})
        failing = tuple(t for t in new_tests(run, job) if run.outcomes[t] is Outcome.FAILED)
        if failing and not unsteady(run, test, failing, job):
            job.reproduced(failing, how="written by the engine", test=test)
            return Goal(tests=failing, reproduction=test, before=run)
        feedback = complaint(run, job)
    return Goal()


def failing_tests(report: BugReport, job: "Job") -> tuple[str, ...]:
    """The failing tests the report or the note names; stable ones only."""
    failing = job.baseline().failing
    for name in (report.failing_test, job.reflection.test):
        if name:
            same = tuple(test for test in failing if names_test(name, test))
            if same:
                return same
    return ()


def names_test(name: str, test: str) -> bool:
    """Whether `name` (an id, a function, with or without parameters) means the test `test`."""
    bare = test.split("[", 1)[0]
    return test == name or bare == name or bare.endswith(("::" + name, "/" + name))


def test_filename(job: "Job") -> str:
    """Where the written test stands in the copy: beside the other tests."""
    tests = [PurePosixPath(test.split("::", 1)[0]) for test in job.baseline().outcomes]
    folders = sorted({str(path.parent) for path in tests if path.suffix == ".py"}, key=len)
    folder = folders[0] if folders else "."
    name = f"test_mendd_{job.short_id}.py"
    return name if folder == "." else f"{folder}/{name}"


def new_tests(run: Run, job: "Job") -> list[str]:
    """The ids in a run that the baseline does not know."""
    known = job.baseline().run.outcomes
    return [test for test in run.outcomes if test not in known]


def unsteady(run: Run, test: Reproduction, failing: tuple[str, ...], job: "Job") -> bool:
    """Whether the written test does not fail a second time."""
    again = job.run({}, only=failing, extra_tests={test.filename: test.code.encode()})
    return any(again.outcomes.get(name) is not Outcome.FAILED for name in failing)


def complaint(run: Run, job: "Job") -> str:
    """What to tell the engine about a test that reproduces nothing."""
    if run.ending is not Ending.FINISHED:
        return f"the run with your test ended {run.ending.value}: {run.output[-2000:]}"
    new = new_tests(run, job)
    if not new:
        return "pytest collected no test from your file; write functions named test_…"
    if any(run.outcomes[test] is Outcome.ERROR for test in new):
        errors = "\n".join(run.messages.get(test, "") for test in new)
        return f"your test did not run (an error, not a failed assertion):\n{errors[-2000:]}"
    return "your test does not fail reliably on the unpatched code; it must fail because of the bug"
