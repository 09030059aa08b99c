"""A conversation with a module of sandbox/guest in its own container (the search engine's seam).

    with bench.session({"mode": "screen", …}) as session:
        session.send({"candidate": …})
        answer = session.receive(5.0)

Inside, `sandbox/guest/screen.py` defines `main(job, channel) -> int | None`; `job` is the mapping
given here, `channel` a `Channel` (guest/channel.py). It runs as the unprivileged user in
`/module`, with pytest already imported and the container's limits in force; when it returns, or
when the host closes the session, the container ends. What it prints is kept in `output`.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from sandbox.capsule import TICK_S, Capsule, OutOfMemory
from sandbox.launch import check_stop
from sandbox.results import LINE_BYTES, Ending, Forged, strict_object

OUTPUT_KEPT = 64 << 10
GRACE_S = 10.0


class GuestSession:
    """One open conversation. Not for several threads at once."""

    def __init__(
        self, capsule: Capsule, job: Mapping[str, Any], *, timeout_s: float,
        stop: threading.Event | None,
    ) -> None:  # fmt: skip
        """Hand over the job; `timeout_s` limits the whole session, inside and outside."""
        self._capsule, self._stop = capsule, stop
        self.on_close: Callable[[], None] = capsule.close  # Bench gives the slot back too
        self._deadline = time.monotonic() + timeout_s + GRACE_S
        self._lines: list[dict[str, Any]] = []
        self._rest = b""
        self._closed = False
        self.output = b""
        self.ending: Ending | None = None  # None while it goes on
        self.detail = ""
        capsule.begin(job, timeout_s)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one object to the guest's `channel.receive()`.

        Raises SandboxDied when the container is gone for a reason that is not the guest's.
        Nothing happens after the session's end.
        """
        if self.ending is None:
            self._capsule.send_line(json.dumps(message, separators=(",", ":")).encode())

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The guest's next object; None when none came in time or the session has ended.

        `ending` tells the two apart: FINISHED (main returned), TIMED_OUT, OUT_OF_MEMORY, FLOODED,
        CRASHED, FORGED (a line that is no plain JSON object, over 1 MiB, or too many bytes).
        Objects sent before the end are still received. Their content is untrusted: check it.
        Raises SandboxDied (no statement about the code) and TrialStopped (`stop` was set).
        """
        deadline = time.monotonic() + timeout_s
        while not self._lines and self.ending is None:
            check_stop(self._stop)
            left = deadline - time.monotonic()
            if left <= 0 and not self._late():
                return None
            self._step(min(left, TICK_S))
        return self._lines.pop(0) if self._lines else None

    def _late(self) -> bool:
        return time.monotonic() > self._deadline

    def _step(self, timeout_s: float) -> None:
        """Take in at most one frame; past the outer limit only what the guest is not late with."""
        late = self._late()
        try:
            frame = self._capsule.asked() if late else self._capsule.frame(timeout_s)
        except OutOfMemory as fault:
            return self._end(Ending.OUT_OF_MEMORY, str(fault))
        if frame is None:
            return self._end(Ending.TIMED_OUT, "the outer time limit") if late else None
        kind, payload = frame
        if kind == "L":
            return self._take(payload)
        if kind == "O":
            self.output = (self.output + payload)[-OUTPUT_KEPT:]
            return None
        return self._end(*ending_of(json.loads(payload)))

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            found = [strict_object(line) for line in lines]
            if len(self._rest) > LINE_BYTES:
                raise Forged("a line without an end")
        except Forged as fault:
            return self._end(Ending.FORGED, str(fault))
        for message in found:
            if message.get("k") == "missing":
                self._end(
                    Ending.CRASHED, f"the guest module cannot be imported: {message.get('m')}"
                )
            elif message not in ({"k": "ready"}, {"k": "begun"}):
                self._lines.append(message)
        return None

    def _end(self, ending: Ending, detail: str) -> None:
        self.ending, self.detail = ending, detail
        self.close()

    def close(self) -> None:
        """End the session and its container; again is fine."""
        if not self._closed:
            self._closed = True
            self.ending = self.ending or Ending.FINISHED
            self.on_close()

    def __enter__(self) -> "GuestSession":
        """The session itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Close it."""
        self.close()


def ending_of(end: Mapping[str, Any]) -> tuple[Ending, str]:
    """The harness's last frame as an ending, for a guest that has no last word of its own."""
    if end["oom_kills"]:
        return Ending.OUT_OF_MEMORY, "the kernel killed a process for memory"
    known = cut_off(str(end["reason"]))
    if known is not None:
        return known
    if end["status"]:
        return Ending.CRASHED, f"the guest ended with {end['status']}"
    return Ending.FINISHED, ""


def cut_off(reason: str) -> tuple[Ending, str] | None:
    """The ending of a child that the harness had to kill; None when it ended by itself."""
    return {
        "timeout": (Ending.TIMED_OUT, "the time limit"),
        "flood": (Ending.FLOODED, "more output than output_kib allows"),
        "oversize": (Ending.FORGED, "more report bytes than result_kib allows"),
    }.get(reason)
