"""Doors of the kernel: calls that have led out of containers, or into other processes."""

import contextlib
import ctypes
import mmap
import os
import signal
import stat
import struct
import subprocess
import time
from pathlib import Path

from tests.attacks.attack import (
    LIBC,
    Attack,
    death,
    each_refused,
    opened,
    refusal,
    refusals,
    system_call,
    written,
)

NEW_USER, NEW_ALL = 0x10000000, 0x7E020080
ESCAPES = (
    *("mount", "umount2", "unshare", "setns", "bpf", "keyctl", "open_by_handle_at", "kexec_load"),
    *("kexec_file_load", "reboot", "pivot_root", "chroot", "init_module", "finit_module"),
    *("delete_module", "fsopen", "open_tree", "move_mount", "mount_setattr", "swapon", "swapoff"),
    *("quotactl", "acct", "iopl", "ioperm", "sethostname", "setdomainname", "vhangup"),
    *("create_module", "get_kernel_syms", "nfsservctl", "uselib"),
)
WEAPONS = (
    *("userfaultfd", "perf_event_open", "kcmp", "pidfd_getfd", "process_vm_readv"),
    *("process_vm_writev", "process_madvise", "memfd_create", "memfd_secret", "vmsplice"),
    *("add_key", "request_key", "shmget", "msgget", "semget", "landlock_create_ruleset"),
    *("modify_ldt", "lookup_dcookie", "syslog", "move_pages"),
)
RINGS = ("io_uring_setup", "io_uring_enter", "io_uring_register")


def ptrace_sibling() -> str:
    """Attaching to a process of the same user; then asking to be traced."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    try:
        return refusals([refusal(system_call, "ptrace", 16, pid), each_refused(["ptrace"])])
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def new_namespace(*flags: int) -> str:
    """By unshare and by clone."""
    return refusals(refusal(call, flag) for flag in flags for call in (cloned, unshared))


def unshared(flag: int) -> None:
    """Unshare in this process (only if the wall is down)."""
    system_call("unshare", flag)


def cloned(flag: int) -> None:
    """Clone with that flag; a child that was made ends at once."""
    pid = system_call("clone", flag | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def each_namespace() -> str:
    """Mount, cgroup, UTS, IPC, user, PID, network, and all at once."""
    flags = (0x20000, 0x2000000, 0x4000000, 0x8000000, NEW_USER, 0x20000000, 0x40000000)
    return new_namespace(*flags, NEW_ALL)


def clone3() -> str:
    """Flags behind a pointer cannot be judged, so the call does not exist."""
    arguments = ctypes.create_string_buffer(struct.pack("<8Q", NEW_USER, *[0] * 7), 64)
    return refusal(system_call, "clone3", ctypes.addressof(arguments), 64)


def setuid_programs() -> str:
    """Every setuid program of the image is started; whose they are when they have settled."""
    found = [
        path
        for folder in ("/usr/bin", "/usr/sbin", "/usr/lib/openssh")
        for path in (Path(folder).iterdir() if Path(folder).is_dir() else ())
        if path.is_file() and path.stat().st_mode & stat.S_ISUID
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = [subprocess.Popen([str(path)], stdin=subprocess.PIPE, **quiet) for path in found]
    time.sleep(0.3)  # a program's new user comes a little after its start
    users = [user_of(each.pid) for each in running]  # those that ended are still to be collected
    for each in running:
        with contextlib.suppress(PermissionError):
            each.kill()
            each.communicate()
    return refusals(users) if found else "no setuid program"


def user_of(pid: int) -> str:
    """Whether a process has any user id but ours."""
    status = Path(f"/proc/{pid}/status").read_text()
    ids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    return "uid stays" if set(ids) == {str(os.getuid())} else f"uid {'/'.join(ids)}"


def privileges() -> str:
    """Capabilities of every kind, the flag against new ones, the filter."""
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )
    held = [name for name in ("CapEff", "CapPrm", "CapInh", "CapAmb") if int(status[name], 16)]
    odd = [name for name, want in (("NoNewPrivs", "1"), ("Seccomp", "2")) if status[name] != want]
    bound = [] if status["CapBnd"] == "00000000000000e0" else [f"bound {status['CapBnd']}"]
    return " ".join([*held, *odd, *bound]) or "none"


def become_root() -> str:
    """Every way to set an id."""
    calls = (
        lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.seteuid(0), lambda: os.setegid(0),
        lambda: os.setresuid(0, 0, 0), lambda: os.setresgid(0, 0, 0),
        lambda: os.setgroups([0]), lambda: os.setreuid(-1, 0),
    )  # fmt: skip
    return refusals(map(refusal, calls))


def neighbours_user() -> str:
    """The user id of another slot."""
    return refusals(refusal(os.setuid, os.getuid() + step) for step in (1, 2, 3))


def run_code(code: bytes) -> str:
    """How a child ends that runs these machine instructions."""

    def run() -> None:
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        ctypes.CFUNCTYPE(ctypes.c_long)(address)()

    return death(run)


def old_calls() -> str:
    """getpid by the 32-bit door (int 0x80): other numbers, other checks."""
    return run_code(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")


def x32_calls() -> str:
    """The x32 numbers (bit 30 set) would walk past a filter that knows only the usual ones."""

    def ask() -> None:
        if LIBC.syscall(ctypes.c_long(0x40000000 + 39)) == -1:  # getpid
            raise OSError(ctypes.get_errno(), "x32")

    return death(ask)


def clock() -> str:
    """Setting it, or its speed."""
    tuned = ctypes.create_string_buffer(struct.pack("<I", 0x8001), 256)

    def tune() -> None:
        if LIBC.adjtimex(tuned) == -1:
            raise OSError(ctypes.get_errno(), "adjtimex")

    return refusals(
        [refusal(time.clock_settime, 0, 0.0), refusal(tune), each_refused(["settimeofday"])]
    )


def oom_score() -> str:
    """Being the last to be killed for memory."""
    return written("/proc/self/oom_score_adj", "-500")


def priority() -> str:
    """More than one's share of the processor."""
    real_time = lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))  # noqa: E731
    return refusals([refusal(os.setpriority, os.PRIO_PROCESS, 0, -20), refusal(real_time)])


def no_way_back() -> str:
    """The flag against new privileges cannot be taken off."""
    ctypes.set_errno(0)
    LIBC.prctl(38, 0, 0, 0, 0)
    return {22: "EINVAL"}.get(ctypes.get_errno(), "reached")


def knobs() -> str:
    """Kernel settings and triggers."""
    names = (
        *("sys/kernel/core_pattern", "sys/kernel/hostname", "sys/kernel/modprobe"),
        *("sys/vm/overcommit_memory", "sysrq-trigger", "irq/0/smp_affinity"),
    )
    return refusals(written(f"/proc/{name}") for name in names if Path("/proc", name).exists())


def own_groups() -> list[str]:
    """Control group files that would lift a limit or move this process (v1 and v2)."""
    names = (
        *("memory/memory.limit_in_bytes", "pids/pids.max", "memory/cgroup.procs", "cgroup.procs"),
        *("memory/release_agent", "memory/notify_on_release", "cpu/cpu.cfs_quota_us"),
        *("memory.max", "pids.max", "cpu.max", "devices/devices.allow"),
    )
    return [f"/sys/fs/cgroup/{name}" for name in names]


def groups() -> str:
    """Lifting one's own limits."""
    there = [path for path in own_groups() if Path(path).exists()]
    return refusals(written(path, "1") for path in there) if there else "no files"


def hidden() -> str:
    """What Docker masks: memory, keys, timers, firmware. Empty or absent."""
    shown = []
    for path in (
        "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats",
    ):  # fmt: skip
        with contextlib.suppress(OSError), Path(path).open("rb") as file:
            shown += [path] * bool(file.read(16))
    with contextlib.suppress(OSError):
        shown += [str(each) for each in Path("/sys/firmware").iterdir()]
    return " ".join(shown) or "empty"


def public() -> str:
    """Kernel version, boot command line, mounts: readable, so they count as public."""
    told = (os.uname().release, *(Path(f"/proc/{n}").read_text() for n in ("cmdline", "version")))
    return "readable" if all(told) and Path("/proc/self/mountinfo").read_text() else "hidden"


def foreign_namespaces() -> str:
    """The namespaces of the container's init."""
    return refusals(
        opened(f"/proc/1/ns/{name}", os.O_RDONLY) for name in ("net", "mnt", "pid", "user", "ipc")
    )


SECCOMP = "our seccomp profile"
ATTACKS = (
    Attack("io_uring", "EPERM", SECCOMP, lambda: each_refused(RINGS), 4),
    Attack("ptrace of a sibling", "EPERM", SECCOMP, ptrace_sibling, 6),
    Attack("mount, setns, bpf, kexec … (32)", "EPERM", SECCOMP, lambda: each_refused(ESCAPES), 8),
    Attack("userfaultfd, perf, keys … (20)", "EPERM", SECCOMP, lambda: each_refused(WEAPONS)),
    Attack("new user namespace", "EPERM", SECCOMP, lambda: new_namespace(NEW_USER), 9),
    Attack("any new namespace", "EPERM", SECCOMP, each_namespace),
    Attack("clone3", "ENOSYS", SECCOMP, clone3),
    Attack("personality", "EPERM", SECCOMP, lambda: each_refused(["personality"], 0x0040000)),
    Attack("namespaces of the init", "EACCES", "another user", foreign_namespaces),
    Attack("32-bit system calls", "SIGSYS", SECCOMP, old_calls),
    Attack("x32 system calls", "SIGSYS", SECCOMP, x32_calls),
    Attack("setuid programs", "uid stays", "no new privileges", setuid_programs, 10),
    Attack("becoming root", "EPERM", "no capability", become_root),
    Attack("becoming a neighbour's user", "EPERM", "no capability", neighbours_user),
    Attack("capabilities held", "none", "cap-drop ALL", privileges),
    Attack("taking back no-new-privileges", "EINVAL", "kernel", no_way_back),
    Attack("lower own oom_score_adj", "EACCES", "kernel", oom_score, 13),
    Attack("real-time or higher priority", "EACCES EPERM", "no capability", priority),
    Attack("setting the clock", "EPERM", "no capability, seccomp", clock),
    Attack("write kernel settings", "EACCES", "read-only /proc/sys", knobs, 12),
    Attack("write control group files", "EACCES", "read-only /sys", groups, 12),
    Attack("kernel memory, keys, firmware", "empty", "Docker's masks", hidden),
    Attack("public: kernel, command line, mounts", "readable", "none: public", public, 17),
)
