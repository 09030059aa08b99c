"""Tables, colours and hostile text, on a terminal and in a pipe."""

import io
import json
from datetime import UTC, datetime

import pytest

from daemon.show import Screen, how_long, local_time, one_line, safe, utc_time


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize("mark", ["\x1b[31m", "\x07", "\x9b31m", "\u202e", "\r", "\u2028", "\x7f"])
def test_nothing_a_terminal_obeys_gets_through(mark: str) -> None:
    """Control, direction and separator characters become escapes."""
    assert mark not in safe(f"a{mark}b")
    assert safe(f"a{mark}b").isprintable()


def test_lines_stay_lines() -> None:
    """Newlines and tabs are text, not commands."""
    assert safe("a\n\tb") == "a\n\tb"
    assert one_line("a\n\tb", 3) == "a b"
    assert one_line("abcdef", 4) == "abc…"


def test_half_characters_are_shown() -> None:
    """A lone surrogate cannot be encoded, so it is written out."""
    assert safe("\ud800") == "\\ud800"


def test_a_pipe_gets_plain_aligned_text() -> None:
    """Columns line up, wide characters count two, nothing is cut or coloured."""
    out = io.StringIO()

    Screen(out).table(("id", "what"), [("漢字", "x"), ("a", "y\nz")])

    assert out.getvalue() == "ID    WHAT\n漢字  x\na     y z\n"


def test_a_terminal_gets_colours_and_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A known word is coloured; lines are folded to the width, times are not broken."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()

    Screen(out).table(("when", "verdict", "what"), [("2026-11-20 09:00:00", "applied", "w " * 60)])

    assert "\x1b[32mapplied" in out.getvalue()
    assert "2026-11-20 09:00:00" in out.getvalue()


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org: the table stays, the colours go."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()

    Screen(out).diff("--- a\n+++ b\n+new\n-old\n")

    assert "\x1b[3" not in out.getvalue()
    assert "+new" in out.getvalue()


def test_hostile_text_is_harmless_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, facts, diffs and Markdown: no escape of theirs reaches the terminal."""
    monkeypatch.setenv("TERM", "xterm-256color")
    evil = "\x1b]0;owned\x07[bold]not markup[/bold]"
    for out in (io.StringIO(), Terminal()):
        screen = Screen(out)
        screen.table(("a", "b"), [(evil, evil)])
        screen.facts([("name", evil)])
        screen.diff(f"+{evil}")
        screen.markdown(f"# {evil}\n[link](file:///etc/passwd)")
        screen.heading(evil)
        assert "\x1b]0;" not in out.getvalue()
        assert "\x07" not in out.getvalue()
        assert "\x1b]8;" not in out.getvalue()
        assert "[bold]" in out.getvalue()


def test_json_is_exact_and_harmless() -> None:
    """Escapes keep every character, and none of them raw."""
    out = io.StringIO()

    Screen(out).document({"text": "\x1b\x9b\u202e\ud800"})

    assert out.getvalue().isascii()
    assert json.loads(out.getvalue())["text"] == "\x1b\x9b\u202e\ud800"


def test_facts_without_a_value_are_left_out() -> None:
    """Names line up; a value of several lines keeps its margin."""
    out = io.StringIO()

    Screen(out).facts([("a", ""), ("long", "1\n2"), ("b", "3")])

    assert out.getvalue() == "long  1\n      2\nb     3\n"


def test_times_are_local_for_people_and_utc_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same moment, twice."""
    moment = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    assert utc_time(moment) == "2026-11-20T09:00:00.000Z"
    assert local_time("2026-11-20T09:00:00Z") == moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert local_time("no time\x1b") == "no time\\x1b"


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "0 s"), (7, "7 s"), (200, "3 min"), (9000, "2 h"), (3e5, "3 days")]
)
def test_spans_are_short(seconds: float, words: str) -> None:
    """One unit is enough."""
    assert how_long(seconds) == words
