"""The live check after a patch: tell the service, watch its health, take the patch back."""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.apply import Applied, CannotApply, Reverted, revert_change
from daemon.learning.gather import lost
from daemon.road.ending import Killed
from daemon.settings import TargetSettings

if TYPE_CHECKING:
    from daemon.road.job import Job

COMMAND_S = 60.0
PAUSE_S = 1.0
MOST_OUTPUT = 2000
KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")


def stays_healthy(job: "Job") -> str | None:
    """Run `on_applied` once, then `health` until `health_s` has passed; the trouble, or None.

    A first failure of `health` is given until the end of the time to become a success, as a
    service needs a moment to restart; a failure after a success counts at once.
    """
    target = job.target
    if target.on_applied:
        job.stage("live check", "on_applied")
    trouble = tell_service(target)
    if trouble or not target.health:
        return trouble
    job.stage("live check", f"health for {target.health_s:g} s")
    return _watch(job)


def tell_service(target: TargetSettings) -> str | None:
    """Run `on_applied`, where there is one, so that the code as it is now is used; the trouble."""
    trouble = _trouble(target.on_applied, target.path) if target.on_applied else None
    return f"on_applied failed: {trouble}" if trouble else None


def take_back(done: Applied, trouble: str, job: "Job") -> str | None:
    """Restore the old code and tell the service again; why that cannot be is for a person."""
    try:
        result = revert_change(done, reason=trouble, journal=job.shop.journal, killed=never)
    except CannotApply as error:
        refused = str(error)
    else:
        if isinstance(result, Reverted):
            job.changes.append(result.id)
            job.chronicle.reverted(result, job.patch_id, trouble)
            lost(job.held_data, f"taken back: {trouble}", job.shop)
            tell_service(job.target)
            return None
        refused = result.reason
    job.chronicle.write("revert_refused", reason=refused, trouble=trouble)
    return refused


def never() -> bool:
    """Taking a patch back is not stopped by the kill switch: old code is what it asks for."""
    return False


def _watch(job: "Job") -> str | None:
    deadline = time.monotonic() + job.target.health_s
    healthy = False
    while True:
        job.shop.beacon.detail("healthy so far" if healthy else "not healthy yet")
        trouble = _trouble(job.target.health, job.target.path)
        over = time.monotonic() >= deadline
        if trouble and (healthy or over):
            return f"health failed: {trouble}"
        healthy = trouble is None
        if over:
            return None
        if job.stop.wait(PAUSE_S):
            raise Killed


def _trouble(command: Sequence[str], folder: Path) -> str | None:
    """Run one of the operator's commands in the target's folder; its complaint, or None."""
    environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    try:
        with tempfile.TemporaryFile() as said:  # no pipe: a service it starts would hold that open
            done = subprocess.run(
                list(command),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                timeout=COMMAND_S,
                start_new_session=True,  # or that service would end with this worker's group
                check=False,
            )
            said.seek(max(0, said.seek(0, os.SEEK_END) - MOST_OUTPUT))
            words = said.read(MOST_OUTPUT).decode("utf-8", "replace").strip()
    except subprocess.TimeoutExpired:
        return f"{command[0]} did not end within {COMMAND_S:g} s"
    except OSError as error:
        return f"{command[0]} could not be started: {error.strerror}"
    if done.returncode == 0:
        return None
    return f"{command[0]} ended with {done.returncode}" + (f": {words}" if words else "")
