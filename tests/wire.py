"""A way to the Docker engine that can break in every way a real one does."""

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

SOCKET = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")


class Wire:
    """A socket whose bytes go to the real engine and back, until it is told to break."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "engine.sock"
        self.starts = 0  # of containers, so far
        self.cut_at: int | None = None  # the start after which `how` happens
        self.how: Callable[[], object] = self.cut
        self.after_s = 0.5
        self._silent, self._muted = threading.Event(), threading.Event()
        self._ends: list[socket.socket] = []
        self._streams: list[socket.socket] = []  # those of them that are attached to a container
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """As `docker_host` takes it."""
        return f"unix://{self.path}"

    def cut(self) -> None:
        """No byte more, and nobody answers: the socket's file is gone."""
        self.path.unlink(missing_ok=True)
        self.refuse()

    def refuse(self) -> None:
        """No byte more, and who connects is refused: the file is still there."""
        for end in [self._listening, *self._ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def freeze(self) -> None:
        """No byte more, but everything stays open and who connects waits: the engine hangs."""
        self._silent.set()

    def sever(self) -> None:
        """The streams of containers end in the middle; the engine still answers."""
        for end in self._streams:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mute(self) -> None:
        """The streams of containers go silent and stay open; the engine still answers."""
        self._muted.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(SOCKET)
                self._ends += [near, far]
                for pair in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, asking: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if self._silent.is_set() or (self._muted.is_set() and self._attached(source, sink)):
                    return
                if asking and data.startswith(b"POST"):
                    self._note(data.split(b"\r\n")[0], source)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _attached(self, *ends: socket.socket) -> bool:
        return any(end in self._streams for end in ends)

    def _note(self, request: bytes, source: socket.socket) -> None:
        if b"/attach" in request:
            self._streams.append(source)
        if b"/start" in request:
            self.starts += 1
            if self.starts == self.cut_at:
                threading.Timer(self.after_s, self.how).start()


@contextlib.contextmanager
def a_wire() -> Iterator[Wire]:
    """A wire in a folder with a short name: a socket's path has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="wire", dir="/tmp") as folder:
        made = Wire(Path(folder))
        try:
            yield made
        finally:
            made.cut()
