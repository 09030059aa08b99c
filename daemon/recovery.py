"""Clears up after a crash or a kill: containers, half-done changes, unrecorded ones."""

import logging

from audit.certificate import load
from audit.errors import CertificateError
from daemon.apply import Applied, Recovered, recover
from daemon.job import change_owner
from daemon.workshop import Workshop
from reflections.store import Work
from sandbox.errors import EngineUnavailable

log = logging.getLogger("mendd.worker")


def settle_leftovers(shop: Workshop) -> None:
    """Roll back what was half done, record what was done but not recorded, remove containers.

    Works with the kill switch on: restoring the old code is what the switch asks for.
    """
    for found in recover(shop.journal):
        log.warning("after an interruption, %s: %s", found.id, found.what)
        make_up_for(found, shop)
    try:
        removed = shop.sandbox.sweep()
    except EngineUnavailable as error:
        log.warning("%s; leftover containers, if any, are removed once it answers", error)
        return
    if removed:
        log.warning("removed %d containers that were left over", removed)


def make_up_for(found: Recovered, shop: Workshop) -> None:
    """Bring trail and store up to what the module is: nothing done goes without its record."""
    owner = next((work for work in shop.store.all() if change_owner(found.id, work.id)), None)
    shop.trail.append(
        "recovered",
        reflection=owner.id if owner else None,
        data={"change": found.id, "what": found.what, "files": list(found.files)},
    )
    if found.ending != "finished" or found.applied is None or owner is None:
        return
    if found.id.endswith("-revert"):
        record_once("reverted", found.applied, owner, shop)
        return
    record_once("applied", found.applied, owner, shop)
    shop.store.finish(
        owner,
        verdict="applied",
        reason="applied just before an interruption; recorded after it",
        now=shop.clock(),
        extra={"applied": found.applied.to_json(), "target": owner.reflection.target},
    )


def record_once(event: str, done: Applied, owner: Work, shop: Workshop) -> None:
    """Write the record that the interruption prevented, unless it was written."""
    known = shop.trail.records(reflection=owner.id, event=event)
    if any(record.data.get("patch") == done.id for record in known):
        return
    shop.trail.append(
        event,
        reflection=owner.id,
        target=owner.reflection.target,
        data={
            "patch": done.id,
            "files": list(done.files),
            "diff": done.diff,
            "evidence": evidence_of(owner, shop),
            "base_hash": done.base_hash,
            "result_hash": done.result_hash,
            "commit": done.commit,
            "branch": done.branch,
            "recovered": True,
        },
    )


def evidence_of(owner: Work, shop: Workshop) -> str:
    """What the certificate, written before the change, says about the proof."""
    try:
        return load(shop.certificates / f"{owner.id}.json").evidence
    except (CertificateError, OSError):
        return "unknown"
