"""Which lines of the tree each test runs, how it ended, how long it took, what it compared.

Each test runs in a forked child of the warm process, so a hang or a crash costs only itself; a
hang still tells which lines it was in. `sys.monitoring` is used where it exists (3.12: a line costs
one call however often it runs), else `sys.settrace` limited to the module's own files.
"""

import functools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from .screen_fork import in_child
from .screen_run import Skipped, run_item

Message = dict[str, Any]
Lines = dict[str, set[int]]
TEXT = 400  # characters kept of a message or a value
FRAMES = 40


def answer(
    request: Message, channel: Any, items: dict[str, pytest.Item], loaded: Any, memory_mib: int
) -> None:
    """Send one message per test, then the end."""
    hunks = [(int(a), int(b), str(text)) for a, b, text in request.get("hunks", [])]
    put = loaded(request["file"]).prepared(hunks) if hunks else None
    if hunks and put is None:  # it would need a fresh import
        channel.send({"end": "spectrum"})
        return
    root = str(Path.cwd().resolve()) + "/"
    until = time.monotonic() + request["within_s"]
    for test in request["tests"]:
        wall_s = min(request["wall_s"], until - time.monotonic())
        if test in items and wall_s > 0:
            told, ending = in_child(
                functools.partial(
                    _watch,
                    item=items[test],
                    put=put,
                    root=root,
                    cpu_s=request["cpu_s"],
                    wall_s=0.8 * wall_s,
                ),
                cpu_s=request["cpu_s"] * 2,  # the child itself stops earlier, and tells
                wall_s=wall_s,
                memory_mib=memory_mib,
            )
            found = told[-1] if told else {"outcome": ending, "lines": {}}
            channel.send({"test": test, **found})
    channel.send({"end": "spectrum"})


def _watch(
    tell: Callable[[Message], None],
    item: pytest.Item,
    put: Callable[[], None] | None,
    root: str,
    cpu_s: float,
    wall_s: float,
) -> None:
    """Run one test under observation and tell what was seen, also when it runs out of time.

    `put` puts a patch in place.
    """
    if put is not None:
        put()
    lines: Lines = {}
    compared: list[str] = []
    began = time.process_time()

    def late(_signal: int, frame: FrameType | None) -> None:
        tell({"outcome": "timeout", "lines": _plain(lines, root), "frames": _stack(frame, root)})
        os._exit(0)

    signal.signal(signal.SIGVTALRM, late)
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s)
    signal.setitimer(signal.ITIMER_REAL, wall_s)
    with _comparisons(compared), _tracing(lines, root):
        raised = run_item(item)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    message: Message = {
        "outcome": "passed" if raised is None else "failed",
        "seconds": time.process_time() - began,
        "lines": _plain(lines, root),
    }
    if isinstance(raised, Skipped):
        message["outcome"] = "skipped"
    elif raised is not None:
        message["error"] = type(raised).__name__
        with suppress(Exception):
            message["message"] = str(raised)[:TEXT]
        message["frames"] = _frames(raised, root)
        message["compared"] = compared[:3]
    tell(message)


@contextmanager
def _tracing(lines: Lines, root: str) -> Iterator[None]:
    """Gather the lines that run in files below `root`."""
    if hasattr(sys, "monitoring"):
        with _monitoring(lines, root):
            yield
        return

    def local(frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            lines[frame.f_code.co_filename].add(frame.f_lineno)
        return local

    def trace(frame: FrameType, _event: str, _arg: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(root):
            return None
        lines.setdefault(name, set())
        return local

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


@contextmanager
def _monitoring(lines: Lines, root: str) -> Iterator[None]:
    monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - not in every Python
    tool = monitoring.COVERAGE_ID

    def line(code: CodeType, number: int) -> Any:
        if code.co_filename.startswith(root):
            lines.setdefault(code.co_filename, set()).add(number)
        return monitoring.DISABLE

    monitoring.use_tool_id(tool, "mendd")
    monitoring.register_callback(tool, monitoring.events.LINE, line)
    monitoring.set_events(tool, monitoring.events.LINE)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


@contextmanager
def _comparisons(compared: list[str]) -> Iterator[None]:
    """Keep the right and left values of the rewritten assertion that fails."""
    try:
        from _pytest.assertion import util
    except ImportError:
        yield
        return

    def note(operator: str, left: object, right: object) -> None:
        with suppress(Exception):
            compared.extend([operator, repr(left)[:TEXT], repr(right)[:TEXT]])

    before = getattr(util, "_reprcompare", None)
    util._reprcompare = note
    try:
        yield
    finally:
        util._reprcompare = before


def _plain(lines: Lines, root: str) -> dict[str, list[int]]:
    return {name.removeprefix(root): sorted(numbers) for name, numbers in lines.items() if numbers}


def _frames(error: BaseException, root: str) -> list[list[Any]]:
    """The frames of the traceback inside the tree, innermost last: file, line, function."""
    found = []
    link = error.__traceback__
    while link is not None:
        code = link.tb_frame.f_code
        if code.co_filename.startswith(root):
            found.append([code.co_filename.removeprefix(root), link.tb_lineno, code.co_name])
        link = link.tb_next
    return found[-FRAMES:]


def _stack(frame: FrameType | None, root: str) -> list[list[Any]]:
    found: list[list[Any]] = []
    while frame is not None and len(found) < FRAMES:
        code = frame.f_code
        if code.co_filename.startswith(root):
            found.append([code.co_filename.removeprefix(root), frame.f_lineno, code.co_name])
        frame = frame.f_back
    return found[::-1]
