"""The root half: starts the tested child as another user, carries bytes, keeps the limits.

Standard library only, run with `python3 -I -S`, and never reads what the tested code says: bytes
are counted and framed, not parsed. Its own memory and standard output are out of the child's
reach, because the child has another user id; so an "E" frame cannot be forged.

In (the container's stdin)                Out (the container's stdout)
    line 1  setup: uid, argv, env, …          1 byte kind, 4 bytes length (big endian), payload
    line 2  {"timeout_s": …}: the clock       "L" bytes of the child's channel (JSON lines)
    rest    handed to the child verbatim      "O" bytes of its stdout and stderr
    end     everything is killed              "H" nothing: we are here, while the clock runs
                                              "E" how it ended, JSON; always the last frame

The end of stdin means that nobody is listening any more: a daemon that was killed leaves no
container running. The child's limits on files and open files are the container's own. At the end
everything in sight is killed, so it does not start where that could be more than its container.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import sys
import time
from typing import Any

CHUNK = 65536
BEAT_S = 2.0  # between two signs of life; a test may be silent for long, we are not
OOM_COUNTERS = ("/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events")


class Harness:
    """One child from start to end."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self.setup = setup
        self.left = {"L": setup["report_bytes"], "O": setup["output_bytes"]}
        self.deadline: float | None = None
        self.started = self.next_beat = time.monotonic()
        self.head = b""  # bytes of line 2, until its end was seen
        self.waiting = b""  # bytes for the child that its pipe did not take yet
        self.reason: str | None = None
        self.pid: int | None = None
        self.status = 0
        self.wake = os.pipe()
        for end in self.wake:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self.wake[1])
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def spawn(self) -> None:
        """Fork the child with fd 3 to read from the host and fd 4 to write to it."""
        to_child, from_child, output = os.pipe(), os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.become_child(to_child[0], from_child[1], output[1])
            except BaseException as fault:  # noqa: BLE001 - said, then the process ends
                os.write(2, f"the child could not start: {fault!r}".encode())
            finally:
                os._exit(127)
        for end in (to_child[0], from_child[1], output[1]):
            os.close(end)
        self.child_in, self.lines, self.output = to_child[1], from_child[0], output[0]
        for end in (self.child_in, self.lines, self.output, 0):
            os.set_blocking(end, False)

    def become_child(self, source: int, sink: int, output: int) -> None:
        """Drop every privilege, then become the target's interpreter."""
        signal.set_wakeup_fd(-1)
        os.setsid()
        source, sink, output = (
            fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (source, sink, output)
        )
        null = os.open("/dev/null", os.O_RDONLY)
        for number, end in ((0, null), (1, output), (2, output), (3, source), (4, sink)):
            os.dup2(end, number)
        os.closerange(5, 64)
        uid = self.setup["uid"]
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.chdir("/")
        os.umask(0o022)
        argv = self.setup["argv"]
        os.execvpe(argv[0], argv, self.setup["env"])  # noqa: S606 - a list, no shell wanted

    def carry(self) -> None:
        """Move bytes until the child ends or a limit is met; sets `reason`."""
        poll = select.poll()
        for end in (0, self.lines, self.output, self.wake[0]):
            poll.register(end, select.POLLIN)
        feeding = False
        while self.reason is None:
            if bool(self.waiting) != feeding:
                feeding = not feeding
                if feeding:
                    poll.register(self.child_in, select.POLLOUT)
                else:
                    poll.unregister(self.child_in)
            ready = dict(poll.poll(self.remaining_ms()))
            if self.deadline is not None:
                self.beat()
                if time.monotonic() >= self.deadline:
                    self.reason = "timeout"
            for end, kind in ((self.lines, "L"), (self.output, "O")):
                if end in ready and not self.forward(end, kind):
                    poll.unregister(end)
            if 0 in ready:
                self.listen()
            if self.child_in in ready:
                self.feed()
            if self.wake[0] in ready:
                os.read(self.wake[0], 512)
                self.reap()

    def remaining_ms(self) -> int | None:
        if self.deadline is None:
            return None
        return max(0, int((min(self.deadline, self.next_beat) - time.monotonic()) * 1000) + 1)

    def beat(self) -> None:
        """By this the host tells a test that hangs from a line that is dead."""
        if time.monotonic() >= self.next_beat:
            self.next_beat = time.monotonic() + BEAT_S
            frame("H", b"")

    def forward(self, end: int, kind: str) -> bool:
        """Frame what the child wrote; False at its end."""
        try:
            data = os.read(end, CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        allowed = data[: self.left[kind]]
        self.left[kind] -= len(allowed)
        if allowed:
            frame(kind, allowed)
        if len(allowed) < len(data) and self.reason is None:
            self.reason = "oversize" if kind == "L" else "flood"
        return True

    def listen(self) -> None:
        """Take bytes from the host: line 2 for ourselves, the rest for the child."""
        data = os.read(0, CHUNK)
        if not data:
            self.reason = "abandoned"
        elif self.deadline is None:
            self.head += data
            line, found, rest = self.head.partition(b"\n")
            if found:
                self.started = time.monotonic()
                self.deadline = self.started + float(json.loads(line)["timeout_s"])
                self.waiting = rest
        else:
            self.waiting += data

    def feed(self) -> None:
        try:
            sent = os.write(self.child_in, self.waiting[:CHUNK])
        except BlockingIOError:
            return
        except BrokenPipeError:
            sent = len(self.waiting)
        self.waiting = self.waiting[sent:]

    def reap(self) -> None:
        pid, status = os.waitpid(self.pid or -1, os.WNOHANG)
        if pid and pid == self.pid:
            self.status = os.waitstatus_to_exitcode(status)
            self.pid = None
            self.reason = self.reason or "exited"

    def finish(self) -> None:
        """Kill whatever is left, pass on what was already written, and say how it ended."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        while self.pid is not None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.pid = None
        if self.reason != "abandoned":
            for end, kind in ((self.lines, "L"), (self.output, "O")):
                self.drain(end, kind)
        seconds = time.monotonic() - self.started
        last = {"reason": self.reason, "status": self.status, "seconds": seconds}
        frame("E", json.dumps({**last, "oom_kills": oom_kills()}).encode())

    def drain(self, end: int, kind: str) -> None:
        while select.select([end], [], [], 0)[0] and self.left[kind] > 0:
            if not self.forward(end, kind):
                break


def frame(kind: str, payload: bytes) -> None:
    """Write one frame whole."""
    data = kind.encode() + struct.pack(">I", len(payload)) + payload
    while data:
        data = data[os.write(1, data) :]


def oom_kills() -> int:
    """How many processes of this container the kernel killed for memory (cgroup v1 or v2)."""
    for path in OOM_COUNTERS:
        try:
            with open(path) as file:
                for line in file:
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        except OSError:
            continue
    return 0


def first_line() -> Any:
    """Line 1, read byte by byte so that nothing after it is swallowed."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(0)
        line += byte
    return json.loads(line)


def has_own_processes() -> bool:
    """Whether process ids are this container's own: then its init, our parent, is number 1."""
    return os.getppid() == 1 or os.getpid() == 1


def main() -> None:
    """Run one child to its end."""
    if not has_own_processes():
        os.write(2, b"the container has no process ids of its own: nothing is run in it")
        sys.exit(70)
    harness = Harness(first_line())
    harness.spawn()
    harness.carry()
    harness.finish()


if __name__ == "__main__":
    main()
