"""A target without any test: a rule may go there all the same, and the record says what was run.

Nothing ran, and nothing claims that it did: the trial's ending is `no_tests`, the evidence `none`.
Prompt rules only; code is never changed like this.
"""

from daemon.engines import Feedback, Proposal
from daemon.road.baseline import UnusableBaseline
from daemon.road.ending import Ending
from daemon.road.job import Job
from daemon.road.proof import Goal, Proof
from daemon.road.settle import apply_proven, settle
from daemon.verdict import Evidence, Judgement
from sandbox.patch import Patch, PatchError, anchored, patched
from sandbox.trial import Ending as RunEnding


def has_tests(job: Job) -> bool:
    """Measure the baseline; False when the suite came to an end without a single test.

    Raises UnusableBaseline when there are tests and they cannot judge.
    """
    job.stage("baseline")
    try:
        job.measure_baseline()
    except UnusableBaseline as error:
        if error.ending is not RunEnding.NO_TESTS:
            raise
        return False
    return True


def settle_untested(answer: Proposal, job: Job) -> Ending | Feedback:
    """Every gate, and then the settling of a patch that no test can speak about."""
    job.proposed(answer)
    proof = unproven(answer.patch, job)
    return proof if isinstance(proof, Feedback) else settle(answer, proof, Goal(), job)


def approved_untested(patch: Patch, job: Job) -> Ending | Feedback:
    """A person approved it: on the file as it is now, through every gate, and applied."""
    try:
        proof = unproven(anchored(patch, job.source.read), job)
    except PatchError as error:
        return Feedback(patch=patch, reason=str(error))
    if isinstance(proof, Feedback):
        return proof
    return apply_proven(proof, Goal(), job.certified(proof), job)


def unproven(patch: Patch, job: Job) -> Proof | Feedback:
    """What stands for a proof where nothing can be run; a gate's refusal all the same."""
    refusal = job.gate(patch, Goal())
    if refusal:
        return job.refused(patch, refusal)
    job.go_without_tests()
    after = patched(patch, job.source.read)
    proof = Proof(
        patch=patch,
        before={name: job.source.read(name) for name in after},
        after=after,
        trial=job.baseline().run,
        removal=None,
        judgement=Judgement(
            accepted=True,
            evidence=Evidence.NONE,
            reason="the target has no tests: nothing was run",
        ),
        base_tree=job.bench.tree.hash,
        image=job.bench.image_id,
    )
    job.tried(proof)
    return proof
