"""From a stage to the target behind it: a patch that held on the stage, proven again where it goes.

A target with `stage_of` gets the patches first. What was applied there opens work of the kind
`promotion` for the other target, due after the quiet time; it goes the same road from the gates on.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from audit.certificate import Certificate, load
from audit.durable import plain_name
from audit.errors import CertificateError
from daemon.desk.workshop import Workshop
from daemon.engines import Feedback, Proposal
from daemon.road.certify import held_patch
from daemon.road.ending import Ending, Verdict
from daemon.road.job import Job
from daemon.road.settle import proven_now, settle
from daemon.settings import Settings, TargetSettings
from reflections.store import State, Work

KIND = "promotion"


def on_its_stage(work: Work, target: TargetSettings, settings: Settings) -> TargetSettings:
    """The stage of the target where it has one: notes about both are worked on there."""
    return stage_before(target, settings) or target


def stage_before(target: TargetSettings, settings: Settings) -> TargetSettings | None:
    """The target that is a stage of this one."""
    return next((each for each in settings.targets if each.stage_of == target.name), None)


def hands_on(work: Work, target: TargetSettings) -> bool:
    """Whether what was applied goes on to the target behind: a mended bug on a stage does.

    A branch of an instruction or an experiment is not live, so it has not held anywhere.
    """
    return bool(target.stage_of) and work.kind == "bug"


def open_promotion(work: Work, target: TargetSettings, shop: Workshop) -> None:
    """The patch that was applied on a stage becomes work for the target behind it.

    Called before the work on the stage is closed, and again after a crash in between: a second
    time it finds what was opened. The patch comes from the certificate, written before it landed.
    """
    now = shop.clock()
    kept = certified_patch(work.id, shop)
    due = now + timedelta(hours=target.promote_after_h)
    note = replace(
        work.reflection,
        id=f"{work.id}-{target.stage_of}",
        timestamp=now,
        target=target.stage_of,
        task_summary=f"promote {work.id} from {target.name} to {target.stage_of}",
        outcome=f"applied on {target.name} and kept for {target.promote_after_h:g} h",
    )
    reason = f"quiet time on {target.name}"
    data = {**kept, "stage": target.name, "of": work.id, "since": now.isoformat(), "reason": reason}
    data["target"] = target.stage_of
    with shop.store.batch():  # without its patch and its time it would be declined at once
        added = shop.store.add(note, kind=KIND, signature=f"promotion of {work.id}", now=now)
        if added.how == "new":
            shop.store.update(added.work, state=State.WAITING, not_before=due, data=data)
    id_ = added.work.id
    if any(shop.trail.records(reflection=id_, event="received")):
        return
    shop.trail.append(
        "received",
        reflection=id_,
        target=target.stage_of,
        data={"work": id_, "how": "promoted", "kind": KIND, "of": work.id,
              "due": due.isoformat(), "task_summary": note.task_summary},
    )  # fmt: skip


def certified_patch(id_: str, shop: Workshop) -> dict[str, Any]:
    """What `held_patch` reads, from the work's certificate; empty where that cannot be read."""
    try:
        proof = load(shop.certificates / f"{plain_name(id_)}.json")
    except (CertificateError, OSError):
        return {}
    return {
        "patch": {"rationale": f"applied as {id_}", "hunks": [dict(hunk) for hunk in proof.patch]},
        "tests": list(proof.target_tests),
        "reproduction": _written_test(proof),
        "engine": proof.engine,
        "model": proof.model or "",
    }


def _written_test(proof: Certificate) -> dict[str, str] | None:
    test = proof.reproduction_test
    return {**test, "explanation": "from the certificate"} if test else None


def promote(job: Job) -> Ending:
    """Take a patch that held on the stage to its verdict on the target behind it."""
    trouble = what_happened_since(job.work, job.shop)
    if trouble:
        return Ending(verdict=Verdict.DECLINED, reason=f"not promoted: {trouble}")
    kept = held_patch(job.work.data)
    if kept is None:
        return Ending(verdict=Verdict.DECLINED, reason="not promoted: its patch was not kept")
    patch, goal = kept
    job.engine_name = str(job.work.data.get("engine", ""))
    job.model = str(job.work.data.get("model", ""))
    job.stage("baseline")
    job.measure_baseline()
    answer = Proposal(patch=patch, explanation=f"held on {job.work.data.get('stage')}")
    job.proposed(answer)
    proof = proven_now(patch, goal, job)
    if isinstance(proof, Feedback):
        reason = f"it held on {job.work.data.get('stage')}, but not here: {proof.reason}"
        return Ending(verdict=Verdict.REJECTED, reason=reason)
    outcome = settle(replace(answer, patch=proof.patch), proof, goal, job)
    if isinstance(outcome, Feedback):
        return Ending(verdict=Verdict.REJECTED, reason=outcome.reason)
    return outcome


def what_happened_since(work: Work, shop: Workshop) -> str | None:
    """Why the patch did not hold on the stage, by the trail; None when it stands in quiet."""
    earlier = str(work.data.get("of", ""))
    applied = reverted = 0
    for record in shop.trail.records(reflection=earlier):
        applied = record.seq if record.event == "applied" else applied
        reverted = record.seq if record.event == "reverted" else reverted
    if not applied:
        return f"the trail does not show that {earlier} was applied"
    if reverted > applied:
        return f"{earlier} was taken back on {work.data.get('stage')}"
    for record in shop.trail.records(event="came_back"):
        if record.data.get("earlier") == earlier:
            return f"the failure that {earlier} mended came back"
    return None
