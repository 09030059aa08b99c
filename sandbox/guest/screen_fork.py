"""Forked children that cannot hurt their parent: limited, watched, and gone when they are done."""

import contextlib
import ctypes
import json
import mmap
import os
import resource
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

MIB = 1024 * 1024
ANSWER_MIB = 8


def silence() -> None:
    """Standard output and error lead nowhere from here on: nobody reads what tests print."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def in_child(
    work: Callable[[Callable[[dict[str, Any]], None]], None],
    *,
    cpu_s: float,
    wall_s: float,
    memory_mib: int,
) -> tuple[list[dict[str, Any]], str]:
    """Fork, let the child do `work(tell)`, and gather what it told and how it ended.

    How it ended: "done", "timeout" (processor time or wall time), "crashed". The child is in a
    group of its own; whatever it started dies with it. Processor time is what counts, so a busy
    machine does not turn a good candidate into a hanging one.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(work, reading, writing, cpu_s, memory_mib)
    os.close(writing)
    try:
        data, late = _gather(reading, time.monotonic() + wall_s)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL) if late else None
        _, status = os.waitpid(child, 0)
        bury()
    told = [line for line in map(_decoded, data.split(b"\n")[:-1]) if line is not None]
    if told and told[-1].get("end") == "done":
        return told[:-1], "done"
    by_clock = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGXCPU)
    return told, "timeout" if late or by_clock else "crashed"


def _be_child(
    work: Callable[[Callable[[dict[str, Any]], None]], None],
    reading: int,
    writing: int,
    cpu_s: float,
    memory_mib: int,
) -> None:
    """The child's whole life; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.close(reading)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        _limit(resource.RLIMIT_AS, _own_size() + memory_mib * MIB)
        _limit(resource.RLIMIT_CORE, 0)
        signal.setitimer(signal.ITIMER_PROF, cpu_s)

        def tell(message: dict[str, Any]) -> None:
            os.write(writing, json.dumps(message).encode() + b"\n")

        work(tell)
        tell({"end": "done"})
        code = 0
    finally:
        os._exit(code)


def _gather(reading: int, deadline: float) -> tuple[bytes, bool]:
    """What the child writes until it closes the pipe or says it is done; whether it was late."""
    chunks: list[bytes] = []
    size = 0
    while size < ANSWER_MIB * MIB:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return b"".join(chunks), True
        chunk = os.read(reading, 65536)
        chunks.append(chunk)
        size += len(chunk)
        if not chunk or chunk.endswith(b'{"end": "done"}\n'):
            break
    return b"".join(chunks), False


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(what, (value, hard))


def _own_size() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def adopt_orphans() -> None:
    """Let processes whose parent ended become our children, so that `bury` can end them."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def bury() -> None:
    """End and reap what a candidate left running after its own end (this process has no others)."""
    me = os.getpid()
    for _ in range(200):
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
            with open(f"/proc/{me}/task/{me}/children", encoding="ascii") as file:
                left = [int(pid) for pid in file.read().split()]
        except (ChildProcessError, OSError):
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


_raw_fork = ctypes.PyDLL(None).fork


def quick_fork() -> int:
    """fork(2) itself while there is one thread: no at-fork hooks to run, nothing to lock.

    Measured: os.fork costs its child 220 page faults (0.65 ms) more than this.
    """
    return int(_raw_fork()) if threading.active_count() == 1 else os.fork()


class Board:
    """A shared page on which a child notes how far it came: cheaper than a pipe per candidate."""

    ROOM = 16
    GREEN, RED, SKIPPED = 1, 2, 3

    def __init__(self, tests: int) -> None:
        self.size = self.ROOM + 80 + tests
        self.page = mmap.mmap(-1, self.size)
        self.blank = bytes(self.size)

    def clear(self) -> None:
        """Before the next child."""
        self.page[: self.size] = self.blank

    def note(self, place: int, mark: int) -> None:
        """How the test at that place ended."""
        self.page[self.ROOM + 80 + place] = mark

    def says(self, word: str) -> None:
        """One word for the parent: an exception's name, "cold", "plausible"."""
        data = word.encode("ascii", "replace")[:79]
        self.page[self.ROOM : self.ROOM + len(data)] = data

    @property
    def word(self) -> str:
        """What the child said last."""
        return bytes(self.page[self.ROOM : self.ROOM + 80]).rstrip(b"\0").decode("ascii", "replace")

    def marks(self, tests: int) -> bytes:
        """One mark per test, 0 for a test not ended."""
        start = self.ROOM + 80
        return bytes(self.page[start : start + tests])


def quick_child(work: Callable[[], None], *, cpu_s: float, wall_s: float) -> str:
    """Fork, let the child do `work()`, and say how it ended: "done", "timeout" or "crashed"."""
    late: list[int] = []
    child = 0

    def too_late(_signal: int, _frame: object) -> None:
        late.append(child)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, too_late)
    child = quick_fork()
    if child == 0:
        code = 1
        try:
            signal.setitimer(signal.ITIMER_PROF, cpu_s)
            work()
            code = 0
        finally:
            os._exit(code)
    signal.setitimer(signal.ITIMER_REAL, wall_s, 0.2)
    _, status = os.waitpid(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    bury()
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
        return "done"
    clock = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM)
    return "timeout" if late or clock else "crashed"


def limit_memory(memory_mib: int) -> None:
    """Children of this process may grow by so much, and leave no core files."""
    _limit(resource.RLIMIT_AS, _own_size() + memory_mib * MIB)
    _limit(resource.RLIMIT_CORE, 0)
