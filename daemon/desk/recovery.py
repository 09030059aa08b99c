"""Clears up after a crash or a kill: containers, half-done changes, unrecorded ones."""

import logging
from collections.abc import Collection

from audit.certificate import load
from audit.durable import plain_name
from audit.errors import CertificateError, TrailError
from daemon.apply import Applied, Recovered, recover
from daemon.changes.journal import open_changes
from daemon.desk.closing import Closing, announced, is_told, over, still_ends
from daemon.desk.finish import put_away, report_if_possible, settled
from daemon.desk.relearn import make_up_for_learning
from daemon.desk.workshop import Workshop
from daemon.modifying.summary import make_up_for_summary
from daemon.promote import hands_on, open_promotion
from daemon.road.chronicle import Chronicle
from daemon.road.naming import change_owner
from daemon.road.printed import kept_of
from daemon.settings import TargetSettings
from reflections.errors import ReflectionsError
from reflections.store import State, Work
from sandbox.errors import EngineUnavailable

LANDED = "landed"  # in a work's data: changes that an interruption kept from being recorded
REVERT = "-revert"  # daemon/apply.py ends the id of an inverse change with it
log = logging.getLogger("mendd.worker")


def settle_leftovers(shop: Workshop) -> None:
    """Settle every change, and remove the containers of a worker that is gone."""
    make_up_for_end(shop)
    settle_changes(shop)
    try:
        removed = shop.sandbox.sweep()
    except EngineUnavailable as error:
        log.warning("%s; leftover containers, if any, are removed once it answers", error)
        return
    if removed:
        log.warning("removed %d containers that were left over", removed)


def settle_changes(shop: Workshop) -> None:
    """Roll back what was half done, record what was done but not recorded.

    Works with the kill switch on: restoring the old code is what the switch asks for.
    """
    waiting = open_changes(shop.journal)
    if not waiting:
        return
    for found in recover(shop.journal):
        log.warning("after an interruption, %s: %s", found.id, found.what)
        if found.ending != "postponed":  # nothing happened, maybe for months
            make_up_for(found, taken_back=f"{found.id}{REVERT}" in waiting, shop=shop)


def half_done(work: Work, waiting: Collection[str]) -> bool:
    """Whether one of these open changes is of this work: nobody can say yet what it came to."""
    return any(change_owner(change, work.id) for change in waiting)


def make_up_for(found: Recovered, *, taken_back: bool, shop: Workshop) -> None:
    """Bring trail and store up to what the module is: nothing done goes without its record."""
    patch = found.id.removesuffix(REVERT)
    work = next((work for work in shop.store.all() if change_owner(patch, work.id)), None)
    reflection = work.id if work else reflection_of(patch, shop)
    shop.trail.append(
        "recovered",
        reflection=reflection,
        data={"change": found.id, "what": what_of(found, shop), "files": list(found.files)},
    )
    if found.ending != "finished" or found.applied is None or reflection is None:
        return
    reverting = found.id != patch
    event = "reverted" if reverting else "applied"
    record_once(event, found.applied, patch, reflection, shop)
    if work is None or taken_back:
        return
    if reverting:
        reason = "applied and taken back just before an interruption"
        kept = {name: value for name, value in work.data.items() if name != "applied"}
        kept |= {"reason": reason, "since": shop.clock().isoformat()}
        shop.store.update(work, state=State.FROZEN, attempts=work.attempts + 1, data=kept)
        return
    if goes_on(work):
        landed = {**work.data.get(LANDED, {}), found.id: found.applied.to_json()}
        shop.store.update(work, data={**work.data, LANDED: landed})
        return
    target = target_at(found.applied, shop)
    if target and hands_on(work, target):
        open_promotion(work, target, shop)
    reason = "applied just before an interruption; recorded after it"
    taught = make_up_for_learning(work, found.applied, target.name, shop) if target else {}
    make_up_for_report(work, target, reason, shop)
    shop.store.finish(
        work,
        verdict="applied",
        reason=reason,
        now=shop.clock(),
        extra={"applied": kept_of(found.applied), "target": work.reflection.target, **taught},
    )


def make_up_for_end(shop: Workshop) -> None:
    """An end that was announced comes about, as daemon/desk/finish.py would have had it."""
    closing = announced(shop.state)
    if closing is None:
        over(shop.state)
        return
    work = still_ends(closing, shop.store)
    if work:
        log.warning("%s had come to its end before an interruption: %s", work.id, closing.reason)
        try:
            bring_about(closing, work, shop)
        except (OSError, TrailError, ReflectionsError):
            raise
        except Exception:  # a defect of ours: that work is done again, and stops no other
            log.exception("the end of %s cannot be made up for", work.id)
            over(shop.state)
            return
    settled(closing, shop)


def bring_about(closing: Closing, work: Work, shop: Workshop) -> None:
    """Its record, if it has none, its report, and the store."""
    chronicle = Chronicle(shop.trail, work, closing.target)
    if not is_told(closing, shop.trail):
        chronicle.write(closing.event, **closing.told)
    chronicle.records = list(shop.trail.records(reflection=work.id))
    report_if_possible(chronicle, work.id, shop)
    put_away(closing, work, shop)


def make_up_for_report(
    work: Work, target: TargetSettings | None, reason: str, shop: Workshop
) -> None:
    """The report a person reads, and what an instruction's run came to."""
    chronicle = Chronicle(shop.trail, work, target.name if target else work.reflection.target)
    chronicle.records = list(shop.trail.records(reflection=work.id))
    make_up_for_summary(work, chronicle, reason)
    report_if_possible(chronicle, work.id, shop)


def goes_on(work: Work) -> bool:
    """Whether a change is only one step of this work, which takes it up from `landed`."""
    return work.kind == "experiment" and work.state not in (State.HELD, State.FROZEN)


def what_of(found: Recovered, shop: Workshop) -> str:
    """What happened; that nobody saw whether the service stayed healthy belongs to it."""
    live = found.applied if found.applied and found.applied.mode != "branch" else None
    target = target_at(live, shop) if live else None
    watched = target is not None and (target.on_applied or target.health)
    if not watched or found.id.endswith(REVERT):
        return found.what
    return f"{found.what}; its live check may not have come to an end"


def target_at(applied: Applied, shop: Workshop) -> TargetSettings | None:
    """The target whose module a change was made in."""
    targets = shop.settings.targets
    return next((each for each in targets if each.path.resolve() == applied.root), None)


def reflection_of(patch: str, shop: Workshop) -> str | None:
    """Whose patch it was, by the trail; for work that is archived already."""
    for record in shop.trail.records(event="applied"):
        if record.data.get("patch") == patch:
            return record.reflection
    return None


def record_once(event: str, done: Applied, patch: str, reflection: str, shop: Workshop) -> None:
    """Write the record that the interruption prevented, unless it was written."""
    known = shop.trail.records(reflection=reflection, event=event)
    if any(record.data.get("patch") == patch for record in known):
        return
    target = target_at(done, shop)
    shop.trail.append(
        event,
        reflection=reflection,
        target=target.name if target else None,
        data={
            "patch": patch,
            "files": list(done.files),
            "diff": done.diff,
            **(proof_data(reflection, shop) if event == "applied" else {}),
            "base_hash": done.base_hash,
            "result_hash": done.result_hash,
            "commit": done.commit,
            "branch": done.branch,
            "recovered": True,
        },
    )


def proof_data(reflection: str, shop: Workshop) -> dict[str, str | None]:
    """What the certificate, written before the change, says about the proof; and its hash."""
    try:
        kept = load(shop.certificates / f"{plain_name(reflection)}.json")
    except (CertificateError, OSError):
        return {"evidence": "unknown", "certificate": None}
    return {"evidence": kept.evidence, "certificate": kept.hash}
