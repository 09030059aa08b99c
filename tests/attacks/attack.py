"""One row of the attack table, and how an attempt reads: the error that shows which wall held."""

import contextlib
import ctypes
import errno
import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

REACHED = "reached"
LIBC = ctypes.CDLL(None, use_errno=True)
CALLS = {  # x86_64
    "add_key": 248, "bpf": 321, "clock_settime": 227, "clone": 56, "clone3": 435,
    "create_module": 174, "delete_module": 176, "finit_module": 313, "fsopen": 430,
    "get_kernel_syms": 177, "init_module": 175, "io_uring_enter": 426, "io_uring_register": 427,
    "io_uring_setup": 425, "ioperm": 173, "iopl": 172, "kcmp": 312, "kexec_file_load": 320,
    "kexec_load": 246, "keyctl": 250, "landlock_create_ruleset": 444, "lookup_dcookie": 212,
    "memfd_create": 319, "memfd_secret": 447, "modify_ldt": 154, "mount": 165, "mount_setattr": 442,
    "move_mount": 429, "move_pages": 279, "msgget": 68, "name_to_handle_at": 303,
    "nfsservctl": 180, "open_by_handle_at": 304, "open_tree": 428, "perf_event_open": 298,
    "personality": 135, "pidfd_getfd": 438, "pidfd_open": 434, "pidfd_send_signal": 424,
    "pivot_root": 155, "process_madvise": 440, "process_vm_readv": 310, "process_vm_writev": 311,
    "ptrace": 101, "quotactl": 179, "reboot": 169, "request_key": 249, "semget": 64,
    "setdomainname": 171, "sethostname": 170, "setns": 308, "settimeofday": 164, "shmget": 29,
    "swapoff": 168, "swapon": 167, "syslog": 103, "umount2": 166, "unshare": 272, "uselib": 134,
    "userfaultfd": 323, "vhangup": 153, "vmsplice": 278, "acct": 163, "chroot": 161,
}  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """One attempt. `tried` makes it inside and returns what it met."""

    name: str
    held: str  # what is met where the wall stands
    wall: str  # which one that is
    tried: Callable[[], str]
    row: int = 0  # in the published table of 31 attacks; 0: one more of ours


def refusal(call: Callable[..., Any], *args: Any, **named: Any) -> str:
    """The name of the error that a call ends with, REACHED when it succeeds."""
    try:
        call(*args, **named)
    except OSError as fault:
        return errno.errorcode.get(fault.errno or 0, str(fault))
    return REACHED


def refusals(attempts: Iterable[str]) -> str:
    """All the different errors met, in alphabetical order; `nothing tried` when there was none."""
    return " ".join(sorted(set(attempts))) or "nothing tried"


def system_call(name: str, *args: int) -> int:
    """A raw system call; OSError when the kernel refuses it."""
    ctypes.set_errno(0)
    got = int(LIBC.syscall(CALLS[name], *(ctypes.c_long(each) for each in args)))
    if got == -1:
        raise OSError(ctypes.get_errno(), name)
    return got


def each_refused(names: Iterable[str], *args: int) -> str:
    """What a list of system calls meets; the names of those that differ from EPERM."""
    met = {name: refusal(system_call, name, *args) for name in names}
    odd = [f"{name} {error}" for name, error in met.items() if error != "EPERM"]
    return ", ".join(odd) or refusals(met.values())


def opened(path: str, flags: int) -> str:
    """What opening a file meets."""
    return refusal(lambda: os.close(os.open(path, flags)))


def written(path: str, text: str = "x") -> str:
    """What writing to a file meets, without creating or truncating it."""

    def write() -> None:
        handle = os.open(path, os.O_WRONLY)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)

    return refusal(write)


def strangers() -> list[int]:
    """Processes in sight that are not this user's: the init and the harness."""
    found = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    return [pid for pid in found if os.stat(f"/proc/{pid}").st_uid != os.getuid()]  # noqa: PTH116


def death(of: Callable[[], Any]) -> str:
    """How a child that does this ends: a signal's name, `exit 0`, or `exit 1` for an exception."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            of()
            os._exit(0)
        os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return signal.Signals(-status).name if status < 0 else f"exit {status}"
