"""Forging the verdict: everything the tested code could do to the harness beside it."""

import contextlib
import ctypes
import os
import resource
import signal
from pathlib import Path

from tests.attacks.attack import (
    Attack,
    each_refused,
    opened,
    refusal,
    refusals,
    strangers,
    system_call,
    written,
)

RDWR = os.O_RDWR


def all_of(name: str, flags: int) -> str:
    """What opening this file of every stranger meets."""
    return refusals(opened(f"/proc/{pid}/{name}", flags) for pid in strangers())


def company() -> str:
    """Who else is here: the init and the harness, nobody of the host."""
    return " ".join(sorted(Path(f"/proc/{pid}/comm").read_text().strip() for pid in strangers()))


def traced() -> str:
    """Attach, and seize."""
    return refusals(
        refusal(system_call, "ptrace", request, pid)
        for request in (16, 0x4206)
        for pid in strangers()
    )


def memory_calls() -> str:
    """Reading and writing another process's memory without a file."""
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_ulong * 2)(ctypes.addressof(buffer), 8)
    at = ctypes.addressof(vector)
    return refusals(
        refusal(system_call, name, pid, at, 1, at, 1, 0)
        for name in ("process_vm_readv", "process_vm_writev")
        for pid in strangers()
    )


def signalled() -> str:
    """Kill, stop, hang up: the watchdog cannot be halted."""
    wanted = (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM)
    return refusals(refusal(os.kill, pid, number) for number in wanted for pid in strangers())


def signalled_by_handle() -> str:
    """The same through a pidfd; taking its descriptors through one."""
    met = []
    for pid in strangers():
        handle = os.pidfd_open(pid)
        met.append(refusal(signal.pidfd_send_signal, handle, signal.SIGSTOP))
        met.append(refusal(system_call, "pidfd_getfd", handle, 1, 0))
        os.close(handle)
    return refusals(met)


def verdict_stream() -> str:
    """Its standard output, by which it says how the run ended."""
    return refusals(
        opened(f"/proc/{pid}/fd/{number}", os.O_WRONLY)
        for pid in strangers()
        for number in range(8)
    )


def squeezed() -> str:
    """Limits and priorities of its own: starving the watchdog."""
    met = []
    for pid in strangers():
        met.append(refusal(resource.prlimit, pid, resource.RLIMIT_NOFILE, (3, 3)))
        met.append(refusal(os.setpriority, os.PRIO_PROCESS, pid, 19))
        met.append(refusal(os.sched_setaffinity, pid, {0}))
        met.append(written(f"/proc/{pid}/oom_score_adj", "1000"))
    return refusals(met)


def own_code() -> str:
    """The files that the harness and the child are made of."""
    here = Path("/mendd")
    return refusals(written(str(path)) for path in here.rglob("*") if path.is_file())


def new_code() -> str:
    """A module beside them that would be imported in their place."""
    places = ("/mendd", "/mendd/mendd_guest", "/usr/lib/python3.11", "/usr/lib/python3")
    return refusals(
        refusal(Path(place, "json.py").write_text, "") for place in places if Path(place).is_dir()
    )


def kept_descriptors() -> str:
    """Descriptors to folders or files of the host that a runtime left open (CVE-2024-21626)."""
    ours = ("pipe:", "socket:", "anon_inode:", "/dev/", "/tmp/", "/module/", "/proc/")
    odd = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(FileNotFoundError):
            goal = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
            odd += [goal] * (not goal.startswith(ours))
    return " ".join(odd) or "none"


KEPT = "another user, not dumpable"
ATTACKS = (
    Attack("processes in sight", "docker-init python3", "PID namespace", company),
    Attack("harness: ptrace", "EPERM", "our seccomp profile", traced),
    Attack("harness: /proc/PID/mem read-write", "EACCES", KEPT, lambda: all_of("mem", RDWR), 7),
    Attack("harness: process_vm_*", "EPERM", "our seccomp profile", memory_calls),
    Attack("harness: SIGKILL, SIGSTOP …", "EPERM", "another user", signalled),
    Attack("harness: pidfd signals, pidfd_getfd", "EPERM", "another user", signalled_by_handle),
    Attack("harness: verdict stream", "EACCES", KEPT, verdict_stream),
    Attack("harness: environ", "EACCES", KEPT, lambda: all_of("environ", 0)),
    Attack("harness: maps, root, cwd, io", "EACCES", KEPT,
           lambda: refusals(all_of(name, 0) for name in ("maps", "root/tmp", "cwd/x", "io"))),
    Attack("harness: limits, priority, affinity", "EACCES EPERM", "another user", squeezed),
    Attack("harness: its code", "EACCES", "read-only root", own_code),
    Attack("harness: code in its place", "EROFS", "read-only root", new_code),
    Attack("harness: compare with kcmp", "EPERM", "our seccomp profile",
           lambda: each_refused(["kcmp"])),
    Attack("descriptors left open", "none", "runc, closerange", kept_descriptors),
)  # fmt: skip
