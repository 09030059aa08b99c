"""Two containers side by side: one leaves marks and takes all it gets, the other looks for them."""

import ctypes
import os
import signal
import socket
import time
from pathlib import Path

from tests.attacks.attack import LIBC, REACHED, Attack, refusal
from tests.attacks.processes import forks

MARK, PORT = "mendd-mark", 47001
NAME = f"/{MARK}".encode()
HELD: list[object] = []  # what must stay open while the neighbour looks


def hold() -> None:
    """Leave a mark in everything that could be shared, fork to the limit, and stay busy."""
    for folder in ("/dev/shm", "/tmp"):
        Path(folder, MARK).write_text("x")
    queue(os.O_CREAT)
    abstract, listening = socket.socket(socket.AF_UNIX), socket.socket()
    abstract.bind("\0" + MARK)
    listening.bind(("127.0.0.1", PORT))
    for each in (abstract, listening):
        each.listen()
    HELD.extend([abstract, listening, forks()])
    while True:
        time.sleep(0.001)


def queue(flags: int) -> None:
    """Open a POSIX message queue of the mark's name."""
    ctypes.set_errno(0)
    if LIBC.mq_open(NAME, os.O_RDWR | flags, 0o666, None) == -1:
        raise OSError(ctypes.get_errno(), "mq_open")


def file_of(folder: str) -> str:
    """Whether the other's file is there."""
    return REACHED if Path(folder, MARK).exists() else "absent"


def abstract_socket() -> str:
    """Abstract names belong to a network namespace."""
    with socket.socket(socket.AF_UNIX) as made:
        return refusal(made.connect, "\0" + MARK)


def loopback() -> str:
    """Each has its own loopback."""
    with socket.socket() as made:
        return refusal(made.connect, ("127.0.0.1", PORT))


def others() -> str:
    """Only this container's own few processes are in sight."""
    seen = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    return "alone" if len(seen) < 9 else f"{len(seen)} processes in sight"


def room_to_fork() -> str:
    """The other has all that it may; here there are as many as ever."""
    end, made = forks()
    for pid in made:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return f"{end} after more than 50" if len(made) > 50 else f"{end} after {len(made)}"


PRIVATE = "private IPC namespace"
ATTACKS = (
    Attack("the neighbour's /dev/shm", "absent", PRIVATE, lambda: file_of("/dev/shm")),
    Attack("the neighbour's /tmp", "absent", "a tmpfs of its own", lambda: file_of("/tmp")),
    Attack("the neighbour's message queue", "ENOENT", PRIVATE, lambda: refusal(queue, 0)),
    Attack("the neighbour's abstract socket", "ECONNREFUSED", "network none", abstract_socket),
    Attack("the neighbour's loopback port", "ECONNREFUSED", "network none", loopback),
    Attack("the neighbour's processes", "alone", "PID namespace", others),
    Attack(
        "processes beside a fork bomb",
        "EAGAIN after more than 50",
        "pids-limit, not nproc",
        room_to_fork,
        31,
    ),
)
