"""The live check after a patch: tell the service, watch its health, take the patch back."""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from daemon.apply import Applied, CannotApply, Reverted, revert_change
from daemon.road.ending import Killed

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
        trouble = _trouble(target.on_applied, job)
        if trouble:
            return f"on_applied failed: {trouble}"
    if not target.health:
        return None
    job.stage("live check", f"health for {target.health_s:g} s")
    return _watch(job)


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
            if job.target.on_applied:
                _trouble(job.target.on_applied, job)
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
        trouble = _trouble(job.target.health, job)
        over = time.monotonic() >= deadline
        if trouble and (healthy or over):
            return f"health failed: {trouble}"
        healthy = trouble is None
        if over:
            return None
        if job.stop.wait(PAUSE_S):
            raise Killed


def _trouble(command: Sequence[str], job: "Job") -> str | None:
    """Run one of the operator's commands in the target's folder; its complaint, or None."""
    environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    try:
        with tempfile.TemporaryFile() as said:  # no pipe: a service it starts would hold that open
            done = subprocess.run(
                list(command),
                cwd=job.target.path,
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
    return f"{command[0]} ended with {done.returncode}: {words}" if done.returncode else None
