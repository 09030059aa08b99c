"""A process stopped at each system call of it and its children: looked at, starved or killed.

Linux's ptrace, spoken to directly. A tracer of its own stands between the test and the traced
process, so the test keeps its other children, and nothing of a traced run outlives it.
"""

import contextlib
import ctypes
import errno
import json
import os
import platform
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

TRACEME, GETREGS, SETREGS, SYSCALL, SETOPTIONS = 0, 12, 13, 24, 0x4200  # linux/ptrace.h
FOLLOW = 1 | 2 | 4 | 8 | 16  # mark system calls; follow fork, vfork, clone and exec
EXITKILL = 1 << 20
WALL = 0x40000000  # linux/wait.h: threads and children of any kind
AT_CALL = signal.SIGTRAP | 0x80
RAX, RDX, RSI, RDI, NUMBER = 10, 12, 13, 14, 15  # sys/user.h, x86-64
BY_HANDLE = {1: "write", 18: "pwrite", 20: "writev", 40: "sendfile", 74: "fsync", 75: "fdatasync",
             77: "ftruncate", 190: "fsetxattr", 285: "fallocate", 296: "pwritev"}  # fmt: skip
BY_NAME = {76: "truncate", 82: "rename", 83: "mkdir", 85: "creat", 86: "link", 88: "symlink",
           258: "mkdirat", 264: "renameat", 265: "linkat", 266: "symlinkat",
           316: "renameat2", 326: "copy_file_range"}  # fmt: skip
OPENS = {2: RSI, 257: RDX}  # the number of open and openat, and where their flags are

Work = Callable[[], object]


class CannotTrace(Exception):
    """This machine lets nobody trace a child, or is of another kind."""


@dataclass(frozen=True, kw_only=True)
class Stepped:
    """How a traced run went. `ended`: by itself; then `code` is its exit code.

    `calls` counts the system calls of all its processes, `own` its own. `marks` is what `look`
    said after each; `points` names the writes that were seen, the denied ones with a `!`.
    """

    calls: int = 0
    own: int = 0
    ended: bool = False
    code: int = 0
    marks: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)


def killed_after(limit: int, work: Work, *, own: bool = False, alone: bool = False) -> Stepped:
    """Run `work` in a child that gets SIGKILL when its `limit`-th system call has returned.

    With `own` only the child's own calls count, not those of what it started. With `alone` what
    it started lives on; else it is killed in the same moment.
    """
    return _in_a_tracer(_Tracer(work, alone=alone, limit=limit, own_only=own))


def watched(work: Work, look: Callable[[], str]) -> Stepped:
    """Run `work` to its end and call `look` after each system call."""
    return _in_a_tracer(_Tracer(work, look=look))


def starved(work: Work, below: Path, at: int, *, lasting: bool = False) -> Stepped:
    """Run `work` with its `at`-th write (from 1) below a folder denied: no space left on device.

    A write is whatever may need space: data, new names, syncs. With `lasting` each one from there
    on is denied; with 0 none is, and all are named.
    """
    if platform.machine() != "x86_64":
        raise CannotTrace("only x86-64 system calls are known here")
    return _in_a_tracer(_Tracer(work, below=str(below), deny=at, lasting=lasting))


def _in_a_tracer(tracer: "_Tracer") -> Stepped:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.close(reading)
            found = json.dumps(asdict(tracer.run()))
            with open(writing, "w") as pipe:  # noqa: PTH123 -- from the descriptor
                pipe.write(found)
        os._exit(0)
    os.close(writing)
    with open(reading) as pipe:  # noqa: PTH123 -- from the descriptor
        said = pipe.read()
    os.waitpid(pid, 0)
    if not said:
        raise CannotTrace("a child cannot be traced here (ptrace): seccomp or yama forbid it")
    return Stepped(**json.loads(said))


@dataclass
class _Tracer:
    """One traced run; lives in a process of its own."""

    work: Work
    look: Callable[[], str] | None = None
    limit: int = 0
    own_only: bool = False
    alone: bool = False
    below: str = ""
    deny: int = 0
    lasting: bool = False
    child: int = 0
    seen: Stepped = field(default_factory=Stepped)
    inside: dict[int, bool] = field(default_factory=dict)  # in a call -> whether it is denied

    def run(self) -> Stepped:
        """From the first call to the last."""
        self.child = _started(self.work)
        os.waitpid(self.child, 0)
        _ptrace(SETOPTIONS, self.child, FOLLOW | (0 if self.alone else EXITKILL))
        _ptrace(SYSCALL, self.child, 0)
        known = {self.child}
        while True:
            pid, status = os.waitpid(-1, WALL)
            if not os.WIFSTOPPED(status):
                self.inside.pop(pid, None)
                if pid == self.child:
                    return replace(self.seen, ended=True, code=os.waitstatus_to_exitcode(status))
                continue
            passed_on = 0
            with contextlib.suppress(ProcessLookupError):
                if os.WSTOPSIG(status) == AT_CALL:
                    if self.at_call(pid):
                        os.kill(self.child, signal.SIGKILL)
                        return self.seen
                elif not status >> 16 and pid in known:  # neither an event nor its first stop
                    passed_on = os.WSTOPSIG(status)
                known.add(pid)
                _ptrace(SYSCALL, pid, passed_on)

    def at_call(self, pid: int) -> bool:
        """A call begins, or has returned; True when it was the last one."""
        if pid not in self.inside:
            self.inside[pid] = bool(self.below) and self.denied(pid)
            return False
        if self.inside.pop(pid):
            _set(pid, RAX, -errno.ENOSPC)
        seen = self.seen
        self.seen = replace(seen, calls=seen.calls + 1, own=seen.own + (pid == self.child))
        if self.look:
            self.seen.marks.append(self.look())
        return 0 < self.limit <= (self.seen.own if self.own_only else self.seen.calls)

    def denied(self, pid: int) -> bool:
        """Whether the call that begins is a write, and one to be denied; then it is not made."""
        registers = _registers(pid)
        name = _write_name(pid, registers, self.below)
        if name is None:
            return False
        number = len(self.seen.points) + 1
        hit = number == self.deny or (self.lasting and 0 < self.deny <= number)
        self.seen.points.append(f"{name}!" if hit else name)
        if hit:
            _set(pid, NUMBER, -1)
        return hit


def _started(work: Work) -> int:
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        _ptrace(TRACEME, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        answer = work()
        code = answer if isinstance(answer, int) else 0
    finally:
        os._exit(code)


def _write_name(pid: int, registers: Mapping[int, int], below: str) -> str | None:
    """What the call would write, if it is one that may need space."""
    number = registers[NUMBER]
    if number in OPENS:
        return "open" if registers[OPENS[number]] & os.O_CREAT else None
    if number in BY_NAME:
        return BY_NAME[number]
    if number not in BY_HANDLE:
        return None
    try:
        path = os.readlink(f"/proc/{pid}/fd/{registers[RDI]}")  # noqa: PTH115 -- may be "pipe:…"
    except OSError:
        return None
    return f"{BY_HANDLE[number]} {path.rpartition('/')[2]}" if path.startswith(below) else None


class _User(ctypes.Structure):
    _fields_ = (("words", ctypes.c_longlong * 27),)


def _registers(pid: int) -> Mapping[int, int]:
    user = _User()
    _ptrace(GETREGS, pid, ctypes.addressof(user))
    return dict(enumerate(user.words))


def _set(pid: int, register: int, value: int) -> None:
    user = _User()
    _ptrace(GETREGS, pid, ctypes.addressof(user))
    user.words[register] = value
    _ptrace(SETREGS, pid, ctypes.addressof(user))


_PTRACE = ctypes.CDLL(None, use_errno=True).ptrace
_PTRACE.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_PTRACE.restype = ctypes.c_long


def _ptrace(request: int, pid: int, data: int) -> None:
    if _PTRACE(request, pid, None, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
