"""One trial container from creation to removal; it is used once and thrown away.

The words spoken with the harness inside stand in sandbox/guest/harness.py.
"""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.box import Box
from sandbox.container import Docker
from sandbox.errors import SandboxDied, SandboxError
from sandbox.stream import Stream, StreamEnded

SEND_S = 20.0  # for handing over a job; the pipe holds little, the child reads it early
TICK_S = 0.1  # how often a waiting call looks at its `stop` event
QUIET_S = 10.0  # of silence, after which the engine is asked; the harness is never silent so long
LAST_WORDS_S = 5.0  # for what is still on its way then
SIGN_OF_LIFE = ("H", b"")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What the harness is told first."""

    uid: int
    argv: tuple[str, ...]
    env: Mapping[str, str]
    report_bytes: int
    output_bytes: int


class Capsule:
    """A started container and its streams. `close` is always called, and returns at once."""

    def __init__(
        self, docker: Docker, box: Box, setup: Setup, undertaker: "Undertaker",
        after: Callable[[], None],
    ) -> None:  # fmt: skip
        """Create, attach, start, and send the setup: the child gets ready from here on.

        `after` is called once the container is gone (not when it could not be created).
        """
        self._docker, self._undertaker, self._after = docker, undertaker, after
        self.setup = setup
        self._stream: Stream | None = None
        self._heard = time.monotonic()
        self.id = docker.create(box)
        try:
            self._stream = docker.attach(self.id)
            docker.start(self.id)
            self._send(json.dumps({**setup.__dict__, "env": dict(setup.env)}).encode() + b"\n")
        except BaseException:
            self.close()
            raise

    def look(self) -> None:
        """SandboxDied when a container that waited has ended meanwhile."""
        assert self._stream is not None
        try:
            self._stream.look()
        except StreamEnded as fault:
            raise self.death(str(fault)) from fault

    def begin(self, job: Mapping[str, Any], timeout_s: float) -> None:
        """Start the clock and hand over the job."""
        start = json.dumps({"timeout_s": timeout_s}).encode() + b"\n"
        self._send(start + json.dumps(job).encode() + b"\n")
        self._heard = time.monotonic()

    def send_line(self, line: bytes) -> None:
        """One more line for the child."""
        self._send(line + b"\n")

    def frame(self, timeout_s: float) -> tuple[str, bytes] | None:
        """The harness's next frame, None when none came; SandboxDied when it will never come.

        EngineUnavailable when the engine fell silent, which looks like a test that hangs.
        """
        found = self._frame(timeout_s)
        if found is None and time.monotonic() - self._heard > QUIET_S:
            return self.asked()
        return None if found == SIGN_OF_LIFE else found

    def asked(self) -> tuple[str, bytes] | None:
        """The next frame of a container that has been silent for too long, or has to be at its end.

        None when its harness still gives signs of life: then it is the tests that are late.
        """
        state = self._docker.state(self.id)
        found = self._frame(LAST_WORDS_S)
        if found is None and state is not None and state.get("Running"):
            raise SandboxDied("the trial's container runs, but its harness is not heard any more")
        if found is None:
            raise self.death("its last words did not arrive")
        return None if found == SIGN_OF_LIFE else found

    def _frame(self, timeout_s: float) -> tuple[str, bytes] | None:
        assert self._stream is not None
        try:
            found = self._stream.frame(timeout_s)
        except StreamEnded as fault:
            raise self.death(str(fault)) from fault
        if found is not None:
            self._heard = time.monotonic()
        return found

    def shut(self) -> None:
        """End its streams from any thread: unread ones would keep the engine from killing it."""
        if self._stream is not None:
            self._stream.shut()

    def _send(self, data: bytes) -> None:
        assert self._stream is not None
        try:
            self._stream.send(data, SEND_S)
        except StreamEnded as fault:
            raise self.death(str(fault)) from fault

    def death(self, fault: str) -> SandboxDied:
        """Why the stream ended before the harness said so, as far as the engine knows."""
        state = self._final_state()
        said = self._stream.stderr.decode("utf-8", "replace").strip() if self._stream else ""
        if state is None:
            return SandboxDied("the trial's container was removed while it ran")
        if state.get("OOMKilled"):
            return OutOfMemory("the kernel killed the container's harness for memory")
        code, error = state.get("ExitCode"), state.get("Error")
        return SandboxDied(
            f"the trial's container ended early ({fault}; exit {code}) {error}{said}"
        )

    def _final_state(self) -> dict[str, Any] | None:
        """The state once it stopped running; the stream's end comes a little before that."""
        deadline = time.monotonic() + 2
        while (state := self._docker.state(self.id)) and state.get("Running"):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        return state

    def close(self) -> None:
        """Close the stream first (see stream.py), then have the container removed."""
        if self._stream is not None:
            self._stream.close()
        self._undertaker.bury(self.id, self._after)


class OutOfMemory(SandboxDied):
    """The harness itself fell to the memory limit: an ending of the run, not a fault of ours."""


class Undertaker:
    """Removes containers off the critical path, and knows which are not removed yet."""

    def __init__(self, docker: Docker) -> None:
        """One thread, started with the first container."""
        self._docker = docker
        self._queue: queue.SimpleQueue[tuple[str, Callable[[], None]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.failed: list[str] = []

    def bury(self, container: str, after: Callable[[], None]) -> None:
        """Have it killed and removed soon; certain, because `sweep` finds what failed here."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="undertaker", daemon=True)
                self._thread.start()
        self._queue.put((container, after))

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            container, after = item
            try:
                self._docker.remove(container)
            except SandboxError:
                self.failed.append(container)
            after()

    def close(self) -> None:
        """Wait until everything handed over is gone."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(timeout=30)
        while self.failed:
            with contextlib.suppress(SandboxError):  # the next start's sweep is the last resort
                self._docker.remove(self.failed.pop())
