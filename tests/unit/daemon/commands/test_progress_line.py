"""The progress of a worker in this process, on a terminal and elsewhere."""

import io
import logging
import time
from pathlib import Path

import pytest

from daemon.commands.progress_line import ProgressLine, progress_shown
from daemon.desk.progress import Beacon
from tests.terminal import EVIL


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_elsewhere_each_stage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A log does not want the same line ten times a second."""
    line = ProgressLine()
    for _ in range(3):
        line.show("trial", "a.py", of="r-1")
    line.show("apply", "")
    line.clear()

    assert capsys.readouterr().err == "r-1: trial (a.py)\napply\n"


def test_on_a_terminal_one_line_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the width, and taken away at the end."""
    out = Terminal()
    monkeypatch.setattr("sys.stderr", out)
    monkeypatch.setenv("COLUMNS", "40")
    line = ProgressLine()
    line.show("trial", "x" * 200)
    shown = out.getvalue().rpartition("\x1b[K")[2]
    line.clear()

    assert len(shown) < 40
    assert out.getvalue().endswith("\r\x1b[K")


def test_hostile_details_are_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file name may hold anything."""
    out = Terminal()
    monkeypatch.setattr("sys.stderr", out)
    ProgressLine().show(EVIL, EVIL)

    assert "\x1b]0;" not in out.getvalue()


def test_a_workers_progress_and_warnings_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What progress.json says, until the end; warnings come through, the log is as before after.

    Read from a stream of our own: `capsys` empties what it reads, and loses a line that another
    thread writes in that moment.
    """
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    beacon = Beacon(tmp_path)
    beacon.work("r-1", "shop")
    beacon.stage("trial", "a.py")
    with progress_shown(tmp_path):
        logging.getLogger("mendd.worker").warning("mind \x1b[31m this")
        while "trial" not in shown.getvalue():
            time.sleep(0.01)

    assert "r-1: trial (a.py)" in shown.getvalue()
    assert "mind \\x1b[31m this" in shown.getvalue()
    assert logging.getLogger("mendd").handlers == []
