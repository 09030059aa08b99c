"""What becomes of a proven patch: applied, held for a person, or frozen."""

from dataclasses import replace
from typing import TYPE_CHECKING

from audit.certificate import Certificate
from daemon.apply import (
    Applied,
    Change,
    ChangedMeanwhile,
    StoppedByKillSwitch,
    apply_change,
)
from daemon.checks.own_source import review_reason
from daemon.engines import Feedback, Proposal
from daemon.learning.gather import learn_from_applied
from daemon.road.again import comes_again, remember
from daemon.road.ending import Ending, Killed, Verdict
from daemon.road.live import stays_healthy, take_back
from daemon.road.message import commit_message
from daemon.road.proof import Goal, Proof, prove
from daemon.verdict import Evidence
from sandbox.patch import Patch, PatchError, anchored

if TYPE_CHECKING:
    from daemon.road.job import Job

MOST_REPEATS = 3  # trials repeated because somebody edits the module meanwhile


def settle(answer: Proposal, proof: Proof, goal: Goal, job: "Job") -> Ending | Feedback:
    """Decide by autonomy, ambiguity and history; apply only what nobody has to look at."""
    certificate = job.certified(proof)
    frozen = comes_again(proof.patch, job)
    if frozen:
        return held(proof, answer, frozen, Verdict.FROZEN, job)
    reason = needs_a_person(answer, proof, job)
    if reason == "explain":
        return Ending(verdict=Verdict.EXPLAINED, reason="autonomy is explain: nothing is applied")
    if reason:
        return held(proof, answer, reason, Verdict.HELD, job)
    return apply_proven(proof, goal, certificate, job)


def needs_a_person(answer: Proposal, proof: Proof, job: "Job") -> str | None:
    """Why the patch may not be applied by itself, or None.

    A failure that came back after a patch is trusted one step less than the target's autonomy.
    """
    autonomy, earlier = job.target.autonomy, job.work.came_back_of
    if autonomy == "explain":
        return "explain"
    own = review_reason(job.target.name, job.target.path)
    if own:
        return own
    if answer.rivals:
        return f"ambiguous: {1 + len(answer.rivals)} patches pass but behave differently"
    if answer.doubt:
        return f"doubtful: {answer.doubt}"
    if autonomy == "propose":
        return "autonomy is propose: every patch waits for a person"
    if earlier and autonomy == "apply-proven":
        return f"it came back: the patch for {earlier} did not hold, so a person looks at this one"
    if proof.judgement.evidence is Evidence.REGRESSION_ONLY and (
        autonomy != "apply-any" or earlier
    ):
        return "evidence is regression-only: no test fails without this patch"
    return None


def held(proof: Proof, answer: Proposal, reason: str, verdict: Verdict, job: "Job") -> Ending:
    """Keep the patch (and its rivals) with the reflection until a person decides."""
    job.hold(proof, answer.rivals)
    return Ending(verdict=verdict, reason=reason)


def apply_proven(
    proof: Proof, goal: Goal, certificate: Certificate, job: "Job"
) -> Ending | Feedback:
    """Change the real module, compare-and-swap; a file changed meanwhile repeats the trial."""
    job.stage("apply", ", ".join(proof.after))
    kept_tests = goal.extra if job.target.keep_reproduction_tests else {}
    change = Change(
        id=job.patch_id,
        root=job.target.path,
        before={**proof.before, **dict.fromkeys(kept_tests)},
        after={**proof.after, **kept_tests},
        message=commit_message(job.work, job.report, proof),
        branch=job.branch,
    )
    done = apply_change(
        change,
        mode=job.target.git,
        backups=job.shop.backups,
        journal=job.shop.journal,
        killed=job.shop.kill_switch.on,
    )
    if isinstance(done, StoppedByKillSwitch):
        raise Killed
    if isinstance(done, ChangedMeanwhile):
        return try_again(proof, goal, done, job)
    job.changes.append(done.id)
    job.applied(proof, done, certificate)
    remember(proof, job)
    learn_from_applied(proof, job)
    return watched(done, job)


def try_again(proof: Proof, goal: Goal, changed: ChangedMeanwhile, job: "Job") -> Ending | Feedback:
    """The file is not what was tested: take a new snapshot and prove the patch on that."""
    job.chronicle.write("changed_meanwhile", files=list(changed.files), reason=changed.reason)
    if not changed.again or job.refreshed >= MOST_REPEATS:
        job.hold(proof, ())
        return Ending(verdict=Verdict.HELD, reason=changed.reason)
    job.refresh()
    again = proven_now(proof.patch, goal, job)
    if isinstance(again, Feedback):
        return replace(again, reason=f"the file changed meanwhile: {again.reason}")
    if again.judgement.evidence is not proof.judgement.evidence:
        job.hold(again, ())
        reason = f"the module changed meanwhile, and now {again.judgement.reason}"
        return Ending(verdict=Verdict.HELD, reason=reason)
    return apply_proven(again, goal, job.certified(again), job)


def proven_now(patch: Patch, goal: Goal, job: "Job") -> Proof | Feedback:
    """A patch made earlier, on the module as it is now: anchored, through every gate, tried."""
    try:
        patch = anchored(patch, job.source.read)
    except PatchError as error:
        return Feedback(patch=patch, reason=str(error))
    refusal = job.gate(patch, goal)
    if refusal:
        return job.refused(patch, refusal)
    job.stage("trial", ", ".join(patch.filenames))
    proof = prove(patch, goal, job)
    job.tried(proof)
    if not proof.judgement.accepted:
        return Feedback(patch=patch, reason=proof.judgement.reason, run=proof.trial)
    return proof


def watched(done: Applied, job: "Job") -> Ending:
    """The live check: an unhealthy service gets its old code back.

    A commit on a branch of its own is not live, so nothing is restarted or watched for it.
    """
    if done.mode == "branch":
        return Ending(verdict=Verdict.APPLIED, reason=f"committed to {done.branch}")
    trouble = stays_healthy(job)
    if trouble is None:
        return Ending(verdict=Verdict.APPLIED, reason=f"applied to {', '.join(done.files)}")
    refused = take_back(done, trouble, job)
    if refused:
        reason = f"applied and not taken back: {trouble}; it still stands, as {refused}"
        return Ending(verdict=Verdict.FROZEN, reason=reason)
    return Ending(verdict=Verdict.REVERTED, reason=f"applied and taken back: {trouble}")
