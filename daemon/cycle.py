"""THE STORY: one reflection, from diagnosis to verdict. Read it from the top.

Every verb is one function, found below in the order it is called or in the file it is named
after. Docker, JSON, HTTP and retries do not show here. A patch that could not be tried raises
(sandbox, model, disk): the worker backs off and no attempt is used up. The other three kinds of
work (daemon/kinds.py) go the same way from `attempts` on.
"""

from collections.abc import Callable

from daemon.engines import (
    BugReport,
    Declined,
    Engine,
    EngineSession,
    Feedback,
    NoPatch,
    Proposal,
)
from daemon.engines.choose import engines_for
from daemon.road.ending import Ending, Verdict
from daemon.road.job import Job
from daemon.road.proof import Goal, Proof, prove
from daemon.road.reproduce import reproduce
from daemon.road.searched import keep_ending, known_ending
from daemon.road.settle import settle

Cycle = Callable[[EngineSession, Job], Ending]


def mend(job: Job) -> Ending:
    """Take one reflection to its verdict."""
    return in_turns(one_cycle, job)


def in_turns(cycle: Cycle, job: Job) -> Ending:
    """Measure what is there, then let engines take turns until one of them settles it."""
    job.stage("baseline")
    job.measure_baseline()
    job.warm_up()
    ending = Ending(verdict=Verdict.REJECTED, reason="no engine could work on it")
    for engine in engines_for(job):
        known = known_ending(engine, job)
        ending = known or with_fresh_starts(cycle, engine, job)
        if not ending.passes_on:
            break
        if not known:
            keep_ending(engine, ending, job)
    return ending


def with_fresh_starts(cycle: Cycle, engine: Engine, job: Job) -> Ending:
    """Let one engine try; when all its attempts failed it diagnoses them and starts afresh."""
    advice = job.hints
    ending = Ending(verdict=Verdict.REJECTED, reason="no attempt was made", passes_on=True)
    for _ in range(1 + job.target.cycles):
        with job.session(engine, advice) as session:
            ending = cycle(session, job)
            if not ending.failed_attempts:
                return ending
            job.stage("review", "reading its own failed attempts")
            advice = session.review(job.chronicle.words()) or ""
            job.chronicle.reviewed(advice)
        if not advice:
            return ending
    return ending


def one_cycle(session: EngineSession, job: Job) -> Ending:
    """Diagnose, reproduce, then look for a patch that is proven."""
    report = diagnose(session, job)
    if isinstance(report, Declined):
        return declined(report, job)
    job.stage("reproduce", report.summary)
    return attempts(session, report, reproduce(session, report, job), job)


def attempts(session: EngineSession, report: BugReport, goal: Goal, job: Job) -> Ending:
    """Propose and try until a patch is proven or attempts run out; each failure is fed back."""
    feedback: Feedback | None = None
    for attempt in range(1, job.target.attempts + 1):
        job.stage("propose", f"attempt {attempt} of {job.target.attempts}")
        answer = session.propose(report, feedback)
        if isinstance(answer, Declined):
            return declined(answer, job)
        if isinstance(answer, NoPatch):
            return nothing_found(answer, goal, job)
        outcome = try_out(answer, goal, job)
        if isinstance(outcome, Ending):
            return outcome
        feedback = outcome
    reason = (
        f"{job.target.attempts} attempts failed; the last: {feedback.reason if feedback else ''}"
    )
    return Ending(verdict=Verdict.REJECTED, reason=reason, passes_on=True, failed_attempts=True)


def diagnose(session: EngineSession, job: Job) -> BugReport | Declined:
    """What the engine makes of the note; a report that does not fit the module is no report."""
    job.stage("diagnose", session.model)
    report = session.diagnose()
    if isinstance(report, Declined):
        return report
    complaint = job.case.check_report(report)
    if complaint:
        return Declined(category="not_in_target", reason=complaint)
    job.reported(report)
    job.warm_up(report)
    return report


def try_out(answer: Proposal, goal: Goal, job: Job) -> Ending | Feedback:
    """Gates, trial, verdict; an accepted patch is settled, a refused one becomes feedback."""
    job.proposed(answer)
    refusal = job.gate(answer.patch, goal)
    if refusal:
        return job.refused(answer.patch, refusal)
    job.stage("trial", ", ".join(answer.patch.filenames))
    proof: Proof = prove(answer.patch, goal, job)
    job.tried(proof)
    if proof.judgement.flaky:
        return Ending(verdict=Verdict.REJECTED, reason=proof.judgement.reason)
    if not proof.judgement.accepted:
        return Feedback(patch=answer.patch, reason=proof.judgement.reason, run=proof.trial)
    return settle(answer, proof, goal, job)


def declined(answer: Declined, job: Job) -> Ending:
    """A respected end: nothing here that should be mended."""
    reason = f"{answer.category}: {answer.reason}"
    return Ending(verdict=Verdict.DECLINED, reason=reason, passes_on=True)


def nothing_found(answer: NoPatch, goal: Goal, job: Job) -> Ending:
    """No patch: closed when there was a test to meet, held for a person when there was none."""
    job.suspects(answer)
    verdict = Verdict.REJECTED if goal.tests else Verdict.HELD
    return Ending(verdict=verdict, reason=answer.reason, passes_on=True)
