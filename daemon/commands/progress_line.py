"""Shows on stderr what a worker in this process is at: one line that changes, or a line a stage.

The worker says it in `progress.json`; this only looks there, so nothing in the worker knows that
somebody watches.
"""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from daemon.desk.progress import Progress, read_progress
from daemon.show import how_long, one_line
from daemon.supervision.logs import Lines

LOOK_S = 0.15
MOVING = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@contextlib.contextmanager
def progress_shown(state: Path) -> Iterator[None]:
    """While inside, the progress under this state folder is shown, warnings above it."""
    over = threading.Event()
    line = ProgressLine()
    log, handler = logging.getLogger("mendd"), AboveTheLine(line)
    log.addHandler(handler)
    log.propagate = False
    thread = threading.Thread(target=_follow, args=(state, line, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        line.clear()
        log.removeHandler(handler)
        log.propagate = True


class ProgressLine:
    """One changing line on a terminal; elsewhere a new line whenever the stage changes."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._stage = ""
        self._shown = False

    def show(self, stage: str, detail: str, *, of: str = "", seconds: float = 0.0) -> None:
        """Say what is under way; texts from outside are made harmless here."""
        words = one_line(": ".join(part for part in (of, stage) if part))
        if not self._terminal:
            if words != self._stage:
                sys.stderr.write(f"{words}{f' ({one_line(detail, 120)})' if detail else ''}\n")
            self._stage = words
            return
        import shutil

        mark = MOVING[int(time.monotonic() / LOOK_S) % len(MOVING)]
        text = f"{mark} {words} · {how_long(seconds)}{f' · {detail}' if detail else ''}"
        most = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r\x1b[K{one_line(text, most)}")
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        """Take the line away again."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False


class AboveTheLine(logging.StreamHandler[TextIO]):
    """Warnings of the worker, printed where the progress line was."""

    def __init__(self, line: ProgressLine) -> None:
        super().__init__(sys.stderr)
        self._line = line
        self.setLevel(logging.WARNING)
        self.setFormatter(Lines("human"))

    def emit(self, record: logging.LogRecord) -> None:
        """Take the line away, then print; it comes back by itself."""
        self._line.clear()
        super().emit(record)


def _follow(state: Path, line: ProgressLine, over: threading.Event) -> None:
    while not over.wait(LOOK_S):
        progress = read_progress(state)
        if progress is not None:
            line.show(
                progress.stage,
                progress.detail,
                of=progress.reflection or "",
                seconds=_since(progress),
            )


def _since(progress: Progress) -> float:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(progress.since)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
