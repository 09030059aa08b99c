"""Proves a patch: one trial with it, its target tests without it and once more with it, judged.

With a test that an engine wrote, the suite runs once more without that test; where the patch
touches the target's actions, they are tried as well.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from daemon.engines import Baseline, Reproduction
from daemon.road.action_trial import action_faults
from daemon.road.ending import Killed
from daemon.verdict import Evidence, Judgement, judge
from sandbox.patch import Patch, patched, unified_diff
from sandbox.trial import Ending, Run

if TYPE_CHECKING:
    from daemon.road.job import Job


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a patch has to achieve: these tests, failing now, must pass with it."""

    tests: tuple[str, ...] = ()
    reproduction: Reproduction | None = None
    before: Run | None = None  # the run that showed a written test to fail

    @property
    def extra(self) -> Mapping[str, bytes]:
        """The written test as a file of the copy."""
        if self.reproduction is None:
            return {}
        return {self.reproduction.filename: self.reproduction.code.encode()}


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A patch beside what its trial showed, enough to judge it again without an engine."""

    patch: Patch
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes]
    trial: Run
    removal: Run | None
    judgement: Judgement
    base_tree: str
    image: str
    goal: Goal = field(default_factory=Goal)

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        return unified_diff(self.before, self.after)


def prove(patch: Patch, goal: Goal, job: "Job") -> Proof:
    """Run the patch and the checks of its target tests, side by side where slots allow it."""
    source = job.source
    after = patched(patch, source.read)
    with ThreadPoolExecutor(max_workers=3) as pool:
        tried = pool.submit(job.run, after, first=goal.tests, extra_tests=goal.extra)
        removed = pool.submit(target_tests, {}, goal, job) if goal.tests else None
        repeated = pool.submit(target_tests, after, goal, job) if goal.tests else None
        trial = tried.result()
        removal = removed.result() if removed else None
        again = repeated.result() if repeated else None
    if job.stop.is_set():
        raise Killed
    judgement = judge(
        job.baseline(),
        trial,
        removal,
        target_tests=goal.tests,
        reproduction=goal.reproduction.filename if goal.reproduction else None,
        again=again,
    )
    if goal.reproduction and judgement.accepted:
        judgement = unaided(judgement, job.baseline(), job.run(after))
    if judgement.accepted and (faults := action_faults(after, job)):
        judgement = refused(judgement, f"gate actions: {faults}")
    return Proof(
        patch=patch,
        before={name: source.read(name) for name in after},
        after=after,
        trial=trial,
        removal=removal,
        judgement=judgement,
        base_tree=job.bench.tree.hash,
        image=job.bench.image_id,
        goal=goal,
    )


def unaided(judgement: Judgement, baseline: Baseline, suite: Run) -> Judgement:
    """The judgement, unless the suite by itself objects to the patch.

    A written test runs in the suite's own process and no gate has seen it: what it replaces there
    can make tests pass that the patch breaks.
    """
    alone = judge(baseline, suite, None, target_tests=())
    if suite.ending is Ending.FINISHED and not (
        alone.broken or alone.vanished or alone.newly_skipped or alone.appeared
    ):
        return judgement
    return refused(alone, f"without the written test: {alone.reason}")


def refused(judgement: Judgement, reason: str) -> Judgement:
    """The judgement turned into a refusal."""
    return replace(judgement, accepted=False, evidence=Evidence.NONE, reason=reason)


def target_tests(changes: Mapping[str, bytes], goal: Goal, job: "Job") -> Run:
    """The target tests alone: without changes they have to fail again, with them to pass again.

    The second catches most tests that are flaky enough to fail both times in the baseline.
    """
    return job.run(changes, only=goal.tests, extra_tests=goal.extra)
