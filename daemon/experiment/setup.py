"""The start of a session: the evaluation is frozen, the unmodified code measured several times."""

from collections.abc import Sequence
from dataclasses import replace

from daemon.experiment.lab import Lab
from daemon.experiment.measure import measure
from daemon.experiment.noise import level
from daemon.experiment.policy import evaluation_files, evaluation_hash, policy_hash
from daemon.experiment.session import Level, Metric, Plan, Sample, Session
from daemon.road.baseline import UnusableBaseline
from sandbox.errors import ImageUnavailable
from sandbox.patch import PatchError


class SetupFailed(Exception):
    """No experiment can be made like this; says what to put right, and shows the output."""


def set_up(lab: Lab) -> None:
    """Measure baseline and noise, and the best so far where the module changed meanwhile.

    Raises SetupFailed when a metric cannot be read or a file may not be edited.
    """
    again = bool(lab.session.tree)
    if not again:
        frozen_plan(lab)
    lab.job.stage("setup", "the suite, before anything is changed")
    suite_is_there(lab)
    session = lab.session
    baseline = measured(lab, {}, session.plan.metrics)
    best = baseline[session.plan.metric.name]
    if session.kept:
        best = with_what_was_kept(lab)
    session = replace(session, baseline=baseline, best=best, tree=lab.job.bench.tree.hash)
    session = replace(session, next="edit", edit=None, sample=None, decision=None, candidate=None)
    name = session.plan.metric.name
    lab.note(
        session,
        "setup",
        metric=name,
        direction=session.plan.metric.direction,
        baseline=baseline[name].middle,
        noise=baseline[name].noise,
        runs=list(baseline[name].values),
        others={other: each.middle for other, each in baseline.items() if other != name},
        best=best.middle,
        policy=session.policy,
        suite_enforced=session.gates.enforced["suite"],
        reason=_words(session, again=again),
    )


def _words(session: Session, *, again: bool) -> str:
    name, best = session.plan.metric.name, session.best
    assert best
    level = session.baseline[name]
    words = f"{name} {level.middle:g}, noise {level.noise:g}, in {len(level.values)} runs"
    if not again:
        return words
    return f"measured anew, as the module changed: {words}; with what was kept {best.middle:g}"


def frozen_plan(lab: Lab) -> None:
    """Put the evaluation's files on the list of what is never edited; take the policy's hash."""
    job, plan = lab.job, lab.session.plan
    for name in plan.files:
        complaint = job.scope.complaint(name) if name in lab.snapshot.files else None
        if name not in lab.snapshot.files:
            complaint = f"{name} is no file of the target; name one that is, from its root"
        if complaint:
            raise SetupFailed(complaint)
    evaluation = evaluation_files(plan.metrics, lab.snapshot.files)
    own = [name for name in plan.files if name in evaluation]
    if own:
        raise SetupFailed(f"{', '.join(own)} is what measures; it cannot be edited as well")
    plan = replace(plan, frozen=tuple(dict.fromkeys((*map(rooted, evaluation), *plan.frozen))))
    lab.save(
        replace(
            lab.session,
            plan=plan,
            policy=policy_hash(plan, job.shop.settings),
            evaluation=evaluation_hash(plan.metrics, job.bench.tree),
            branch=f"mendd/research-{job.short_id}",
        )
    )


def rooted(name: str) -> str:
    """A glob that protects just this file."""
    from glob import escape

    return f"./{escape(name)}"


def suite_is_there(lab: Lab) -> None:
    """Measure the suite's own baseline; where it cannot judge, that is shown and nothing is kept.

    Raises SandboxError.
    """
    gates = lab.session.gates
    try:
        lab.job.measure_baseline()
        gates = replace(gates, enforced={**gates.enforced, "suite": True})
    except UnusableBaseline as error:
        gates = replace(gates, enforced={**gates.enforced, "suite": False})
        gates = replace(gates, last_reason=f"suite: it cannot judge: {error}")
    lab.save(replace(lab.session, gates=gates))


def with_what_was_kept(lab: Lab) -> Level:
    """The best so far, measured anew. Raises SetupFailed when it does not fit any more."""
    metric = lab.session.plan.metric
    try:
        changes = lab.overlay.changes
    except PatchError as error:
        raise SetupFailed(f"the module changed where edits were kept: {error}") from None
    return measured(lab, changes, (metric,))[metric.name]


def measured(lab: Lab, changes: dict[str, bytes], metrics: Sequence[Metric]) -> dict[str, Level]:
    """Each metric's level over several runs of the same code. Raises SetupFailed."""
    plan: Plan = lab.session.plan
    samples: list[Sample] = []
    for number in range(1, plan.noise_runs + 1):
        lab.job.stage("setup", f"run {number} of {plan.noise_runs}")
        try:
            sample = measure(lab, changes, metrics)
        except ImageUnavailable as error:  # what is to be run is not there at all
            words = str(error).replace("the tests", "the command of the metric", 1)
            raise SetupFailed(words) from None
        if sample.trouble:
            shown = sample.output.strip()[-2000:] or "(nothing)"
            raise SetupFailed(f"{sample.trouble}. The end of its output:\n{shown}")
        samples.append(sample)
    return {metric.name: _level(metric, samples) for metric in metrics}


def _level(metric: Metric, samples: Sequence[Sample]) -> Level:
    counts = {sample.matches[metric.name] for sample in samples}
    if len(counts) > 1:
        shown = ", ".join(map(str, sorted(counts)))
        raise SetupFailed(
            f"metric {metric.name}: the pattern matched {shown} times in runs of the same code; "
            "make it match as often in each"
        )
    return level([sample.values[metric.name] for sample in samples], matches=counts.pop())
