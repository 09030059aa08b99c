"""What was patched before: whether this patch comes again, too often, or undoes another.

Each answer is a reason to freeze the work for a person. Counted from what is durable: the files'
history, the archive of finished work and the trail.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from audit.recent import since
from daemon.road.history import PastEdit, oscillation
from daemon.road.locate import UnreadableSource, enclosing, parse
from daemon.road.moment import DAY_S, seconds_between
from daemon.road.proof import Proof
from reflections.store import Store, Work
from sandbox.patch import Hunk, Patch

if TYPE_CHECKING:
    from daemon.desk.workshop import Workshop
    from daemon.road.job import Job

Texts = Callable[[str], str | None]
MOST_RECORDS = 1_000
LONGEST_CHAIN = 1_000


def comes_again(patch: Patch, job: "Job") -> str | None:
    """Why history says that a person should look first, or None.

    A target with `region_edits` or `day_patches` 0 is worked on for a person who has looked
    (daemon/modifying/lane.py), or cannot go back and forth (daemon/prompting/lane.py).
    """
    target = job.target
    if target.day_patches:
        for name in patch.filenames:
            count = len(patched_today(name, job))
            if count >= target.day_patches:
                return f"{name} was already patched {count} times within a day"
    if not target.region_edits:
        return None
    earlier = patches_of_this_bug(job.work, job.shop.store)
    if len(earlier) >= target.bug_patches:
        names = ", ".join(earlier[-target.bug_patches :])
        return f"this failure was already patched {len(earlier)} times ({names}) and came back"
    past = {name: job.shop.history.edits(target.name, name) for name in patch.filenames}
    regions = {hunk: region(hunk, job.source.text) for hunk in patch.hunks}
    return oscillation(patch, regions, past, most=target.region_edits)


def patched_today(filename: str, job: "Job") -> set[str]:
    """The patches of this file in the last 24 hours, by the history.

    One that a crash kept out of it is in the trail, recorded after the crash.
    """
    shop, target = job.shop, job.target.name
    now, edits = shop.moment(), shop.history.edits(target, filename)
    recent = {edit.patch_id for edit in edits if seconds_between(edit.moment, now) < DAY_S}
    applied = since(shop.trail.path, now.wall - timedelta(days=1), {"applied"}, most=MOST_RECORDS)
    made_up_for = {
        str(record.data.get("patch"))
        for record in applied
        if record.data.get("recovered")
        and record.target == target
        and filename in record.data.get("files", ())
    }
    return recent | (made_up_for - {edit.patch_id for edit in edits})


def patches_of_this_bug(work: Work, store: Store) -> list[str]:
    """The finished works that patched this failure and did not mend it, oldest first."""
    patched: list[str] = []
    earlier = work.came_back_of
    for _ in range(LONGEST_CHAIN):
        kept = store.find_archived(earlier) if earlier else None
        if kept is None:
            break
        if kept["verdict"] == "applied":
            patched.append(str(kept["id"]))
        earlier = kept["work"].get("came_back_of")
    return patched[::-1]


def region(hunk: Hunk, text_of: Texts) -> str:
    """The function a hunk lies in, or "" for module level and files that cannot be parsed."""
    text = text_of(hunk.filename)
    if text is None:
        return ""
    try:
        function = enclosing(parse(text, hunk.filename), hunk.first_line)
    except UnreadableSource:
        return ""
    return function.name if function else ""


def remember(proof: Proof, job: "Job") -> None:
    """Put the applied hunks into the files' history."""
    keep_edits(job.patch_id, proof.patch, job.source.text, job.target.name, job.shop)


def keep_edits(patch_id: str, patch: Patch, text_of: Texts, target: str, shop: "Workshop") -> None:
    """The same for a patch whose job is gone; `text_of` a file says what it was before."""
    now = shop.moment()
    for name in patch.filenames:
        edits = [
            PastEdit(
                patch_id=patch_id,
                time=now.wall.isoformat(),
                boot=now.uptime.boot,
                uptime_s=now.uptime.seconds,
                region=region(hunk, text_of),
                original=hunk.original,
                replacement=hunk.replacement,
            )
            for hunk in patch.hunks
            if hunk.filename == name
        ]
        shop.history.remember(target, name, edits)
