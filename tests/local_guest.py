"""A guest as a process on this machine: the same code, no container.

Run as a program it is the guest; imported, `LocalLine` starts one and speaks with it. Only for
tests: nothing limits what the tested code may touch.
"""

import contextlib
import importlib
import json
import os
import selectors
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class LocalLine:
    """The engine's `Line` to a guest in a local process."""

    ending = None

    def __init__(self, folder: Path, **job: Any) -> None:
        """Start the guest in a folder and hand it its job."""
        self._process = subprocess.Popen(
            [sys.executable, "-B", __file__],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        self._rest = b""
        self.send({"mode": "screen", "arguments": [], "memory_mib": 128, **job})

    def send(self, message: Mapping[str, Any]) -> None:
        """One line for the guest."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The guest's next line; None when none comes in time."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not waiting.select(timeout_s):
                    return None
                data = os.read(self._process.stdout.fileno(), 65536)
                if not data:
                    return None
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def ended(self) -> bool:
        """Whether nothing can come any more, as its standard output is closed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self) -> None:
        """Let the guest end."""
        for end in (self._process.stdin, self._process.stdout):
            if end is not None:
                end.close()
        self._process.wait(timeout=30)


class Channel:
    """The guest's side, over this process's own standard input and output."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb")
        self._in = os.fdopen(os.dup(0), "rb")
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)

    def send(self, message: Mapping[str, Any]) -> None:
        """One line for the host."""
        self._out.write(json.dumps(message).encode() + b"\n")
        self._out.flush()

    def receive(self) -> dict[str, Any] | None:
        """The host's next line; None at the end."""
        line = self._in.readline()
        return json.loads(line) if line else None


def main() -> None:
    """Be the guest, under the package name it has in the container."""
    package = types.ModuleType("mendd_guest")
    package.__path__ = [str(ROOT / "sandbox" / "guest")]
    sys.modules["mendd_guest"] = package
    sys.path[:] = [entry for entry in sys.path if entry != str(Path(__file__).parent)]
    channel = Channel()
    job = channel.receive()
    assert job is not None
    importlib.import_module(f"mendd_guest.{job['mode']}").main(job, channel)


if __name__ == "__main__":
    main()
