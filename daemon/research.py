"""THE STORY of experiments: one session, a turn at a time. Read it from the top.

The worker calls `research` again and again until the session is over; bugs come first in between.
Each turn begins at the step that is due, so a session that was killed anywhere goes on there, and
what it has come to is stored after every step. People and agents take the same steps one by one
(daemon/experiment/steps.py).
"""

from collections.abc import Callable
from dataclasses import replace
from glob import escape

from daemon.budget import ReflectionBudgetSpent
from daemon.experiment.decide import close_iteration, compared, with_edit
from daemon.experiment.finalize import finalize
from daemon.experiment.lab import Lab
from daemon.experiment.land import keep
from daemon.experiment.measure import measure
from daemon.experiment.policy import policy_complaint
from daemon.experiment.propose import NeedsModel, propose
from daemon.experiment.session import OVER, Edit, NoSession, Try, session_of
from daemon.experiment.setup import SetupFailed, set_up, suite_is_there
from daemon.road.ending import Ending, Verdict
from daemon.road.job import Job
from daemon.settings import Settings, TargetSettings
from reflections.store import State, Work


def research(job: Job) -> Ending:
    """One turn of a session that goes on by itself: the setup, one iteration, or the end."""
    with Lab(job) as lab:
        try:
            stand_on_firm_ground(lab)
            if lab.session.next == "setup":
                set_up(lab)
                return goes_on(lab)
            if lab.session.next not in OVER:
                somebody_judges(lab)
                one_iteration(lab)
        except Refused as refused:
            return waits(lab, str(refused))
        except NeedsModel as error:
            return waits(lab, str(error))
        except SetupFailed as error:
            lab.save(lab.session.ended("failed", str(error)))
        except ReflectionBudgetSpent as error:
            lab.save(lab.session.ended("budget", budget_words(error)))
        return finalize(lab) if lab.session.next in OVER else goes_on(lab)


def one_iteration(lab: Lab) -> None:
    """Edit, run, decide, keep or revert: from the step that is due to the next edit."""
    for step in (edit, run, decide):
        step(lab)


def edit(lab: Lab, proposed: Callable[[Lab], Edit | Try] = propose) -> None:
    """One hypothesis, one focused change; one that no gate lets pass is an iteration already.

    Raises NeedsModel, EngineError, ReflectionBudgetSpent.
    """
    if lab.session.next != "edit":
        return
    lab.job.stage("edit", f"{lab.session.iteration} of {lab.session.plan.iterations}")
    answer = proposed(lab)
    if isinstance(answer, Try):
        close_iteration(lab, answer)
        return
    lab.note(
        replace(lab.session, edit=answer, next="run", spent_usd=lab.spent_usd()),
        "edit",
        reason=answer.hypothesis,
        bold=answer.bold,
        engine=answer.engine or "given",
        model=answer.model,
        files=list(answer.patch.filenames),
        diff=answer.diff,
    )


def run(lab: Lab) -> None:
    """The metric's command on what was kept with the edit, once, within its time."""
    if lab.session.next != "run":
        return
    lab.job.stage("run", " ".join(lab.session.plan.metric.command))
    sample = measure(lab, with_edit(lab), (lab.session.plan.metric,))
    name = lab.session.plan.metric.name
    lab.note(
        replace(lab.session, sample=sample, next="decide"),
        "run",
        metric=name,
        value=sample.values.get(name),
        reason=sample.trouble or f"{name} {sample.values[name]:g}",
        crashed=bool(sample.trouble),
        seconds=sample.seconds,
        output=sample.output,
    )


def decide(lab: Lab) -> None:
    """Keep it if it is better by more than the noise, confirmed, and no gate objects."""
    if lab.session.next == "decide":
        over = compared(lab)
        if over:
            close_iteration(lab, over)
        else:
            lab.save(replace(lab.session, next="keep"))
    if lab.session.next == "keep":
        keep(lab)


class Refused(Exception):
    """Nothing may be done in this session as things are; says why."""


def stand_on_firm_ground(lab: Lab) -> None:
    """Go on only under the policy of the setup; where the module changed, measure anew.

    Raises Refused. A session at its end may be put away whatever changed.
    """
    session = lab.session
    if session.next in OVER or not session.policy:
        return
    complaint = policy_complaint(session, lab.job.shop.settings, lab.job.bench.tree)
    if complaint:
        gates = session.gates.refused("policy", complaint, ran=False)
        lab.note(replace(session, gates=gates), "refused", gate="policy", reason=complaint)
        raise Refused(complaint)
    if session.tree and session.tree != lab.job.bench.tree.hash and session.next != "keep":
        lab.save(replace(session, next="setup"))


def somebody_judges(lab: Lab) -> None:
    """No money is spent while nothing could be kept, as the suite cannot run. Raises Refused."""
    if lab.session.gates.enforced["suite"] is False:
        suite_is_there(lab)
    if lab.session.gates.enforced["suite"] is False:
        raise Refused(lab.session.gates.last_reason)


def budget_words(error: ReflectionBudgetSpent) -> str:
    """What the books say, with the session's own limit under its own name."""
    words = str(error).replace("this reflection", "this session")
    return words.replace("budget.reflection_usd", "its spend_usd")


def goes_on(lab: Lab) -> Ending:
    """One step of many was done."""
    session = lab.session
    reason = f"{len(session.tries)} of {session.plan.iterations} iterations, next: {session.next}"
    verdict = Verdict.UNDER_WAY if session.driving else Verdict.PAUSED
    return Ending(verdict=verdict, reason=reason)


def waits(lab: Lab, reason: str = "") -> Ending:
    """The session goes on only when somebody asks for it."""
    lab.save(replace(lab.session, driving=False))
    return Ending(verdict=Verdict.PAUSED, reason=reason or lab.session.gates.last_reason)


def lane(work: Work, target: TargetSettings, settings: Settings) -> TargetSettings | Ending:
    """The target with the session's files only, and its evaluation out of reach."""
    try:
        plan = session_of(work).plan
    except NoSession as error:
        return Ending(verdict=Verdict.FROZEN, reason=str(error))
    files = tuple(escape(name) for name in plan.files)
    target = replace(target, edit=files or target.edit, protect=(*target.protect, *plan.frozen))
    if work.state is not State.HELD:
        return target
    edits = max(1, len(session_of(work).kept))  # what is approved is all of them as one patch
    return replace(target, max_lines=target.max_lines * edits, max_files=target.max_files * edits)
