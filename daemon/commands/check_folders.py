"""The doctor's look at what mendd keeps on disk: config, folders, space, store, trail, switch."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.commands.check_trail import trail_findings
from daemon.commands.finding import Finding, bad, ok, weak

if TYPE_CHECKING:
    from daemon.settings import Settings

SCARCE_MIB, TOO_LITTLE_MIB = 1024, 100
AREA = "state"


def folder_findings(settings: "Settings") -> Iterator[Finding]:
    """Everything about files and folders that are mendd's own."""
    count = len(settings.targets)
    yield ok("config", "configuration", f"{settings.file}, {count} target{'s' * (count != 1)}")
    yield _folder("folder", settings.state)
    yield _folder("inbox", settings.inbox_path)
    yield _space(settings.state)
    yield from _inside_a_target(settings)
    yield _kill_switch(settings)
    yield _service(settings)
    yield _store(settings)
    yield from trail_findings(settings)


def _folder(name: str, path: Path) -> Finding:
    """A folder of ours: there, or possible to make, writable, and not everybody's."""
    if not path.exists():
        parent = next(each for each in path.parents if each.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            return ok(AREA, name, f"{path} will be made when it is needed")
        return bad(
            AREA, name, f"{path} does not exist and cannot be made in {parent}",
            f"make it and give it to the user that runs mendd, or run as that user ({path})",
        )  # fmt: skip
    if not path.is_dir():
        return bad(AREA, name, f"{path} is no folder", "move it away, or name another folder")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return bad(
            AREA, name, f"{path} is not writable for this user",
            f"run as the user that owns it ({_owner(path)}), or change its owner",
        )  # fmt: skip
    if name == "folder" and stat.S_IMODE(path.stat().st_mode) & 0o002:
        return weak(
            AREA, name, f"everybody may write into {path}: orders and the store could be forged",
            f"chmod o-w {path}",
        )  # fmt: skip
    return ok(AREA, name, str(path))


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return f"uid {path.stat().st_uid}"


def _space(state: Path) -> Finding:
    there = next(each for each in (state, *state.parents) if each.exists())
    free = shutil.disk_usage(there).free >> 20
    shown = f"{free / 1024:.1f} GiB free" if free >= 1024 else f"{free} MiB free"
    remedy = "free some space on this file system; records, snapshots and backups go there"
    if free < TOO_LITTLE_MIB:
        return bad(AREA, "disk", f"only {shown} at {there}", remedy)
    if free < SCARCE_MIB:
        return weak(AREA, "disk", f"{shown} at {there}", remedy)
    return ok(AREA, "disk", shown)


def _inside_a_target(settings: "Settings") -> Iterator[Finding]:
    """State inside a target would be part of every snapshot and change it with every record."""
    for target in settings.targets:
        for name, path in (("folder", settings.state), ("inbox", settings.inbox_path)):
            if path.is_relative_to(target.path) and ".mendd" not in path.parts:
                yield bad(
                    AREA, name, f"{path} lies inside the target {target.name}",
                    "put it elsewhere, or call it .mendd, which is left out of snapshots",
                )  # fmt: skip


def _kill_switch(settings: "Settings") -> Finding:
    from daemon.killswitch import KillSwitch

    switch = KillSwitch(settings.kill_switch)
    if switch.on():
        said = switch.reason() or "no reason given"
        return weak(AREA, "kill switch", f"ON: {said}", "'mendd on' lifts it")
    return ok(AREA, "kill switch", f"not set ({switch.path})")


def _service(settings: "Settings") -> Finding:
    from daemon.desk.lock import held_by

    try:
        holder = held_by(settings.state / "service.lock")
    except OSError as error:
        return weak(
            AREA, "service", f"cannot be told: {error.strerror}", "run as the service's user"
        )
    if holder is None:
        remedy = "'mendd run', or 'systemctl start mendd'"
        return weak(AREA, "service", "not running: nothing is worked on by itself", remedy)
    return ok(AREA, "service", f"running ({holder})")


def _store(settings: "Settings") -> Finding:
    from reflections.errors import ReflectionsError
    from reflections.store import Store

    if not (settings.state / "store.json").exists():
        return ok(AREA, "store", "empty so far")
    store = Store(settings.state)
    try:
        return ok(AREA, "store", f"{len(store.all())} open")
    except (ReflectionsError, OSError) as error:
        return bad(AREA, "store", str(error), "see to the file it names")
    finally:
        store.close()
