"""Remembers which patches changed which file, to see oscillation before it happens.

One small JSONL file per target and file name, so looking back costs what that file's own patches
cost and not the whole trail. It can be lost without harm: the trail stays the record.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.patch import Hunk, Patch

MOST_PER_DAY = 5  # patches of one file; more in a day means that mending does not hold


@dataclass(frozen=True, kw_only=True)
class PastEdit:
    """One applied hunk. `region` is the function it lay in, or "" for module level."""

    patch_id: str
    time: str
    region: str
    original: str
    replacement: str


class History:
    """The applied edits of all targets; one owner, the worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def edits(self, target: str, filename: str) -> list[PastEdit]:
        """What was applied to this file, oldest first; a torn last line is passed over."""
        edits = []
        try:
            lines = self._path(target, filename).read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        for line in lines:
            try:
                edits.append(PastEdit(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return edits

    def remember(self, target: str, filename: str, edits: Iterable[PastEdit]) -> None:
        """Append edits, durably."""
        path = self._path(target, filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(asdict(edit)) + "\n" for edit in edits)
        with path.open("ab") as file:
            file.write(b"\n" * _is_torn(path) + lines.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())

    def _path(self, target: str, filename: str) -> Path:
        digest = hashlib.sha256(filename.encode("utf-8", "surrogateescape")).hexdigest()
        return self._folder / target / f"{digest[:32]}.jsonl"


def _is_torn(path: Path) -> bool:
    """Whether a power cut left half a line at the end."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        return file.read(1) not in (b"", b"\n")


def oscillation(
    patch: Patch,
    regions: dict[Hunk, str],
    past: dict[str, list[PastEdit]],
    *,
    most: int,
    now: datetime,
) -> str | None:
    """Why this patch must wait for a person, or None.

    It undoes an earlier edit, it repeats one (which therefore did not last), it would be the
    `most`-th edit of a region or beyond, or its file was patched too often within a day.
    """
    for hunk in patch.hunks:
        edits = past.get(hunk.filename, [])
        region = regions[hunk]
        here = [edit for edit in edits if edit.region == region]
        undone = [edit for edit in here if _undoes(hunk, edit)]
        if undone:
            return f"it would undo patch {undone[-1].patch_id} in {hunk.filename}"
        repeated = [edit for edit in here if _repeats(hunk, edit)]
        if repeated:
            return f"it is the same as patch {repeated[-1].patch_id} in {hunk.filename}"
        same = {edit.patch_id for edit in here}
        if region and len(same) >= most:
            return f"{region} in {hunk.filename} was already patched {len(same)} times"
        since = (now - timedelta(days=1)).isoformat()
        today = {edit.patch_id for edit in edits if edit.time >= since}
        if len(today) >= MOST_PER_DAY:
            return f"{hunk.filename} was already patched {len(today)} times within a day"
    return None


def _undoes(hunk: Hunk, edit: PastEdit) -> bool:
    forward = (hunk.original.strip(), hunk.replacement.strip())
    return bool(any(forward)) and forward == (edit.replacement.strip(), edit.original.strip())


def _repeats(hunk: Hunk, edit: PastEdit) -> bool:
    same = (edit.original.strip(), edit.replacement.strip())
    return (hunk.original.strip(), hunk.replacement.strip()) == same
