"""Runs a command of mendd as a process of its own, for an action that works on a target.

What such an action starts (containers, a model's answer, a commit) outlives the agent that asked
for it: a session that ends, or a client that dies, leaves no half-done work behind, and no signal
or crash of it reaches the session.
"""

import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from daemon.actions.action import ActionError
from daemon.actions.caller import Caller

MOST_BYTES = 16 << 20  # of a command's JSON document
LINES_KEPT = 20
LINE = 500  # characters of one line of its progress


def run_command(arguments: Sequence[str], caller: Caller) -> Any:
    """Run `mendd ARGUMENTS --json`; its JSON document. What it says meanwhile is progress.

    Raises ActionError with the command's own message when it gives no document.
    """
    if any("\0" in argument for argument in arguments):
        raise ActionError("a text in it holds the character NUL; send it again without")
    argv = [*program(), "--config", str(caller.settings.file), *arguments]
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    said: deque[str] = deque(maxlen=LINES_KEPT)
    listener = threading.Thread(
        target=_listen, args=(process.stderr, said, caller.progress), daemon=True
    )
    listener.start()
    with process.stdout:
        data = process.stdout.read(MOST_BYTES + 1)
    code = process.wait()
    listener.join(timeout=5)
    return _document(data, code, "\n".join(said))


def program() -> list[str]:
    """How mendd is started. `-P` keeps the current folder off its import path.

    An agent's client starts a server wherever it likes; see `default_command` in
    daemon/supervision/crew.py.
    """
    home = str(Path(__file__).resolve().parents[2])
    installed = any(os.path.realpath(entry) == home for entry in sys.path[1:])
    return [sys.executable, *(["-P"] if installed else []), "-m", "daemon.cli"]


def _listen(stream: IO[bytes], said: "deque[str]", progress: Callable[[str], None]) -> None:
    """Keep the last lines; a line without an end is taken in pieces."""
    with stream:
        while line := stream.readline(1 << 16):
            text = line.decode("utf-8", "replace").strip()[:LINE]
            if text:
                said.append(text)
                progress(text)


def _document(data: bytes, code: int, said: str) -> Any:
    if len(data) > MOST_BYTES:
        raise ActionError("its answer is too long to be read; ask for less")
    try:
        return json.loads(data)
    except ValueError:
        raise ActionError(said or f"it ended with exit code {code} and no answer") from None
