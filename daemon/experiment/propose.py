"""One edit for the next iteration: a caller's, or an engine's with the history in its ears.

Whoever proposes, the gates look at it before it costs a run: scope (the evaluation is frozen),
shape and policy.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from daemon.engines import BugReport, Declined, Engine, Feedback, NoPatch, Proposal
from daemon.engines.choose import engines_for, lacks_model
from daemon.experiment.explore import is_bold, task
from daemon.experiment.lab import Lab
from daemon.experiment.session import Edit, Session, Try
from daemon.experiment.tune import next_constant
from daemon.road.certify import diff_or_empty
from daemon.road.proof import Goal
from sandbox.patch import Hunk, Patch, PatchError, anchored

MOST_DIFF = 60_000  # characters kept of an edit's diff
MOST_REFUSED = 8_000  # likewise, of one that a gate refused


class NeedsModel(Exception):
    """Nobody is there who could propose an edit; says what to do."""


def propose(lab: Lab) -> Edit | Try:
    """An engine's edit, or the try that it already is when no gate lets it pass.

    Raises NeedsModel, EngineError, ReflectionBudgetSpent.
    """
    session = lab.session
    bold = is_bold(session.plan.seed, session.iteration, session.plan.epsilon)
    lab.job.task = task(session, bold=bold)
    shop = lab.job.shop
    lacking = lacks_model(lab.job.target.engine, shop.settings, shop.environ)
    if lacking:
        return tuned(lab, lacking)
    return asked(engines_for(lab.job)[0], lab, bold=bold)


def asked(engine: Engine, lab: Lab, *, bold: bool) -> Edit | Try:
    """What the model proposes; a refusal is fed back as often as the target has attempts."""
    job, feedback = lab.job, None
    refused: Edit | Try = _nothing(lab, "no attempt was made", bold=bold)
    metric = lab.session.plan.metric
    summary = f"{metric.name}: {metric.direction} is better"
    with lab.seen(), job.session(engine, "") as talk:
        report = BugReport(filename=_first_file(lab), function=None, summary=summary)
        for attempt in range(1, job.target.attempts + 1):
            job.stage("edit", f"{engine.name}, edit {lab.session.iteration}, proposal {attempt}")
            answer = talk.propose(report, feedback)
            if isinstance(answer, Declined | NoPatch):
                reason = f"{engine.name} proposed nothing: {answer.reason}"
                return _nothing(lab, reason, bold=bold)
            edit = _edit(answer.patch, lab, bold=bold, engine=engine.name, model=talk.model)
            refused = passed_gates(edit, lab, answer)
            if isinstance(refused, Edit):
                return refused
            feedback = Feedback(patch=answer.patch, reason=refused.reason)
    return refused


def given(hypothesis: str, hunks: Sequence[Hunk], lab: Lab) -> Edit | Try:
    """A caller's edit, through the same gates. Raises PatchError when its lines do not fit."""
    with lab.seen():
        patch = anchored(Patch(hunks=tuple(hunks), rationale=hypothesis), lab.overlay.read)
        return passed_gates(_edit(patch, lab), lab, Proposal(patch=patch))


def tuned(lab: Lab, lacking: str) -> Edit | Try:
    """Where there is no model: the next constant of the session's files. Raises NeedsModel."""
    with lab.seen():
        patch = next_constant(lab.session, lab.overlay) if lab.session.plan.files else None
        if patch is None:
            raise NeedsModel(
                f"{lacking}. Without one only constants of the session's files can be tuned, and "
                "none is left; or give the edit yourself: "
                "mendd research edit --hypothesis … --patch FILE"
            )
        return passed_gates(_edit(patch, lab, engine="search"), lab, Proposal(patch=patch))


def passed_gates(edit: Edit, lab: Lab, answer: Proposal) -> Edit | Try:
    """The edit, if every gate that needs no run lets it pass."""
    job = lab.job
    job.engine_name, job.model = edit.engine, edit.model
    job.chronicle.attempt = edit.iteration - 1
    job.proposed(answer)
    refusal = job.gate(edit.patch, Goal())
    if refusal is None:
        lab.save(replace(lab.session, gates=lab.session.gates.ran("policy")))
        return edit
    job.refused(edit.patch, refusal)
    reason = f"gate {refusal.gate}: {refusal.reason}"
    lab.save(replace(lab.session, gates=lab.session.gates.refused("policy", reason)))
    return Try(edit=shortened(edit), outcome="refused", reason=reason, gate="policy")


def shortened(edit: Edit) -> Edit:
    """A refused edit may be of any size; a huge one is not kept whole."""
    size = sum(len(hunk.original) + len(hunk.replacement) for hunk in edit.hunks)
    hunks = edit.hunks if size <= MOST_REFUSED else ()
    return replace(edit, hunks=hunks, diff=edit.diff[:MOST_REFUSED])


def _edit(patch: Patch, lab: Lab, *, bold: bool = False, engine: str = "", model: str = "") -> Edit:
    with contextlib.suppress(PatchError):  # the gate says in words what does not fit
        patch = anchored(patch, lab.overlay.read)
    return Edit(
        iteration=lab.session.iteration,
        hypothesis=patch.rationale.strip() or "no hypothesis was given",
        hunks=patch.hunks,
        diff=diff_or_empty(patch, lab.overlay)[:MOST_DIFF],
        bold=bold,
        engine=engine,
        model=model,
    )


def _nothing(lab: Lab, reason: str, *, bold: bool) -> Try:
    session: Session = lab.session
    words = "nothing was proposed"
    edit = Edit(iteration=session.iteration, hypothesis=words, hunks=(), diff="", bold=bold)
    return Try(edit=edit, outcome="refused", reason=reason)


def _first_file(lab: Lab) -> str:
    """Where to look first: the session's first file, else the first that may be edited."""
    if lab.session.plan.files:
        return lab.session.plan.files[0]
    editable = (name for name in lab.overlay.files if lab.overlay.may_edit(name))
    return next((name for name in editable if name.endswith(".py")), lab.overlay.files[0])
