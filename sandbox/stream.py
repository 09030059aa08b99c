"""A container's attached standard streams: bounded reads, and an end that never hangs.

An attached stream that nobody reads blocks `kill`, `inspect` and `rm` of its container for as
long as the client's own timeout (moby issue 41827; measured 20 s and 60 s). So whoever stops
reading closes the stream first, and only then kills.
"""

import contextlib
import select
import socket
import struct
import time
from typing import Any

CHUNK = 1 << 16
HEADER = struct.Struct(">BxxxL")  # Docker's multiplexed stream: 1 stdout, 2 stderr, then length
STDERR_KEPT = 4096  # of the harness itself, which is silent unless something is badly wrong


class StreamEnded(Exception):
    """The other side closed: the container ended or was taken away."""


class Stream:
    """The harness's standard input and output through the engine's attach call."""

    def __init__(self, attached: Any) -> None:
        """`attached` is what the SDK's `attach_socket` returned; it is closed by `close`."""
        self._attached = attached
        self._socket: Any = getattr(attached, "_sock", attached)
        self._raw = bytearray()
        self._frames = bytearray()
        self.stderr = b""
        with contextlib.suppress(AttributeError):
            self._socket.setblocking(False)

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of it; StreamEnded when the container is gone or takes nothing for too long."""
        view, deadline = memoryview(data), time.monotonic() + timeout_s
        while view:
            try:
                view = view[self._socket.send(view) :]
            except (BlockingIOError, InterruptedError):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise StreamEnded("the container takes no more input") from None
                select.select([], [self._socket], [], left)
            except OSError as fault:
                raise StreamEnded(str(fault)) from fault

    def frame(self, timeout_s: float) -> tuple[str, bytes] | None:
        """The harness's next frame (kind, payload); None when none arrived in time."""
        deadline = time.monotonic() + timeout_s
        while (frame := self._take()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                return None
            self._fill()
        return frame

    def look(self) -> None:
        """Take in what has arrived, without waiting; StreamEnded when the other side closed."""
        while select.select([self._socket], [], [], 0)[0]:
            self._fill()

    def _take(self) -> tuple[str, bytes] | None:
        """One whole frame out of what has arrived."""
        if len(self._frames) < 5:
            return None
        length = int.from_bytes(self._frames[1:5], "big")
        if length > 2 * CHUNK:
            raise StreamEnded(f"the harness announced a frame of {length} bytes")
        if len(self._frames) < 5 + length:
            return None
        kind, payload = chr(self._frames[0]), bytes(self._frames[5 : 5 + length])
        del self._frames[: 5 + length]
        return kind, payload

    def _fill(self) -> None:
        """Read once and undo Docker's own framing."""
        try:
            data = self._socket.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as fault:
            raise StreamEnded(str(fault)) from fault
        if not data:
            raise StreamEnded("the container's output ended")
        self._raw += data
        while len(self._raw) >= HEADER.size:
            channel, length = HEADER.unpack_from(self._raw)
            if len(self._raw) < HEADER.size + length:
                break
            payload = self._raw[HEADER.size : HEADER.size + length]
            del self._raw[: HEADER.size + length]
            if channel == 2:
                self.stderr = (self.stderr + payload)[-STDERR_KEPT:]
            else:
                self._frames += payload

    def shut(self) -> None:
        """End it from any thread; whoever reads it meets its end, and `close` is still theirs."""
        with contextlib.suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the container's streams, so that kill and remove answer at once."""
        self.shut()
        response = getattr(self._attached, "_response", None)
        held_open = [self._attached, self._socket]
        for held in (*held_open, *([response] if response is not None else [])):
            with contextlib.suppress(OSError, ValueError):
                held.close()
