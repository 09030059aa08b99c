"""Outcomes before, with the patch, and with the patch taken out again -> accepted or not, and why.

Pure: no file, clock or container. A patch is accepted when nothing got worse and, where there is
a target test, that test went from failing to passing because of the patch and nothing else.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from daemon.engines import Baseline
from sandbox.trial import Ending, Outcome, Run

BAD = frozenset({Outcome.FAILED, Outcome.ERROR})
GOOD = frozenset({Outcome.PASSED, Outcome.XPASSED})
IDLE = frozenset({Outcome.SKIPPED, Outcome.XFAILED})
CUT_OFF = frozenset({Ending.TIMED_OUT, Ending.OUT_OF_MEMORY, Ending.CRASHED, Ending.FLOODED})
MOST_SHOWN = 5

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


def judge(
    baseline: Baseline,
    trial: Run,
    removal: Run | None,
    *,
    target_tests: Collection[str],
    reproduction: str | None = None,
    flaky: Collection[str] = (),
) -> Judgement:
    """Judge a trial against the baseline and the removal check.

    `target_tests`: the ids that shall turn from failing to passing; none means regression-only.
    `reproduction`: the file name (or id) of a test the engine wrote; its ids may be new.
    `removal`: those tests run without the patch; None is accepted only without target tests.
    `flaky`: ids to leave out of account, beside the baseline's own.
    """
    ignored = {*baseline.flaky, *flaky}
    before = {test: was for test, was in baseline.outcomes.items() if test not in ignored}
    now = {test: outcome for test, outcome in trial.outcomes.items() if test not in ignored}
    healed = frozenset(test for test in before if _collects_again(test, before, now))
    written = [test for test in now if _belongs(test, reproduction)]
    targets = _targets(target_tests, ignored, written)
    missed = [test for test in targets if not _passes(test, now, healed)]
    judgement = Judgement(
        accepted=False,
        evidence=Evidence.NONE,
        reason="",
        fixed=_fixed(before, now, healed, written, missed),
        broken=_broken(before, now, reproduction),
        vanished=_vanished(before, now, healed, trial, stopped=bool(missed)),
        newly_skipped=tuple(t for t, was in before.items() if was not in IDLE and _idle(t, now)),
        appeared=_appeared(now, baseline, healed, reproduction),
    )
    reason = _objection(judgement, trial, missed, before) or _nothing_to_judge_by(
        before, targets, now
    )
    if not reason and targets:
        reason = _removal_objection(targets, before, removal)
    if reason:
        return _replace(judgement, reason=reason)
    return _accepted(judgement, targets, reproduction, before)


def _targets(tests: Collection[str], ignored: set[str], written: list[str]) -> list[str]:
    """The tests the patch has to meet: the named ones, and all of the written file."""
    return list(dict.fromkeys([*(test for test in tests if test not in ignored), *written]))


def _objection(
    judgement: Judgement, trial: Run, missed: list[str], before: Mapping[str, Outcome]
) -> str:
    """The strongest reason against the trial, or nothing."""
    if trial.ending is not Ending.FINISHED:
        return f"{ENDED[trial.ending]}{_detail(trial)}"
    unread = [test for test in judgement.broken if test not in before]
    if unread:
        return f"with the patch this cannot be collected any more: {_named(unread)}"
    if judgement.broken:
        passed = all(before[test] in GOOD for test in judgement.broken)
        was = "passed" if passed else "did not fail"
        fail = "fails" if len(judgement.broken) == 1 else "fail"
        return (
            f"{_tests(judgement.broken)} that {was} before now {fail}: {_named(judgement.broken)}"
        )
    if missed:
        return f"the target test still does not pass: {_named(missed)}"
    if judgement.vanished:
        return f"{_tests(judgement.vanished)} vanished: {_named(judgement.vanished)}"
    if judgement.newly_skipped:
        return (
            f"{_tests(judgement.newly_skipped)} that ran before now skipped or expected to fail: "
            f"{_named(judgement.newly_skipped)}"
        )
    if judgement.appeared:
        return f"{_tests(judgement.appeared)} appeared with the patch: {_named(judgement.appeared)}"
    return ""


def _nothing_to_judge_by(
    before: Mapping[str, Outcome], targets: list[str], now: Mapping[str, Outcome]
) -> str:
    if targets or any(before.get(test) in GOOD for test in now):
        return ""
    return "no test passes and none was to be fixed: there is nothing to judge the patch by"


def _removal_objection(
    targets: list[str], before: Mapping[str, Outcome], removal: Run | None
) -> str:
    """Why the removal check does not show that the patch made the difference, or nothing."""
    if removal is None:
        return "the removal check was not run, so nothing shows that the patch is what helped"
    if removal.ending is not Ending.FINISHED and removal.ending not in CUT_OFF:
        return f"the removal check cannot be judged: {removal.ending.value}{_detail(removal)}"
    steady = [test for test in targets if _fails_again(test, removal)]
    if not any(before.get(test) not in GOOD for test in steady):
        return (
            f"the target test passes without the patch too: {_named(targets)}; "
            f"the patch is not what made it pass"
        )
    return ""


def _accepted(
    judgement: Judgement,
    targets: list[str],
    reproduction: str | None,
    before: Mapping[str, Outcome],
) -> Judgement:
    if not targets:
        reason = "nothing got worse, but no test shows that the patch helps"
        return _replace(judgement, accepted=True, evidence=Evidence.REGRESSION_ONLY, reason=reason)
    proven = any(test in before and not _belongs(test, reproduction) for test in targets)
    return _replace(
        judgement,
        accepted=True,
        evidence=Evidence.PROVEN if proven else Evidence.REPRODUCED,
        reason=f"{_named(targets)} failed before, passes with the patch and fails without it; "
        f"nothing else got worse",
    )


# -- one test at a time ------------------------------------------------------------------------


def _passes(test: str, now: Mapping[str, Outcome], healed: frozenset[str]) -> bool:
    return now.get(test) in GOOD or test in healed


def _fails_again(test: str, removal: Run) -> bool:
    """Whether a target test fails without the patch: by itself, with its file, or by a cut-off."""
    outcome = removal.outcomes.get(test) or removal.outcomes.get(test.partition("::")[0])
    if outcome is None:
        return removal.ending in CUT_OFF
    return outcome in BAD or outcome is Outcome.XFAILED


def _idle(test: str, now: Mapping[str, Outcome]) -> bool:
    return now.get(test) in IDLE


def _collects_again(test: str, before: Mapping[str, Outcome], now: Mapping[str, Outcome]) -> bool:
    """A file that could not be collected, and now holds tests of which none fails."""
    if "::" in test or before[test] is not Outcome.ERROR or test in now:
        return False
    inside = [outcome for name, outcome in now.items() if name.startswith(f"{test}::")]
    return bool(inside) and not any(outcome in BAD for outcome in inside)


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
    healed: frozenset[str],
    trial: Run,
    *,
    stopped: bool,
) -> tuple[str, ...]:
    """Known tests without an outcome. A run that a target test ended early still collected them."""
    gone = [test for test in before if test not in now and test not in healed]
    if stopped or trial.ending is not Ending.FINISHED:
        collected = frozenset(trial.collected)
        gone = [test for test in gone if collected and test not in collected]
    return tuple(gone)


def _appeared(
    now: Mapping[str, Outcome],
    baseline: Baseline,
    healed: frozenset[str],
    reproduction: str | None,
) -> tuple[str, ...]:
    known = {*baseline.outcomes, *baseline.flaky, *baseline.run.collected}
    return tuple(
        test
        for test in now
        if test not in known
        and test.partition("::")[0] not in healed
        and not _belongs(test, reproduction)
    )


# -- in words --------------------------------------------------------------------------------------


def _replace(
    judgement: Judgement, *, reason: str, accepted: bool = False, evidence: Evidence = Evidence.NONE
) -> Judgement:
    return dataclasses.replace(judgement, accepted=accepted, evidence=evidence, reason=reason)


def _tests(tests: Collection[str]) -> str:
    return "1 test" if len(tests) == 1 else f"{len(tests)} tests"


def _named(tests: Iterable[str]) -> str:
    names = list(tests)
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return ", ".join(names[:MOST_SHOWN]) + more


def _detail(run: Run) -> str:
    return f" ({run.detail})" if run.detail else ""
