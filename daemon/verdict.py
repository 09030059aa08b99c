"""Outcomes before, with the patch, and with the patch taken out again -> accepted or not, and why.

Pure: no file, clock or container. A patch is accepted when nothing got worse and, where there is
a target test, that test went from failing to passing because of the patch and nothing else.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from daemon.countercheck import detail, flaky_objection, named, removal_objection, unsteady
from daemon.engines import Baseline
from daemon.reopened import BAD, GOOD, Reopened, reopened
from sandbox.trial import Ending, Outcome, Run

IDLE = frozenset({Outcome.SKIPPED, Outcome.XFAILED})
MOST_SAID = 300
HUNG = "timed out after "  # how the failure of a test begins that did not end (guest/keeper.py)

ENDED = {
    Ending.TIMED_OUT: "the patched code did not come to an end within the time limit",
    Ending.OUT_OF_MEMORY: "the patched code used more memory than a trial has",
    Ending.FLOODED: "the patched code printed without end",
    Ending.FORGED: "the test report was tampered with",
    Ending.CRASHED: "the test process died",
    Ending.NO_TESTS: "no test was left to run",
}


class Evidence(StrEnum):
    """How well a patch is proven."""

    PROVEN = "proven"  # a test of the suite failed, passes with the patch, fails without it
    REPRODUCED = "reproduced"  # the same, with a test that the engine wrote
    REGRESSION_ONLY = "regression-only"  # nothing got worse, but no test shows that it helps
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict on one trial.

    `accepted` with REGRESSION_ONLY means only that nothing got worse; whether that is enough is
    for the target's autonomy to say. The tuples hold test ids in the order of the baseline.
    """

    accepted: bool
    evidence: Evidence
    reason: str
    fixed: tuple[str, ...] = ()  # failed before, pass with the patch
    broken: tuple[str, ...] = ()  # did not fail before, fail with the patch
    vanished: tuple[str, ...] = ()  # known before, gone with the patch
    newly_skipped: tuple[str, ...] = ()  # ran before, skipped or expected to fail now
    appeared: tuple[str, ...] = ()  # nobody knew them before
    flaky: tuple[str, ...] = ()  # target tests that come out otherwise each time


def judge(
    baseline: Baseline,
    trial: Run,
    removal: Run | None,
    *,
    target_tests: Collection[str],
    reproduction: str | None = None,
    flaky: Collection[str] = (),
    again: Run | None = None,
) -> Judgement:
    """Judge a trial against the baseline and the removal check.

    `target_tests`: the ids that shall turn from failing to passing; none means regression-only.
    `reproduction`: the file name (or id) of a test the engine wrote; its ids may be new.
    `removal`: those tests run without the patch; None is accepted only without target tests.
    `flaky`: ids to leave out of account, beside the baseline's own.
    `again`: those tests run once more with the patch; they have to pass again.
    """
    ignored = {*baseline.flaky, *flaky}
    before = {test: was for test, was in baseline.outcomes.items() if test not in ignored}
    now = {test: outcome for test, outcome in trial.outcomes.items() if test not in ignored}
    files = reopened(before, now, trial, baseline.run.promised)
    healed = files.healed
    written = [test for test in now if _belongs(test, reproduction)]
    targets = _targets(target_tests, ignored, written)
    missed = [test for test in targets if not _passes(test, now, healed)]
    judgement = Judgement(
        accepted=False,
        evidence=Evidence.NONE,
        reason="",
        fixed=_fixed(before, now, healed, written, missed),
        broken=_broken(before, now, reproduction),
        vanished=_vanished(before, now, files, trial, stopped=bool(missed)),
        newly_skipped=tuple(t for t, was in before.items() if was not in IDLE and _idle(t, now)),
        appeared=_appeared(now, baseline, files, reproduction),
    )
    reason = _objection(judgement, trial, missed, before, files) or _nothing_to_judge_by(
        before, targets, now
    )
    if not reason and targets:
        reason = removal_objection(targets, before, removal)
        judgement = replace(judgement, flaky=unsteady(targets, before, removal, reason))
    if not reason and targets and again is not None:
        reason, wavering = flaky_objection(targets, before, baseline, again)
        judgement = replace(judgement, flaky=wavering)
    if reason:
        return replace(judgement, reason=reason)
    return _accepted(judgement, targets, reproduction, before)


def _targets(tests: Collection[str], ignored: set[str], written: list[str]) -> list[str]:
    """The tests the patch has to meet: the named ones, and all of the written file."""
    return list(dict.fromkeys([*(test for test in tests if test not in ignored), *written]))


def _objection(
    judgement: Judgement,
    trial: Run,
    missed: list[str],
    before: Mapping[str, Outcome],
    files: Reopened,
) -> str:
    """The strongest reason against the trial, or nothing."""
    if trial.ending is not Ending.FINISHED:
        return f"{ENDED[trial.ending]}{detail(trial)}"
    unread = [test for test in judgement.broken if test not in before]
    if unread:
        return f"with the patch this cannot be collected any more: {named(unread)}"
    if judgement.broken:
        passed = all(before[test] in GOOD for test in judgement.broken)
        return _worse(judgement.broken, "passed" if passed else "did not fail", trial)
    if missed:
        why = files.why_not.get(missed[0]) or _hung(missed[0], trial)
        return f"the target test still does not pass: {named(missed)}" + (why and f" ({why})")
    if judgement.vanished:
        return f"{_tests(judgement.vanished)} vanished: {named(judgement.vanished)}"
    if judgement.newly_skipped:
        return (
            f"{_tests(judgement.newly_skipped)} that ran before now skipped or expected to fail: "
            f"{named(judgement.newly_skipped)}"
        )
    if judgement.appeared:
        return f"{_tests(judgement.appeared)} appeared with the patch: {named(judgement.appeared)}"
    return ""


def _worse(broken: tuple[str, ...], was: str, trial: Run) -> str:
    """The tests that fail now, those that do not end apart."""
    hung = [test for test in broken if _hung(test, trial)]
    fail = "fails" if len(broken) == 1 else "fail"
    if len(hung) < len(broken):
        more = f"; {_tests(hung)} of them did not end: {named(hung)}" if hung else ""
        return f"{_tests(broken)} that {was} before now {fail}: {named(broken)}{more}"
    end = "does not end" if len(hung) == 1 else "do not end"
    why = _hung(hung[0], trial)
    return f"{_tests(hung)} that {was} before now {end}: {named(hung)} ({why})"


def _hung(test: str, run: Run) -> str:
    """How long a test ran that did not end, and where it was; empty for any other failure."""
    message = run.messages.get(test, "")
    return message.partition("\n")[0][:MOST_SAID] if message.startswith(HUNG) else ""


def _nothing_to_judge_by(
    before: Mapping[str, Outcome], targets: list[str], now: Mapping[str, Outcome]
) -> str:
    if targets or any(before.get(test) in GOOD for test in now):
        return ""
    return "no test passes and none was to be fixed: there is nothing to judge the patch by"


def _accepted(
    judgement: Judgement,
    targets: list[str],
    reproduction: str | None,
    before: Mapping[str, Outcome],
) -> Judgement:
    if not targets:
        reason = "nothing got worse, but no test shows that the patch helps"
        return replace(judgement, accepted=True, evidence=Evidence.REGRESSION_ONLY, reason=reason)
    proven = any(test in before and not _belongs(test, reproduction) for test in targets)
    return replace(
        judgement,
        accepted=True,
        evidence=Evidence.PROVEN if proven else Evidence.REPRODUCED,
        reason=f"{named(targets)} failed before, passes with the patch and fails without it; "
        f"nothing else got worse",
    )


# -- one test at a time ------------------------------------------------------------------------


def _passes(test: str, now: Mapping[str, Outcome], healed: frozenset[str]) -> bool:
    return now.get(test) in GOOD or test in healed


def _idle(test: str, now: Mapping[str, Outcome]) -> bool:
    return now.get(test) in IDLE


def _belongs(test: str, reproduction: str | None) -> bool:
    if reproduction is None:
        return False
    return test == reproduction or test.startswith((f"{reproduction}::", f"{reproduction}["))


# -- all of them ---------------------------------------------------------------------------------


def _fixed(
    before: Mapping[str, Outcome],
    now: Mapping[str, Outcome],
    healed: frozenset[str],
    written: list[str],
    missed: list[str],
) -> tuple[str, ...]:
    failed = (
        test for test, was in before.items() if was not in GOOD and was is not Outcome.SKIPPED
    )
    suite = (test for test in failed if _passes(test, now, healed))
    return (*suite, *(test for test in written if test not in missed and test not in before))


def _broken(
    before: Mapping[str, Outcome], now: Mapping[str, Outcome], reproduction: str | None
) -> tuple[str, ...]:
    """Tests that did not fail before, and files that could be collected before."""
    tests = (test for test, was in before.items() if was not in BAD and now.get(test) in BAD)
    files = (
        test
        for test, outcome in now.items()
        if outcome is Outcome.ERROR and "::" not in test and test not in before
        if not _belongs(test, reproduction)
    )
    return (*tests, *files)


def _vanished(
    before: Mapping[str, Outcome],
    now: Mapping[str, Outcome],
    files: Reopened,
    trial: Run,
    *,
    stopped: bool,
) -> tuple[str, ...]:
    """Known tests without an outcome. A run that a target test ended early still collected them."""
    gone = [test for test in before if test not in now and test not in files.opened]
    if stopped or trial.ending is not Ending.FINISHED:
        collected = frozenset(trial.collected)
        gone = [test for test in gone if collected and test not in collected]
    return tuple(gone)


def _appeared(
    now: Mapping[str, Outcome],
    baseline: Baseline,
    files: Reopened,
    reproduction: str | None,
) -> tuple[str, ...]:
    known = {*baseline.outcomes, *baseline.flaky, *baseline.run.collected}
    return tuple(
        test
        for test in now
        if test not in known and not files.holds(test) and not _belongs(test, reproduction)
    )


# -- in words --------------------------------------------------------------------------------------


def _tests(tests: Collection[str]) -> str:
    return "1 test" if len(tests) == 1 else f"{len(tests)} tests"
