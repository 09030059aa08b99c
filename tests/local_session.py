"""A bench's session without a container: a guest in a local process, on a copy of the tree."""

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.results import Ending
from tests.local_guest import LocalLine


class LocalSession:
    """What `Bench.session` opens, on a copy of the tree that lives as long as the session."""

    output = b""
    detail = ""

    def __init__(
        self, tree: Path, job: Mapping[str, Any], *, files: Mapping[str, bytes], timeout_s: float
    ) -> None:
        """Put the files into a copy, and start the guest there."""
        self._folder = tempfile.TemporaryDirectory()
        self._end_at = time.monotonic() + timeout_s
        self.ending: Ending | None = None
        copy = Path(self._folder.name) / "copy"
        shutil.copytree(tree, copy)
        for name, data in files.items():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes(data)
        self._line = LocalLine(copy, **job)

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The guest's next object; None sets `ending` when none can come any more."""
        left = self._end_at - time.monotonic()
        message = self._line.receive(max(0.0, min(timeout_s, left)))
        if message is None and self._line.ended():
            self.ending = Ending.FINISHED
        elif message is None and time.monotonic() >= self._end_at:
            self.ending, self.detail = Ending.TIMED_OUT, "the time limit"
            self._line.kill()
        return message

    def __enter__(self) -> "LocalSession":
        return self

    def __exit__(self, *_: object) -> None:
        self._line.kill()
        self._line.close()
        self._folder.cleanup()
