"""Puts values on a terminal or into a pipe; decides nothing.

Tables, colours and Markdown come from rich, on a terminal only and loaded only then; a pipe gets
plain aligned text. Whatever the text is, no control character of it reaches the terminal.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

STYLES = {
    **dict.fromkeys(
        ("ok", "applied", "approved", "verified", "passed", "running", "kept"), "green"
    ),
    **dict.fromkeys(
        ("weak", "held", "waiting", "came_back", "reverted", "unverified", "warning"), "yellow"
    ),
    **dict.fromkeys(
        ("bad", "rejected", "failed", "frozen", "killed", "broken", "on", "urgent"), "red"
    ),
    **dict.fromkeys(("refused", "crashed"), "red"),
    "warning": "yellow",
    "urgent": "red",
    **dict.fromkeys(("declined", "ignored", "off", "open", "paused"), "cyan"),
}
DIFF_STYLES = (("+++", "bold"), ("---", "bold"), ("@@", "cyan"), ("+", "green"), ("-", "red"))
GAP = "  "
WHOLE = 19  # a cell up to this width (a time, say) is not broken on a narrow terminal


def safe(text: str) -> str:
    """The text with everything a terminal might obey written as an escape; lines stay lines."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def one_line(text: str, most: int = 0) -> str:
    """The text on one line, white space joined, cut to `most` characters if that is not 0."""
    line = safe(re.sub(r"\s+", " ", text).strip())
    return line if not most or len(line) <= most else f"{line[: most - 1]}…"


def local_time(time: str | datetime) -> str:
    """A recorded time as the clock on the wall has it; what is no time stays as it is."""
    try:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    except ValueError:
        return safe(str(time))
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def utc_time(moment: datetime) -> str:
    """A time as JSON output has it: UTC, RFC 3339, with a `Z`."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def how_long(seconds: float) -> str:
    """A span of time for people: 7 s, 3 min, 2 h, 5 days."""
    for unit_s, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


class Screen:
    """Where a command's answer goes: stdout, or another stream in tests."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self.terminal = self._out.isatty()
        self._console: Console | None = None

    def say(self, text: str = "") -> None:
        """One or more lines of text."""
        self._out.write(f"{safe(text)}\n")

    def document(self, value: Any) -> None:
        """The one JSON document of a `--json` answer; escapes keep it harmless and exact."""
        self._out.write(json.dumps(value, indent=2) + "\n")

    def heading(self, text: str) -> None:
        """A line above what belongs together."""
        if self.terminal:
            self._print(self._text(text, "bold"))
        else:
            self.say(text)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows under headings; known words such as verdicts and findings get their colour."""
        cells = [[safe(cell) for cell in row] for row in rows]
        if self.terminal:
            self._rich_table(headings, cells)
        else:
            self._plain_table(headings, cells)

    def facts(self, facts: Iterable[tuple[str, str]], indent: str = "") -> None:
        """Names and values, one a line, aligned; what has no value is left out."""
        kept = [(name, value) for name, value in facts if value]
        widest = max((len(name) for name, _ in kept), default=0)
        margin = "\n" + indent + " " * (widest + len(GAP))
        for name, value in kept:
            shown = safe(value).replace("\n", margin)
            line = self._text(f"{indent}{name:<{widest}}{GAP}", "dim") if self.terminal else None
            if line is not None:
                self._print(line.append(shown, style=STYLES.get(value, "not dim")))
            else:
                self.say(f"{indent}{name:<{widest}}{GAP}{shown}")

    def diff(self, text: str) -> None:
        """A unified diff, added and removed lines coloured."""
        for line in text.rstrip("\n").split("\n"):
            if self.terminal:
                style = next((s for start, s in DIFF_STYLES if line.startswith(start)), "")
                self._print(self._text(line.expandtabs(), style))
            else:
                self.say(line)

    def markdown(self, text: str) -> None:
        """Markdown rendered for reading; as it is in a pipe."""
        if not self.terminal:
            self._out.write(safe(text))
            return
        from rich.markdown import Markdown

        self._print(Markdown(safe(text), hyperlinks=False))

    def _plain_table(self, headings: Sequence[str], rows: list[list[str]]) -> None:
        lines = [[name.upper() for name in headings], *([_flat(c) for c in row] for row in rows)]
        widths = [max(_width(line[n]) for line in lines) for n in range(len(headings))]
        for line in lines:
            padded = (cell + " " * (w - _width(cell)) for cell, w in zip(line, widths, strict=True))
            self.say(GAP.join(padded).rstrip())

    def _rich_table(self, headings: Sequence[str], rows: list[list[str]]) -> None:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for n, name in enumerate(headings[:-1]):
            short = max((_width(row[n]) for row in rows), default=0) <= WHOLE
            table.add_column(name, overflow="fold", no_wrap=short)
        table.add_column(headings[-1], overflow="fold", min_width=WHOLE, ratio=1)
        for row in rows:
            table.add_row(*(self._text(cell, STYLES.get(cell, "")) for cell in row))
        self._print(table)

    def _print(self, what: "RenderableType") -> None:
        if self._console is None:
            from rich.console import Console

            self._console = Console(
                file=self._out, markup=False, highlight=False, emoji=False, soft_wrap=False
            )
        self._console.print(what)

    @staticmethod
    def _text(text: str, style: str) -> "Text":
        from rich.text import Text

        return Text(safe(text), style=style)


def _flat(cell: str) -> str:
    return cell.replace("\n", " ").replace("\t", " ")


def _width(text: str) -> int:
    """Columns the text takes: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
