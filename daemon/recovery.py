"""Clears up after a crash or a kill: containers, half-done changes, unrecorded ones."""

import logging

from daemon.apply import recover
from daemon.workshop import Workshop

log = logging.getLogger("mendd.worker")


def settle_leftovers(shop: Workshop) -> None:
    """Roll back what was half done and say so in the trail; remove containers of ours.

    Works with the kill switch on: restoring the old code is what the switch asks for. Needs no
    Docker engine; without one there are no containers to remove.
    """
    for found in recover(shop.journal):
        log.warning("recovered %s: %s", found.id, found.what)
        shop.trail.append(
            "recovered",
            data={"change": found.id, "what": found.what, "files": list(found.files)},
        )
    removed = shop.sandbox.sweep()
    if removed:
        log.warning("removed %d containers that were left over", removed)
