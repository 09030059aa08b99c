"""The unprivileged half: unpacks the tree, imports ahead, then does the one job it is sent.

Started by the harness as `python -c "… main()"`, so `__main__` holds nothing of ours. Modes:

    run         pytest with our plugin (plugin.py)
    command     any other test command (command.py)
    <name>      `mendd_guest.<name>.main(job, channel)`, for the search engine

The job's `files` (path -> base64) are written into the tree first; that needs a writable tree.
"""

from __future__ import annotations

import binascii
import importlib
import os
import sys
from typing import Any

from .channel import Channel
from .unpack import PACK, unpack

TREE = "/module"


def main(preload: list[str]) -> None:
    """Get ready (a container started ahead of time waits here), then do the job."""
    channel = Channel()
    if os.path.exists(PACK):
        unpack(PACK, TREE)
    os.chdir(TREE)
    sys.path[:] = [entry for entry in sys.path if entry not in ("", "/mendd")]
    for name in preload:
        warm_up(name)
    channel.send({"k": "ready"})
    job = channel.receive()
    if job is None:
        return
    write_files(job.pop("files", {}))
    channel.send({"k": "begun"})
    dispatch(job, channel)


def warm_up(name: str) -> None:
    """Import ahead what the job will need anyway; a target without it fails later, by name."""
    try:
        importlib.import_module(name)
    except ImportError:
        sys.modules.pop(name, None)


def write_files(files: dict[str, str]) -> None:
    """Put the changed files into the tree; a link in the way is replaced, not followed."""
    for path, text in files.items():
        full = os.path.join(TREE, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        mode = None
        if os.path.islink(full):
            os.unlink(full)
        elif os.path.exists(full):
            mode = os.stat(full).st_mode & 0o777
            os.unlink(full)
        with open(full, "wb") as file:
            file.write(binascii.a2b_base64(text))
        if mode is not None:
            os.chmod(full, mode)


def dispatch(job: dict[str, Any], channel: Channel) -> None:
    """Hand the job to its mode and end with the status that mode returns."""
    name = "plugin" if job["mode"] == "run" else job["mode"]
    try:
        module = importlib.import_module("." + name, __package__)
    except ImportError as fault:
        channel.send({"k": "missing", "m": str(fault)})
        os._exit(127)
    status: int | None = module.main(job, channel)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)
