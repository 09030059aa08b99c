"""Whether an edit made the metric better: by more than the noise, and once more when repeated.

Every comparison is with the best so far. The repeated runs take turns with runs of the best so
far, so a machine that becomes slower or faster meanwhile moves both (daemon/experiment/noise.py
says what noise is).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.experiment.lab import Lab
from daemon.experiment.measure import measure
from daemon.experiment.noise import level, widest
from daemon.experiment.session import End, Level, Outcome, Sample, Session, Try
from sandbox.patch import patched

ROUNDING = 1e-9  # of the metric's own size


def compared(lab: Lab) -> Try | None:
    """The try as it ended; None when it is better and confirmed, and only gates are left."""
    session, sample = lab.session, lab.session.sample
    assert session.edit and sample and session.best
    metric = session.plan.metric
    if sample.trouble:
        return tried(session, "crashed", f"the run failed: {sample.trouble}")
    forged = _printed_oddly(session, sample)
    if forged:
        return _forged(lab, forged)
    value = sample.values[metric.name]
    gain = metric.gain(session.best.middle, value)
    noise = widest(session.baseline[metric.name], session.best)
    if gain <= _least(noise, session.best):
        return tried(session, "reverted", _no_gain(gain, noise), gain=gain, noise=noise)
    return confirmed(lab, value) or guarded(lab)


def confirmed(lab: Lab, first: float) -> Try | None:
    """Run the edit and the best so far in turn; None, with the decision kept, if it holds."""
    session, metric = lab.session, lab.session.plan.metric
    assert session.best
    edited, ours, theirs = with_edit(lab), [first], list[float]()
    for turn in range(1, session.plan.confirm_runs + 1):
        lab.job.stage("confirm", f"turn {turn} of {session.plan.confirm_runs}")
        again = measure(lab, edited, (metric,))
        if again.trouble:
            return tried(session, "crashed", f"a repeated run failed: {again.trouble}", again)
        if forged := _printed_oddly(session, again):
            return _forged(lab, forged)
        best = measure(lab, lab.overlay.changes, (metric,))
        if best.trouble:
            reason = f"the best so far cannot be run any more: {best.trouble}"
            lab.save(
                replace(session, gates=session.gates.refused("confirmation", reason, ran=False))
            )
            return tried(lab.session, "refused", reason, gate="confirmation")
        ours.append(again.values[metric.name])
        theirs.append(best.values[metric.name])
    before = session.best.middle
    candidate, rival = level(ours, matches=session.best.matches), level(theirs)
    gain = min(metric.gain(known, candidate.middle) for known in (rival.middle, before))
    few = max(_range(ours), _range(theirs))  # too few runs for a deviation
    noise = max(widest(session.baseline[metric.name], session.best), few)
    if gain <= _least(noise, session.best):
        reason = f"not confirmed when repeated: {_no_gain(gain, noise)}"
        lab.save(replace(session, gates=session.gates.refused("confirmation", reason)))
        return tried(lab.session, "reverted", reason, gain=gain, noise=noise, runs=candidate)
    reason = f"better by {gain:g}, which is more than the noise of {noise:g}; confirmed"
    decision = tried(session, "kept", reason, gain=gain, noise=noise, runs=candidate)
    gates = session.gates.ran("confirmation").ran("policy")
    lab.save(replace(session, decision=decision, candidate=candidate, gates=gates))
    return None


def guarded(lab: Lab) -> Try | None:
    """The other metrics of the baseline; a refused try when one became worse than its noise."""
    session = lab.session
    if not session.plan.guards:
        return None
    lab.job.stage("guards", ", ".join(each.name for each in session.plan.guards))
    edited, runs = with_edit(lab), session.plan.confirm_runs + 1
    samples = [measure(lab, edited, session.plan.guards) for _ in range(runs)]
    troubles = [s.trouble or _printed_oddly(session, s) for s in samples]
    reason = next((f"with the edit: {trouble}" for trouble in troubles if trouble), "")
    for guard in session.plan.guards if not reason else ():
        now = level([sample.values[guard.name] for sample in samples])
        was = session.baseline[guard.name]
        worse, noise = guard.gain(now.middle, was.middle), widest(was, now)
        if worse > noise:
            reason = f"{guard.name} is worse by {worse:g} ({was.middle:g}, now {now.middle:g})"
            break
    if reason:
        lab.save(replace(session, gates=session.gates.refused("metrics", reason)))
        return tried(lab.session, "refused", reason, gate="metrics", runs=session.candidate)
    lab.save(replace(session, gates=session.gates.ran("metrics")))
    return None


def close_iteration(
    lab: Lab, over: Try, *, best: Level | None = None, tip: str | None = None
) -> None:
    """Count the iteration: the try goes into the history, and the end is looked for."""
    session = replace(
        lab.session,
        tries=(*lab.session.tries, over),
        edit=None,
        sample=None,
        decision=None,
        candidate=None,
        next="edit",
        spent_usd=lab.spent_usd(),
        best=best or lab.session.best,
        tip=tip or lab.session.tip,
    )
    end = the_end(session)
    if end:
        session = session.ended(*end)
    now = session.best
    lab.note(
        session,
        "decide",
        iteration=over.edit.iteration,
        outcome=over.outcome,
        reason=over.reason,
        hypothesis=over.edit.hypothesis,
        value=over.value,
        best=now.middle if now else None,
        gain=over.gain,
        noise=over.noise,
        gate=over.gate or None,
        commit=over.commit,
        files=list(over.edit.patch.filenames),
        spent_usd=f"{session.spent_usd:.6f}",
        end=session.end or None,
    )


def the_end(session: Session) -> tuple[End, str] | None:
    """Whether the last try was the last there is, and why."""
    plan, tries = session.plan, session.tries
    if len(tries) >= plan.iterations:
        return "iterations", f"all {plan.iterations} iterations are done"
    last = tries[-plan.plateau :]
    if len(last) == plan.plateau and not any(each.outcome == "kept" for each in last):
        return "plateau", f"the last {plan.plateau} edits brought nothing that could be kept"
    return None


def with_edit(lab: Lab) -> Mapping[str, bytes]:
    """What a run of the edit changes in the snapshot."""
    assert lab.session.edit
    overlay = lab.overlay
    return {**overlay.changes, **patched(lab.session.edit.patch, overlay.read)}


def tried(
    session: Session,
    outcome: Outcome,
    reason: str,
    sample: Sample | None = None,
    *,
    gain: float | None = None,
    noise: float | None = None,
    gate: str = "",
    runs: Level | None = None,
) -> Try:
    """The iteration under way as one that is over."""
    shown = sample or session.sample
    assert session.edit
    value = shown.values.get(session.plan.metric.name) if shown else None
    return Try(
        edit=session.edit,
        outcome=outcome,
        reason=reason,
        value=runs.middle if runs else value,
        gain=gain,
        noise=noise,
        values=runs.values if runs else () if value is None else (value,),
        gate=gate,
        output=shown.output if shown and outcome == "crashed" else "",
    )


def _no_gain(gain: float, noise: float) -> str:
    if gain > 0:
        return f"better by {gain:g}, which is within the noise of {noise:g}"
    return f"worse by {-gain:g}" if gain < 0 else "no better: the metric is the same"


def _least(noise: float, best: Level) -> float:
    """What a gain has to pass: the noise, and what rounding alone can make of a number."""
    return max(noise, abs(best.middle) * ROUNDING)


def _range(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _printed_oddly(session: Session, sample: Sample) -> str:
    """Whether the edited code prints metrics of its own (the last one would count)."""
    for name, now in sample.matches.items():
        usual = session.baseline[name].matches
        if now != usual:
            return (
                f"the output holds {name} {now} times instead of {usual}: an edit may not print it"
            )
    return ""


def _forged(lab: Lab, reason: str) -> Try:
    lab.save(replace(lab.session, gates=lab.session.gates.refused("policy", reason)))
    return tried(lab.session, "refused", reason, gate="policy")
