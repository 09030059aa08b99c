"""Keeps one test that never ends from ending the run: it is reported as failed, the rest goes on.

pytest runs in a forked worker; this process only watches. The worker notes on a shared page which
test is under way since when. One that takes more than its processor time, or three times that by
the clock, is asked where it stands (faulthandler: heard also in C code, whatever the test catches),
killed with all it started, and reported. A new worker collects again and goes on behind it. What
the page says is untrusted like the report itself: at worst the time limit of the run ends it all.
"""

from __future__ import annotations

import faulthandler
import mmap
import os
import re
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from .channel import Channel

IDLE, COLLECTING, RUNNING = range(3)
PHASES = ("setup", "call", "teardown")
WHERE = signal.SIGRTMAX  # asks a worker for its stack
PATIENCE = 3  # seconds of the clock for each second of processor time
TICK_S = 0.1
STACK_BYTES, STACK_S = 5000, 0.5
MACHINERY = re.compile(r"/_pytest/|/pluggy/|/mendd_guest/|<string>")
FRAME = re.compile(r'File "/module/([^"\n]+)", line (\d+) in (\S+)')


@dataclass(frozen=True)
class Resume:
    """Where the next worker goes on: values of this process, beyond the tested code's reach."""

    done: int = 0  # tests of the order that are over
    digest: bytes = b""  # of that order; empty while nothing was collected
    first_failed: bool = False
    hung_files: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Place:
    """What a worker says it is doing."""

    stage: int
    number: int  # of the test, in the order in which they run
    phase: int
    sent: int  # results already sent for this phase
    first_failed: int
    writing: int
    since: float  # monotonic clock
    cpu_s: float  # processor time the worker had used by then
    name: str
    digest: bytes


class Page:
    """A page of memory that the worker writes and the keeper reads."""

    HEAD = struct.Struct("<6qdd32sH")
    FIELDS = ("stage", "number", "phase", "sent", "first_failed", "writing")

    def __init__(self) -> None:
        """All zero: idle."""
        self._page = mmap.mmap(-1, self.HEAD.size + 1200)
        self._pid = 0

    def mine(self) -> None:
        """From here on this process writes, and none that it forks."""
        self._pid = os.getpid()

    def clear(self) -> None:
        """Idle again: what the last worker said is over."""
        self._page[:] = bytes(len(self._page))

    def set(self, **values: int) -> None:
        """Note some of the fields."""
        if os.getpid() == self._pid:
            for field, value in values.items():
                struct.pack_into("<q", self._page, 8 * self.FIELDS.index(field), value)

    def begin(self, stage: int, number: int, name: str) -> None:
        """Something that has a time limit begins."""
        if os.getpid() == self._pid:
            self.set(stage=IDLE)
            used, data = os.times(), name.encode("utf-8", "backslashreplace")[:1100]
            struct.pack_into("<dd", self._page, 48, time.monotonic(), sum(used[:4]))
            struct.pack_into("<H", self._page, self.HEAD.size - 2, len(data))
            self._page[self.HEAD.size : self.HEAD.size + len(data)] = data
            self.set(number=number, phase=0, sent=0, stage=stage)

    def order(self, digest: bytes) -> None:
        """The tests are collected; the digest names them and their order."""
        if os.getpid() == self._pid:
            struct.pack_into("<32s", self._page, 64, digest)

    def read(self) -> Place:
        """What the page says now."""
        stage, number, phase, sent, first_failed, writing, since, cpu_s, digest, length = (
            self.HEAD.unpack_from(self._page)
        )
        name = self._page[self.HEAD.size : self.HEAD.size + min(length, 1100)]
        return Place(
            stage=stage, number=number, phase=phase, sent=sent, first_failed=first_failed,
            writing=writing, since=since, cpu_s=cpu_s, name=name.decode("utf-8", "ignore"),
            digest=digest.rstrip(b"\0"),
        )  # fmt: skip


def keep(work: Callable[[Page, Resume], int], channel: Channel, test_s: float) -> int:
    """Do `work` in a worker, and in another one behind each test that did not end; its status.

    `test_s`: seconds of processor time for one test with its fixtures, or for importing one file.
    """
    page, resume = Page(), Resume()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    while True:
        stack = os.pipe()
        page.clear()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            be_worker(work, page, resume, stack)
        os.close(stack[1])
        late = watched(pid, page, test_s, stack[0])
        os.close(stack[0])
        if late is None:
            return ended_alike(os.waitpid(pid, 0)[1])
        os.waitpid(pid, 0)
        place, words = late
        channel.send(report(place, words))
        resume = after(resume, place)


def be_worker(
    work: Callable[[Page, Resume], int], page: Page, resume: Resume, stack: tuple[int, int]
) -> None:
    """The worker's whole life; never returns."""
    status = 1
    try:
        os.setsid()
        os.close(stack[0])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        faulthandler.register(WHERE, file=stack[1])
        page.mine()
        status = work(page, resume)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - said as Python itself would, then the process ends
        traceback.print_exc()
    finally:
        os._exit(status)


def watched(pid: int, page: Page, test_s: float, stack: int) -> tuple[Place, str] | None:
    """None once the worker has ended by itself; else what it did when it was killed, in words."""
    tick = max(0.01, min(TICK_S, test_s / 10))
    while True:
        signal.sigtimedwait([signal.SIGCHLD], tick)
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return None
        place = page.read()
        spent = overdue(place, pid, test_s)
        if spent is None:
            continue
        os.kill(pid, WHERE)
        told = gathered(stack)
        if stopped(pid) and same(page.read(), place):
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # all of this user id but ourselves
            return place, f"{spent}{position(told)}\n{told}"
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def overdue(place: Place, pid: int, test_s: float) -> str | None:
    """The limit that what is under way has passed, in words."""
    if place.stage not in (COLLECTING, RUNNING):
        return None
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            ticks = file.read().rpartition(")")[2].split()[11:15]
    except OSError:
        return None
    used = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    if used - place.cpu_s > test_s:
        return f"timed out after {test_s:g} s of processor time"
    if time.monotonic() - place.since > PATIENCE * test_s:
        return f"timed out after {PATIENCE * test_s:g} s"
    return None


def gathered(stack: int) -> str:
    """The stack that faulthandler writes, as far as it comes."""
    told, deadline = b"", time.monotonic() + STACK_S
    os.set_blocking(stack, False)
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            new = os.read(stack, 65536)
            if not new:
                break
            told += new
            deadline = min(deadline, time.monotonic() + STACK_S / 10)
        time.sleep(0.005)
    lines = told.decode("ascii", "replace").splitlines()
    return "\n".join(line for line in lines if not MACHINERY.search(line))[:STACK_BYTES]


def stopped(pid: int) -> bool:
    """Stop the worker, so that what its page says holds; False when it ended meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    end = os.waitid(os.P_PID, pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    return end is not None and end.si_code == os.CLD_STOPPED


def same(now: Place, before: Place) -> bool:
    """Whether the worker is where it was, and in the middle of no line."""
    where = (before.stage, before.number, before.since)
    return not now.writing and (now.stage, now.number, now.since) == where


def position(told: str) -> str:
    """The innermost line of the target in the thread that answered."""
    _, _, current = told.rpartition("Current thread")
    found = FRAME.search(current)
    return f", at {found[1]}:{found[2]} in {found[3]}" if found else ""


def report(place: Place, words: str) -> dict[str, Any]:
    """The line that the worker could not write."""
    if place.stage == COLLECTING:
        return {"k": "collect_error", "id": place.name, "m": words}
    phase = PHASES[place.phase % len(PHASES)]
    return {
        "k": "test", "id": place.name, "p": phase, "o": "failed", "sub": None,
        "n": place.sent + 1, "x": False, "s": round(time.monotonic() - place.since, 6), "m": words,
    }  # fmt: skip


def after(resume: Resume, place: Place) -> Resume:
    """Where to go on behind what hung."""
    if place.stage == COLLECTING:
        return replace(resume, hung_files=resume.hung_files | {place.name})
    return replace(
        resume,
        done=place.number + 1,
        digest=place.digest,
        first_failed=resume.first_failed or bool(place.first_failed),
    )


def ended_alike(status: int) -> int:
    """The worker's exit code; killed by a signal, this process dies of the same."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (9, 19) else None
        os.kill(os.getpid(), -code)
    return code if code >= 0 else 128 - code
