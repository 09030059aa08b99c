"""Carries out a person's orders on the same road: a held patch is proven again before it lands."""

import logging
from dataclasses import replace
from datetime import UTC, datetime

from audit.errors import TrailError
from daemon import learn
from daemon.apply import (
    Reverted,
    StoppedByKillSwitch,
    applied_from_json,
    forget,
    revert_change,
)
from daemon.changes.journal import open_changes
from daemon.desk.finish import OUTAGES, close_work, lasting
from daemon.desk.orders import Order, read_orders
from daemon.desk.pauses import end_pauses
from daemon.desk.recovery import half_done, settle_changes
from daemon.desk.workshop import Workshop
from daemon.engines import Feedback
from daemon.experiment.steps import carry_out as carry_out_step
from daemon.kinds import kind_of
from daemon.learning.gather import lost
from daemon.modifying.begin import begin as begin_modification
from daemon.modifying.begin import under_way
from daemon.prompting.begin import KIND as LEARNING
from daemon.prompting.lane import prompt_lane
from daemon.prompting.ordered import begin_learning
from daemon.prompting.untested import approved_untested, has_tests
from daemon.road.certify import held_patch
from daemon.road.ending import Ending, Killed, Verdict
from daemon.road.job import Job
from daemon.road.lanes import target_of
from daemon.road.live import tell_service
from daemon.road.proof import Goal
from daemon.road.settle import apply_proven, proven_now
from reflections.errors import ReflectionsError
from reflections.store import State, Work
from sandbox.patch import Patch

log = logging.getLogger("mendd.worker")
NOT_HELD = "nothing of that id is held; 'mendd status' lists what is"


def carry_out_orders(shop: Workshop) -> None:
    """Every order that waits, oldest first; an order goes once its outcome is recorded."""
    for path, order in read_orders(shop.state):
        if shop.stop.asked():
            return
        if isinstance(order, str):
            shop.trail.append("ordered", data={"file": path.name, "outcome": order})
        else:
            shop.beacon.work(order.id, None)
            shop.beacon.stage("order", f"{order.kind} {order.id}")
            settle_changes(shop)
            outcome = carried_out(order, shop)
            log.info("%s %s: %s", order.kind, order.id, outcome)
            shop.trail.append(
                "ordered",
                reflection=order.id,
                data={"order": order.kind, "by": order.by, "outcome": outcome},
            )
        path.unlink(missing_ok=True)


def carried_out(order: Order, shop: Workshop) -> str:
    """One order, whatever happens: one that cannot be obeyed now must not stop all other work.

    It is answered and gone; what it was about stays as it is, and it may be given again.
    """
    try:
        return carry_out(order, shop)
    except (Killed, TrailError, ReflectionsError):  # the order stays, for a worker that can
        raise
    except Exception as error:
        if shop.stop.asked():
            raise Killed from error
        expected = isinstance(error, OUTAGES)
        if not expected:
            log.exception("%s %s broke", order.kind, order.id)
        words = str(error) if expected else f"{type(error).__name__}: {error}"
        return f"could not be carried out: {words}; see to that and give the order again"


def carry_out(order: Order, shop: Workshop) -> str:
    """One order; its outcome in words."""
    if order.kind == "revert":
        return revert(order, shop)
    if order.kind == "resume":
        return end_pauses(order.by, shop)
    if order.kind == "modify":
        return begin_modification(order, shop)
    if order.kind == "learn":
        return begin_learning(order, shop)
    if order.kind == "research":
        return carry_out_step(order, shop)
    work = shop.store.get(order.id)
    if work and order.kind == "reject" and work == under_way(shop.store):
        return refuse(work, order, shop)
    if work is None or work.state not in (State.HELD, State.FROZEN):
        return already(work, order, shop) or NOT_HELD
    if half_done(work, open_changes(shop.journal)):
        return "a change of it is half done and is settled first; give the order again then"
    if order.kind == "approve" and came_of(order, work, shop):
        return f"{work.state.value}: {work.data.get('reason')}"
    if work.data.get("applied"):
        return keep(work, order, shop)
    if order.kind == "reject":
        return refuse(work, order, shop)
    return approve(work, order, shop)


def refuse(work: Work, order: Order, shop: Workshop) -> str:
    """What is held, or an instruction that waits, is not wanted."""
    close_work(work, Ending(verdict=Verdict.REJECTED, reason=refusal(order)), None, shop)
    return "rejected"


def refusal(order: Order) -> str:
    """Its reason."""
    return f"by {order.by}: {order.reason}"


def already(work: Work | None, order: Order, shop: Workshop) -> str:
    """What this order came to, if it was carried out just before a crash; "" if it was not."""
    kept = shop.store.find_archived(order.id) if work is None else None
    if kept is None:
        return ""
    if order.kind == "reject":
        return "rejected" if kept["reason"] == refusal(order) else ""
    ended = datetime.fromisoformat(kept["finished"])
    done = kept["verdict"] == Verdict.APPLIED and given_at(order) < ended <= shop.clock()
    return f"{kept['verdict']}: {kept['reason']}" if done else ""


def came_of(order: Order, work: Work, shop: Workshop) -> bool:
    """Whether the work stands as it does since this very approval, which a crash left here."""
    since = work.data.get("since")
    return since is not None and given_at(order) < datetime.fromisoformat(since) <= shop.clock()


def given_at(order: Order) -> datetime:
    """When; a time without a zone is UTC."""
    time = datetime.fromisoformat(order.time)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def keep(work: Work, order: Order, shop: Workshop) -> str:
    """A patch that stands because the live check could not take it back: it may stay, or may not.

    Approving lets it stay. Rejecting it would change no code, so that is not what a person wants.
    """
    if order.kind == "reject":
        return f"its patch stands; 'mendd revert {work.id}' takes it back, approving lets it stay"
    kept = {name: work.data[name] for name in ("applied", "target")}
    said = {"by": order.by, "choice": order.choice}
    shop.trail.append("approved", reflection=work.id, target=kept["target"], data=said)
    reason = f"it stays, by {order.by}"
    shop.store.finish(work, verdict="applied", reason=reason, now=shop.clock(), extra=kept)
    return f"applied: {reason}"


def approve(work: Work, order: Order, shop: Workshop) -> str:
    """Prove the held patch on the module as it is now, and apply it; or start the work afresh."""
    made_for = work.data.get("target", work.reflection.target)  # what the note says may fit others
    target = target_of(replace(work.reflection, target=made_for), shop.settings)
    if isinstance(target, str):
        return target
    if work.kind == LEARNING:  # only its lane may edit the prompt file
        lane = prompt_lane(work, target, shop.settings)
        if isinstance(lane, Ending):
            return lane.reason
        target = lane
    lane = kind_of(work).lane(work, target, shop.settings)
    if isinstance(lane, Ending):
        return f"still held: {lane.reason}"
    with Job(work, lane, shop) as job:
        return approve_with(job, order)


def approve_with(job: Job, order: Order) -> str:
    """The approval, with the module's present snapshot on the bench."""
    work, shop = job.work, job.shop
    kept = held_patch(work.data, order.choice)
    if kept is None and order.choice:
        return f"still held: there is no choice {order.choice}"
    job.chronicle.write("approved", by=order.by, choice=order.choice)
    if kept is None:
        shop.store.update(work, state=State.OPEN, data=lasting(work))
        return "no patch was held; the work starts afresh"
    ending = prove_and_apply(job, *kept)
    if isinstance(ending, Feedback):
        shop.store.update(work, data={**work.data, "reason": ending.reason})
        job.chronicle.write("held", reason=ending.reason)
        return f"still held: {ending.reason}"
    if work.kind == LEARNING and ending.verdict is Verdict.APPLIED:
        learn.approved(job)
    close_work(work, ending, job, shop)
    return f"{ending.verdict.value}: {ending.reason}"


def prove_and_apply(job: Job, patch: Patch, goal: Goal) -> Ending | Feedback:
    """The approved patch on today's module: applied if no gate objects and nothing gets worse."""
    job.engine_name = str(job.work.data.get("engine", ""))
    job.model = str(job.work.data.get("model", ""))
    job.chronicle.attempt = 1
    if job.work.kind == LEARNING and not has_tests(job):
        return approved_untested(patch, job)
    proof = proven_now(patch, goal, job)
    if isinstance(proof, Feedback):
        return proof
    return apply_proven(proof, goal, job.certified(proof), job)


def revert(order: Order, shop: Workshop) -> str:
    """Take an applied patch back; the history remembers, so that it does not come again."""
    work = shop.store.get(order.id)  # frozen, with a patch that could not be taken back
    kept = work.data if work else (shop.store.find_archived(order.id) or {}).get("extra", {})
    data = kept.get("applied")
    if not data:
        return "no applied patch of that id is known; 'mendd audit list --event applied' lists them"
    result = revert_change(
        applied_from_json(data),
        reason=order.reason or f"by {order.by}",
        journal=shop.journal,
        killed=shop.kill_switch.on,
    )
    if isinstance(result, StoppedByKillSwitch):
        raise Killed
    if not isinstance(result, Reverted):
        return f"not reverted: {result.reason}"
    shop.trail.append(
        "reverted",
        reflection=order.id,
        target=kept.get("target"),
        data={
            "patch": data["id"],
            "by": order.by,
            "reason": order.reason,
            "files": list(result.files),
            "commit": result.commit,
        },
    )
    lost(kept, f"taken back by {order.by}", shop)
    if work:
        reason = f"applied, and taken back by {order.by}"
        shop.store.finish(work, verdict="applied", reason=reason, now=shop.clock(), extra=kept)
    forget(shop.journal, result.id)
    target = shop.settings.target(kept.get("target"))
    trouble = tell_service(target) if target and result.applied else None
    return f"reverted; but {trouble}" if trouble else "reverted"
