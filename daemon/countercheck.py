"""What the target tests alone show: without the patch, and once more with it.

They have to fail again without it (the removal check), or something else made them pass; and to
pass again with it, or they are flaky. A test that fails with probability p and failed both times in
the baseline would prove a patch of no effect in p^3 (1-p) of all cases, at most 11 %; with the
second pass in p^3 (1-p)^2, at most 3.5 %.
"""

from collections.abc import Iterable, Mapping

from daemon.engines import Baseline
from daemon.reopened import BAD, GOOD, reopened
from sandbox.trial import Ending, Outcome, Run

CUT_OFF = frozenset({Ending.TIMED_OUT, Ending.OUT_OF_MEMORY, Ending.CRASHED, Ending.FLOODED})
MOST_SHOWN = 5


def removal_objection(
    targets: list[str], before: Mapping[str, Outcome], removal: Run | None
) -> str:
    """Why the removal check does not show that the patch made the difference, or nothing."""
    if removal is None:
        return "the removal check was not run, so nothing shows that the patch is what helped"
    if removal.ending is not Ending.FINISHED and removal.ending not in CUT_OFF:
        return f"the removal check cannot be judged: {removal.ending.value}{detail(removal)}"
    steady = [test for test in targets if _fails_again(test, removal)]
    if not any(before.get(test) not in GOOD for test in steady):
        return (
            f"the target test passes without the patch too: {named(targets)}; "
            f"the patch is not what made it pass (it is flaky, or fails only behind other tests)"
        )
    return ""


def unsteady(
    targets: list[str], before: Mapping[str, Outcome], removal: Run | None, reason: str
) -> tuple[str, ...]:
    """The targets that failed in the baseline and pass now, on the same unpatched tree."""
    if not reason or removal is None or removal.ending is not Ending.FINISHED:
        return ()
    now = removal.outcomes
    return tuple(test for test in targets if before.get(test) in BAD and now.get(test) in GOOD)


def flaky_objection(
    targets: list[str], before: Mapping[str, Outcome], baseline: Baseline, again: Run
) -> tuple[str, tuple[str, ...]]:
    """Why a second look at the patched target tests takes back what the trial showed, and which."""
    healed = reopened(before, again.outcomes, again, baseline.run.promised).healed
    wavering = tuple(
        test for test in targets if again.outcomes.get(test) not in GOOD and test not in healed
    )
    if not wavering:
        return "", ()
    ended = again.ending.value if again.ending is not Ending.FINISHED else ""
    how = ended or again.outcomes.get(wavering[0], Outcome.FAILED).value
    return (
        f"flaky: {named(wavering)} passed with the patch, and not when run again with the very "
        f"same patch ({how}), so it proves nothing; make the test come out the same each time"
    ), wavering


def _fails_again(test: str, removal: Run) -> bool:
    """Whether a target test fails without the patch: by itself, with its file, or by a cut-off."""
    outcome = removal.outcomes.get(test) or removal.outcomes.get(test.partition("::")[0])
    if outcome is None:
        return removal.ending in CUT_OFF
    return outcome in BAD or outcome is Outcome.XFAILED


def named(tests: Iterable[str]) -> str:
    """The first few ids, and how many more there are."""
    names = list(tests)
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return ", ".join(names[:MOST_SHOWN]) + more


def detail(run: Run) -> str:
    """Why a run ended as it did, in brackets; nothing when there is nothing to say."""
    return f" ({run.detail})" if run.detail else ""
