"""What the demonstration shows: a live table on a terminal, one line per change in a pipe."""

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.spinner import Spinner
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from daemon.demo.watch import Followed, Watch
from daemon.show import safe

COLOURS = {
    "applied": "bold green",
    "held": "yellow",
    "frozen": "yellow",
    "declined": "cyan",
    "ignored": "cyan",
    "rejected": "red",
    "failed": "bold red",
}


class Scene:
    """Shows a Watch; `with` keeps the live display on screen on a terminal."""

    def __init__(self, watch: Watch, console: Console) -> None:
        self._watch = watch
        self._console = console
        self._said: dict[int, str] = {}
        self._spinner = Spinner("dots")
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=8, transient=False)
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.update(self._table())
            self._live.__exit__(kind, error, where)

    def show(self) -> None:
        """The present state of every note."""
        if self._live:
            self._spinner.update(text=Text(" " + self._watch.detail, style="dim"))
            self._live.update(Group(self._table(), self._spinner))
            return
        for number, note in enumerate(self._watch.notes):
            line = f"{note.file}: {note.ended or note.stage}"
            if self._said.get(number) != line:
                self._said[number] = line
                why = f" ({note.reason})" if note.ended and note.reason else ""
                say(self._console, line + why)

    def _table(self) -> RenderableType:
        table = Table(expand=True, show_edge=False, pad_edge=False)
        for title, ratio in (("note", 3), ("what it says", 5), ("stage", 2), ("why", 6)):
            table.add_column(title, ratio=ratio, overflow="fold")
        for note in self._watch.notes:
            table.add_row(
                escape(note.file),
                escape(_short(safe(note.words))),
                _state(note),
                escape(safe(_why(note))),
            )
        return table


def heading(console: Console, number: int, words: str) -> None:
    """Announce a step."""
    if console.is_terminal:
        console.print()
        console.rule(f"[bold]{number}. {escape(words)}", align="left")
    else:
        say(console, f"\n== {number}. {words}\n")


def say(console: Console, words: str) -> None:
    """Plain words, harmless on a terminal; a pipe gets whole lines."""
    console.print(safe(words), markup=False, highlight=False, soft_wrap=not console.is_terminal)


def show_diff(console: Console, title: str, diff: str, foot: str = "") -> None:
    """A unified diff, coloured on a terminal."""
    if not console.is_terminal:
        say(console, f"\n--- {title}\n{diff.rstrip()}")
        if foot:
            say(console, foot)
        return
    body: list[RenderableType] = [
        Syntax(safe(diff), "diff", background_color="default", word_wrap=True)
    ]
    if foot:
        body.append(Text(foot, style="dim"))
    console.print(Panel(Group(*body), title=escape(title), title_align="left"))


def _state(note: Followed) -> Text:
    if note.ended:
        return Text(note.ended, style=COLOURS.get(note.ended, ""))
    return Text(note.stage, style="dim" if note.stage in ("waiting", "in the inbox") else "bold")


def _why(note: Followed) -> str:
    if note.ended == "applied":
        numbers = ", ".join(f"{value} {name}" for name, value in note.numbers.items())
        return f"found by {note.engine}" + (f": {numbers}" if numbers else "")
    return _short(note.reason, 160)


def _short(words: str, most: int = 90) -> str:
    line = " ".join(words.split())
    return line if len(line) <= most else line[: most - 1] + "…"
