"""Says what is being worked on right now, for people, for `mendd status` and for the watchdog.

One small file, `progress.json`, replaced whole: it exists while a worker works, and its `beat`
is renewed at every stage, by every engine's progress line, and while something runs that has a
time limit of its own.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

FILENAME = "progress.json"
BEAT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a worker is at. Times are UTC, RFC 3339."""

    pid: int
    stage: str
    detail: str
    since: str
    beat: str
    reflection: str | None = None
    target: str | None = None


class Beacon:
    """Writes the progress file; every engine thread may call it."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILENAME
        self._lock = threading.Lock()
        self._stage = "starting"
        self._detail = ""
        self._since = _now()
        self._reflection: str | None = None
        self._target: str | None = None

    def work(self, reflection: str | None, target: str | None) -> None:
        """Name the reflection that the next stages belong to."""
        self._reflection, self._target = reflection, target

    def stage(self, stage: str, detail: str = "") -> None:
        """A new stage of the road begins."""
        self._stage, self._since = stage, _now()
        self.detail(detail)

    def detail(self, detail: str) -> None:
        """Something moved within the stage: the worker is alive and gets on."""
        self._detail = detail[:300]
        shown = Progress(
            pid=os.getpid(),
            stage=self._stage,
            detail=self._detail,
            since=self._since,
            beat=_now(),
            reflection=self._reflection,
            target=self._target,
        )
        with self._lock:
            beside = self._path.with_name(f".{FILENAME}.{os.getpid()}")
            beside.write_text(json.dumps(asdict(shown)), "utf-8")
            beside.replace(self._path)

    @contextlib.contextmanager
    def beating(self, longest_s: float, *, every_s: float = BEAT_S) -> Iterator[None]:
        """Show life while something runs that says nothing, for `longest_s` at most.

        So a suite may take longer than `service.stall_s`, and a run that outlives its own limits
        is still found out.
        """
        over = threading.Event()
        deadline = time.monotonic() + longest_s

        def beat() -> None:
            while not over.wait(every_s) and time.monotonic() < deadline:
                with contextlib.suppress(OSError):  # a full disk is for the next stage to tell
                    self.detail(self._detail)

        thread = threading.Thread(target=beat, name="mendd-beat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def end(self) -> None:
        """Nothing is under way any more."""
        self._path.unlink(missing_ok=True)


def read_progress(state: Path) -> Progress | None:
    """What is under way, or None; a file that cannot be read counts as none."""
    try:
        data = json.loads((state / FILENAME).read_text("utf-8"))
        return Progress(**data)
    except (OSError, ValueError, TypeError):
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
