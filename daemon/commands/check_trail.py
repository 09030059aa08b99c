"""The doctor's look at the trail's end, its signed checkpoints and the key that signs them.

Only the end, which every append builds on; the whole is `mendd audit verify`'s business.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.commands.finding import Finding, bad, ok, weak

if TYPE_CHECKING:
    from audit.checkpoint import Checkpoint
    from daemon.settings import Settings

AREA = "state"


def trail_findings(settings: "Settings") -> Iterator[Finding]:
    """The trail; where something was signed or will be, checkpoints and key."""
    from audit.errors import TrailError
    from audit.trail import Trail

    trail = Trail(settings.state / "audit" / "trail.jsonl")
    try:
        head = trail.head()
    except (TrailError, OSError) as error:
        yield bad(AREA, "trail", str(error), "'mendd audit verify' says where it breaks")
        return
    yield ok(AREA, "trail", f"{head[0]} records; 'mendd audit verify' checks them all")
    yield _checkpoints(settings, trail.path, head)
    if settings.audit.sign:
        yield _key(settings)


def _checkpoints(settings: "Settings", path: Path, head: tuple[int, str]) -> Finding:
    from audit.checkpoint import newest
    from daemon.trail import exported_file

    name, last = "checkpoints", newest(path)
    if last is not None and last.contradicts(head):
        return bad(
            AREA, name, f"the trail ends at record {head[0]} and is not the one that was signed "
            f"at record {last.count}", "'mendd audit verify' says what is gone; look for a backup",
        )  # fmt: skip
    if not settings.audit.sign:
        return ok(AREA, name, "switched off (audit.sign)")
    said, exported = _said(last), exported_file(settings)
    if exported is not None and last is not None and not exported.is_file():
        return weak(
            AREA, name, f"{said}, but {exported} is not there", "see what the worker's log says"
        )
    if exported or settings.audit.export_command:
        return ok(AREA, name, f"{said}, handed out")
    return ok(AREA, name, f"{said}; they stay here (audit.export hands them out)")


def _said(last: "Checkpoint | None") -> str:
    return f"signed up to record {last.count}, {last.time}" if last else "none signed yet"


def _key(settings: "Settings") -> Finding:
    """The key that would sign; looking makes none."""
    from audit.keys import BadKey, key_in
    from daemon.trail import key_file, own_key_file

    name, file = "signing key", key_file(settings, os.environ)
    try:
        key_in(file)
        mode = stat.S_IMODE(file.stat().st_mode)
    except FileNotFoundError:
        if file == own_key_file(settings):
            return ok(AREA, name, f"{file} will be made when it is needed")
        return bad(AREA, name, f"{file} is not there", "make it, or leave audit.key empty")
    except (BadKey, OSError) as error:
        return bad(AREA, name, str(error), "nothing is signed until it can be read")
    if mode & 0o077 and file.is_relative_to(settings.state):
        return weak(AREA, name, f"others may read {file}", f"chmod 600 {file}")
    return ok(AREA, name, str(file))
