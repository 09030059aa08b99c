"""The duplex line channel between the tested child and the host: one JSON object a line."""

from __future__ import annotations

import json
import os
from typing import Any

READ_FD, WRITE_FD = 3, 4
CHUNK = 65536


class Channel:
    """Talks to the host. Not inherited by programs the tests start; forked children share it.

    Modes of the search engine get one of these: `main(job, channel)` may send and receive as
    often as it likes until it returns, which ends the container.
    """

    def __init__(self, read_fd: int = READ_FD, write_fd: int = WRITE_FD) -> None:
        """Take over the two descriptors."""
        self._read_fd, self._write_fd = read_fd, write_fd
        self._buffer = b""
        for end in (read_fd, write_fd):
            os.set_inheritable(end, False)

    def send(self, message: dict[str, Any]) -> None:
        """Send one object; blocks while the host does not read.

        Keep a line under 1 MiB and free of NaN and Infinity, or the host ends the run as forged.
        """
        line = json.dumps(message, separators=(",", ":"), allow_nan=False) + "\n"
        data = line.encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(self._write_fd, data) :]

    def receive(self) -> dict[str, Any] | None:
        """The next object from the host; None when it closed the session."""
        line = self.receive_line()
        return None if line is None else json.loads(line)

    def receive_line(self) -> bytes | None:
        """The next line without its end, undecoded; None at the end."""
        pieces = []
        while b"\n" not in self._buffer:
            pieces.append(self._buffer)
            self._buffer = os.read(self._read_fd, CHUNK)
            if not self._buffer:
                return None
        last, _, self._buffer = self._buffer.partition(b"\n")
        return b"".join(pieces) + last
