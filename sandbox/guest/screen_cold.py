"""The slow path: a process that has pytest but none of the tree, forked for a fresh import.

Needed for candidates outside functions (constants of the module, class bodies, decorators). The
patched text is what the import system reads for that one file; nothing is written to disk.
"""

import functools
import importlib.machinery
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from .screen_fork import adopt_orphans, in_child
from .screen_run import run_item
from .screen_swap import patched_lines, read_lines

Message = dict[str, Any]
IMPORTING_S = 10.0  # wall time for importing and collecting


class Zygote:
    """Forked before the tests were collected; forks again for every cold candidate.

    It is nobody's child here (forked twice), so that the warm process has no children but its
    candidates. It ends when the socket to the warm process closes.
    """

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            try:
                ours.close()
                if os.fork() == 0:
                    adopt_orphans()
                    self._serve(theirs.makefile("rwb"))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        theirs.close()
        self._socket = ours
        self._line = ours.makefile("rwb")

    def run(self, request: Message, path: Path, hunks: list[Any], left_s: float) -> Message:
        """Try one candidate on a fresh import: which goal tests are green, what stopped it."""
        wanted = {key: request[key] for key in ("goal", "rest", "cpu_s")}
        wall_s = min(request["wall_s"] + IMPORTING_S, left_s)
        wanted |= {"path": str(path), "hunks": hunks, "wall_s": wall_s}
        self._line.write(json.dumps(wanted).encode() + b"\n")
        self._line.flush()
        line = self._line.readline()
        return json.loads(line) if line else {"green": [], "stop": ["", "crashed"]}

    def close(self) -> None:
        """End the zygote: it leaves when nobody is on the other side."""
        self._line.close()
        self._socket.close()

    def _serve(self, line: Any) -> None:
        while request := line.readline():
            wanted = json.loads(request)
            told, ending = in_child(
                functools.partial(self._try, wanted=wanted),
                cpu_s=sum(wanted["cpu_s"]) + 3.0,  # importing and collecting come on top
                wall_s=wanted["wall_s"],
                memory_mib=256,
            )
            answer = told[-1] if told else {"green": [], "stop": ["", ending]}
            line.write(json.dumps(answer).encode() + b"\n")
            line.flush()

    def _try(self, tell: Any, wanted: Message) -> None:
        path = Path(wanted["path"])
        hunks = [tuple(hunk) for hunk in wanted["hunks"]]
        text = "\n".join(patched_lines(read_lines(path), hunks))
        serve_instead(path, text.encode())
        files = sorted({test.split("::")[0] for test in [*wanted["goal"], *wanted["rest"]]})
        pytest.main(
            ["-q", "-s", "-p", "no:cacheprovider", *self.arguments, *files],
            plugins=[Runner(tell, wanted)],
        )


class Runner:
    """Runs the wanted tests as soon as they are collected."""

    def __init__(self, tell: Any, wanted: Message) -> None:
        self.tell = tell
        self.wanted = wanted

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own loop."""
        items = {item.nodeid: item for item in session.items}
        green: list[int] = []
        for place, test in enumerate([*self.wanted["goal"], *self.wanted["rest"]]):
            why = _outcome(test, items)
            if why is not None:
                self.tell({"green": green, "stop": [test, why]})
                return True
            green += [place] if place < len(self.wanted["goal"]) else []
        self.tell({"green": green, "stop": None})
        return True


def _outcome(test: str, items: dict[str, pytest.Item]) -> str | None:
    """Run one id (a file's name stands for all its tests); why it did not pass, or None."""
    here = [item for name, item in items.items() if name == test or name.startswith(test + "::")]
    for item in here:
        raised = run_item(item)
        if raised is not None:
            return type(raised).__name__
    return None if here else "not collected"


def serve_instead(path: Path, data: bytes) -> None:
    """From now on the import system reads `data` for that file."""
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        if Path(self.get_filename(fullname)).resolve() == path:
            return self.source_to_code(data, self.get_filename(fullname))
        return original(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
