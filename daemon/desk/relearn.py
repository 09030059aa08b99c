"""What an applied patch teaches, where a crash came before that was kept: history and recipe."""

import logging
from collections.abc import Mapping

from audit.certificate import load
from audit.durable import plain_name
from audit.errors import CertificateError
from daemon.apply import Applied
from daemon.changes.change import digests
from daemon.changes.rollback import saved_file
from daemon.desk.workshop import Workshop
from daemon.learning.gather import learn_late
from daemon.road.again import keep_edits
from reflections.store import Work
from sandbox.patch import Hunk, Patch, PatchError, patched

log = logging.getLogger("mendd.worker")
TEACHING = ("bug", "promotion")


def make_up_for_learning(
    work: Work, applied: Applied, target: str, shop: Workshop
) -> dict[str, str]:
    """Remember the patch unless it was; its recipe's id, for the archive.

    The history comes before the recipe, here as on the road: where it knows the patch, the win is
    counted or was lost in between, and is never counted twice.
    """
    try:
        certificate = load(shop.certificates / f"{plain_name(work.id)}.json")
        patch = Patch(hunks=tuple(Hunk(**each) for each in certificate.patch), rationale="")
        before = _before(applied, patch)
        after = patched(patch, before.get)
        if any(applied.after.get(name) != digest for name, digest in digests(after).items()):
            return {}  # the certificate is of another attempt
        new = not _remembered(applied.id, patch, target, shop)
        if new:
            keep_edits(applied.id, patch, lambda name: _text(before, name), target, shop)
    except (CertificateError, PatchError, OSError, TypeError) as error:
        log.warning("what %s teaches is not known any more: %s", applied.id, error)
        return {}
    if work.kind not in TEACHING:
        return {}
    recipe = learn_late(before, after, certificate.evidence, shop, win=new)
    return {"recipe": recipe} if recipe else {}


def _before(applied: Applied, patch: Patch) -> dict[str, bytes]:
    """The patched files as they were, by the backup. Raises OSError."""
    if applied.backup is None:
        raise OSError("it has no backup")
    return {name: saved_file(applied.backup, name).read_bytes() for name in patch.filenames}


def _remembered(change: str, patch: Patch, target: str, shop: Workshop) -> bool:
    edits = (edit for name in patch.filenames for edit in shop.history.edits(target, name))
    return any(edit.patch_id == change for edit in edits)


def _text(files: Mapping[str, bytes], name: str) -> str | None:
    data = files.get(name)
    return None if data is None else data.decode("utf-8", "replace")
