"""The last gate and the landing: the suite with every kept edit, then a commit on our own branch.

The certificate is made for all kept edits together, upon the snapshot: `mendd verify` replays the
session's result as one patch. Each edit is a commit of its own. Without git, or where a person
decides about everything, it waits for the end of the session as part of one held patch.
"""

from collections.abc import Mapping
from dataclasses import replace

from daemon.apply import (
    Applied,
    Change,
    ChangedMeanwhile,
    StoppedByKillSwitch,
    apply_change,
    forget,
)
from daemon.changes.gitrepo import find_repository
from daemon.checks.own_source import review_reason
from daemon.experiment.decide import close_iteration, with_edit
from daemon.experiment.lab import Lab
from daemon.experiment.overlay import as_one_patch
from daemon.experiment.session import Try
from daemon.learning.gather import learn_from_gain, recipe_of_gain
from daemon.road.baseline import UnusableBaseline
from daemon.road.ending import Killed
from daemon.road.message import harmless
from daemon.road.proof import Goal, Proof, prove
from daemon.show import one_line
from sandbox.patch import patched


def keep(lab: Lab) -> None:
    """Ask the suite, then land the confirmed edit; a commit that stands already is not repeated."""
    session, decision = lab.session, lab.session.decision
    assert decision and session.edit
    landed = lab.landed(change_id(lab))
    if landed:
        kept(lab, decision, str(landed["commit"]))
        return
    proof = suite_gate(lab)
    if isinstance(proof, Try):
        close_iteration(lab, proof)
        return
    done = committed(lab, proof) if commits(lab) else None
    kept(lab, decision, done.commit if done else None)
    if done:
        forget(lab.job.shop.journal, done.id)


def kept(lab: Lab, decision: Try, commit: str | None) -> None:
    """The edit stands; the next one builds on it. Learnt last: a crash counts no win twice."""
    words = decision.reason if commit else f"{decision.reason}; held until the session ends"
    recipe = recipe_of_gain(*sides(lab, decision), evidence(lab, decision))
    over = replace(decision, commit=commit, reason=words, recipe=recipe.id if recipe else "")
    close_iteration(lab, over, best=lab.session.candidate, tip=commit)
    if recipe:
        learn_from_gain(recipe, lab.job)


def sides(lab: Lab, decision: Try) -> tuple[dict[str, bytes | None], dict[str, bytes]]:
    """The files of the edit, before and after it."""
    after = patched(decision.edit.patch, lab.overlay.read)
    return {name: lab.overlay.read(name) for name in after}, after


def evidence(lab: Lab, decision: Try) -> str:
    """The edit's gain, in plain words."""
    direction = lab.session.plan.metric.direction
    return f"{direction} by {decision.gain:g}" if decision.gain is not None else "a gain"


def suite_gate(lab: Lab) -> Proof | Try:
    """The whole suite with everything that was kept and the edit, judged against the baseline."""
    session, job = lab.session, lab.job
    assert session.decision
    job.chronicle.attempt = session.decision.edit.iteration
    job.stage("suite", ", ".join(session.decision.edit.patch.filenames))
    try:
        job.baseline()
    except UnusableBaseline as error:
        return _refused(lab, f"the suite could not run, so nothing is kept: {error}", ran=False)
    proof = whole_proof(lab, with_edit(lab), session.decision.edit.hypothesis)
    job.tried(proof)
    if not proof.judgement.accepted:
        return _refused(lab, proof.judgement.reason)
    lab.save(replace(session, gates=session.gates.ran("suite")))
    return proof


def whole_proof(lab: Lab, changes: Mapping[str, bytes], rationale: str) -> Proof:
    """Everything that differs from the snapshot, tried as one patch."""
    return prove(as_one_patch(lab.snapshot, changes, rationale), Goal(), lab.job)


def commits(lab: Lab) -> bool:
    """Whether kept edits become commits: in a repository, where patches may be applied at all."""
    target = lab.job.target
    allowed = target.autonomy in ("apply-proven", "apply-any") and target.git != "plain"
    if not allowed or review_reason(target.name, target.path):
        return False
    return find_repository(target.path) is not None


def committed(lab: Lab, proof: Proof) -> Applied | None:
    """The edit as a commit upon the session's branch; None when git would not take it.

    Raises Killed, CannotApply.
    """
    job, session = lab.job, lab.session
    assert session.edit
    certificate = job.certified(proof)
    after = patched(session.edit.patch, lab.overlay.read)
    change = Change(
        id=change_id(lab),
        root=job.target.path,
        before={name: lab.overlay.read(name) for name in after},
        after=after,
        message=message(lab),
        branch=session.branch,
        onto=session.tip,
    )
    job.stage("keep", session.branch)
    done = apply_change(
        change,
        mode="branch",
        backups=job.shop.backups,
        journal=job.shop.journal,
        killed=job.shop.kill_switch.on,
    )
    if isinstance(done, StoppedByKillSwitch):
        raise Killed
    if isinstance(done, ChangedMeanwhile):
        job.chronicle.write("changed_meanwhile", files=list(done.files), reason=done.reason)
        return None
    job.chronicle.applied(
        proof,
        done,
        patch_id=done.id,
        certificate=certificate.hash,
        engine=session.edit.engine or "given",
        model=session.edit.model,
        spending=job.spending,
    )
    return done


def change_id(lab: Lab) -> str:
    """Names the change of the iteration under way, the same after an interruption."""
    assert lab.session.edit
    return f"{lab.job.short_id}-{lab.job.work.attempts}-{lab.session.edit.iteration}"


def message(lab: Lab) -> str:
    """Subject and body of the commit: what was gained, why, and by what evidence."""
    session = lab.session
    edit, decision, best, now = session.edit, session.decision, session.best, session.candidate
    assert edit and decision and best and now
    name, words = session.plan.metric.name, harmless(edit.hypothesis)
    subject = f"mendd: {name} {best.middle:g} -> {now.middle:g}: {one_line(words)}"
    runs = ", ".join(f"{value:g}" for value in now.values)
    body = (
        f"{words}\n\n"
        f"{name}: {best.middle:g} before, {now.middle:g} with it ({session.plan.metric.direction} "
        f"is better); runs: {runs}; noise: {decision.noise or 0:g}.\n"
        f"The suite passes as before."
    )
    return f"{subject[:72]}\n\n{body}\n\nMendd-Session: {lab.job.work.id}\n"


def _refused(lab: Lab, reason: str, *, ran: bool = True) -> Try:
    session = lab.session
    assert session.decision
    lab.save(replace(session, gates=session.gates.refused("suite", reason, ran=ran)))
    return replace(session.decision, outcome="refused", reason=f"suite: {reason}", gate="suite")
