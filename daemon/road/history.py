"""Remembers which patches changed which file, to see oscillation before it happens.

One small JSONL file per target and file name, so looking back costs what that file's own patches
cost and not the whole trail. It can be lost without harm: the trail stays the record.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from audit.durable import make_folder, sync_folder
from daemon.road.moment import Moment, Uptime
from sandbox.patch import Hunk, Patch

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class PastEdit:
    """One applied hunk. `region` is the function it lay in, or "" for module level.

    `time` is RFC 3339; `boot` and `uptime_s` are the machine's start and the seconds since then.
    """

    patch_id: str
    time: str
    region: str
    original: str
    replacement: str
    boot: str = ""
    uptime_s: float = 0.0

    @property
    def moment(self) -> Moment:
        """When it was applied; a time that cannot be read is long ago."""
        try:
            wall = datetime.fromisoformat(self.time)
        except (ValueError, TypeError):
            wall = LONG_AGO
        wall = wall if wall.tzinfo else wall.replace(tzinfo=UTC)
        return Moment(wall=wall, uptime=Uptime(boot=self.boot, seconds=self.uptime_s))


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
        make_folder(path.parent)
        new = not path.exists()
        lines = "".join(json.dumps(asdict(edit)) + "\n" for edit in edits)
        with path.open("ab") as file:
            file.write(b"\n" * _is_torn(path) + lines.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(path.parent)

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
) -> str | None:
    """Why this patch must wait for a person, or None.

    It undoes an earlier edit, it repeats one (which therefore did not last), or it would be the
    `most`-th edit of a region or beyond.
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
    return None


def _undoes(hunk: Hunk, edit: PastEdit) -> bool:
    forward = (hunk.original.strip(), hunk.replacement.strip())
    return bool(any(forward)) and forward == (edit.replacement.strip(), edit.original.strip())


def _repeats(hunk: Hunk, edit: PastEdit) -> bool:
    same = (edit.original.strip(), edit.replacement.strip())
    return (hunk.original.strip(), hunk.replacement.strip()) == same
