"""Log lines for the journal, for people and for machines."""

import json
import logging
import os
import sys
from pathlib import Path

import pytest

from daemon.supervision.logs import Kind, Lines, _into_journal, printable


def line(kind: Kind, message: str, level: int = logging.INFO, *, trace: bool = False) -> str:
    """One formatted record."""
    about = None
    if trace:
        try:
            raise ValueError("bad\x1b[2J")
        except ValueError:
            about = sys.exc_info()
    record = logging.LogRecord("mendd", level, __file__, 1, message, (), about)
    return Lines(kind).format(record)


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.CRITICAL, 3)],
)
def test_the_journal_gets_a_priority_on_every_line(level: int, priority: int) -> None:
    """A traceback is several entries of the same priority."""
    lines = line("journal", "it broke", level, trace=True).splitlines()

    assert lines[0] == f"<{priority}>it broke"
    assert len(lines) > 2
    assert all(each.startswith(f"<{priority}>") for each in lines)


def test_json_is_one_line_whatever_is_in_it() -> None:
    """With the traceback in a member of its own."""
    said = line("json", 'a\nb"', logging.ERROR, trace=True)

    assert "\n" not in said
    value = json.loads(said)
    assert value["level"] == "error"
    assert value["time"].endswith("Z")
    assert "ValueError" in value["traceback"]


def test_people_see_the_time_and_what_is_not_normal() -> None:
    """Control characters from file names are escaped."""
    assert line("human", "ready")[8:] == " ready"
    assert line("human", "\x1b[2J\u202e", logging.WARNING)[8:] == " warning: \\x1b[2J\\u202e"


def test_printable_text_stays_as_it_is() -> None:
    """Accents and emoji are text."""
    assert printable("naïve ✓") == "naïve ✓"
    assert printable("a\udc80b") == "a\\udc80b"


def test_the_journal_is_known_by_its_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$JOURNAL_STREAM is inherited by children whose stderr goes elsewhere."""
    with (tmp_path / "stream").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        about = os.fstat(stream.fileno())

        assert _into_journal({"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
        assert not _into_journal({"JOURNAL_STREAM": "1:2"})
        assert not _into_journal({})
