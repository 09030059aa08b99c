"""What the model may look at: files of the snapshot, numbered, bounded, secrets hidden.

Only names the snapshot lists can be read, so "../", absolute paths and links lead nowhere.
"""

import re
from fnmatch import fnmatchcase

from daemon.engines import Source
from daemon.engines.dialogue.fence import Fence
from daemon.road.locate import UnreadableSource, locate, numbered
from reflections.secrets import redact

MOST_LINES = 400  # one look
MOST_CHARS = 24_000  # one look
MOST_LINE_CHARS = 1_000
MOST_HITS = 40
MOST_NAMES = 20
AROUND = 4  # lines shown around a place that did not fit
_KEY_BLOCK = re.compile(  # to its end, or as far as lines look like base64
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]{0,20000}-----END [A-Z0-9 ]{0,60}-----"
    r"|(?:\s{0,80}[\"']?[A-Za-z0-9+/=]{24,}[\"'\\n]{0,4})*)"
)


class Views:
    """Looks at one source, for one session."""

    def __init__(self, source: Source, fence: Fence) -> None:
        self._source = source
        self._fence = fence
        self._lines: dict[str, list[str] | None] = {}

    def lines(self, filename: str) -> list[str] | None:
        """The file's lines as the model sees them, or None if it is no readable file of ours."""
        if filename not in self._source.files:
            return None
        if filename not in self._lines:
            text = self._source.text(filename)
            self._lines[filename] = None if text is None else _lines(text)
        return self._lines[filename]

    def show(self, filename: str, first: int = 1, last: int | None = None) -> str:
        """Numbered lines, fenced; a long range is cut short and says where to go on."""
        lines = self.lines(filename)
        if lines is None:
            return self.missing(filename)
        last = min(len(lines), first + MOST_LINES - 1, last if last is not None else len(lines))
        if first > last:
            return f"{filename} has {len(lines)} lines; there is nothing at {first}."
        while last > first and sum(len(line) + 7 for line in lines[first - 1 : last]) > MOST_CHARS:
            last = first + (last - first) // 2
        label = f"{filename}, lines {first} to {last} of {len(lines)}"
        return self._fence.around(
            label, numbered(lines, [*range(first, last + 1)]), most=MOST_CHARS
        )

    def around(self, filename: str, first: int, last: int) -> str:
        """The real lines at a place that did not fit, with some around it."""
        lines = self.lines(filename) or []
        start = min(max(1, first - AROUND), max(1, len(lines) - 2 * AROUND))
        return self.show(filename, start, max(last, first) + AROUND)

    def search(self, text: str, glob: str | None) -> str:
        """Lines that hold `text`, in the files `glob` names (all without one)."""
        hits: list[str] = []
        for filename in self._source.files:
            if glob is not None and not fnmatchcase(filename, glob):
                continue
            if text not in (self._source.text(filename) or ""):
                continue  # quicker than hiding the secrets of every file
            for number, line in enumerate(self.lines(filename) or (), 1):
                if text in line:
                    hits.append(f"{filename}:{number}: {line.strip()[:200]}")
            if len(hits) > MOST_HITS:
                break
        if not hits:
            where = f" in {glob}" if glob else ""
            return f"No line holds {text!r}{where}. The text is plain, no pattern."
        more = "\n(and more; narrow the search)" if len(hits) > MOST_HITS else ""
        found = "\n".join(hits[:MOST_HITS]) + more
        return self._fence.around("search result", found, most=MOST_CHARS)

    def located(self, filename: str, function: str | None) -> str:
        """The function with imports, class header and context; the file's start without one."""
        lines = self.lines(filename)
        if lines is None:
            return self.missing(filename)
        try:
            place = locate("\n".join(lines), filename, function)
        except UnreadableSource:
            return self.show(filename)
        if place.function is None:
            return self.show(filename)
        label = f"{filename}, {place.function.name} and what it needs, of {len(lines)} lines"
        return self._fence.around(label, place.numbered, most=MOST_CHARS)

    def missing(self, filename: str) -> str:
        """That there is no such file, and what its name may have meant."""
        files = self._source.files
        if filename in files:
            return f"{filename} is no text that Python could read."
        last = filename.rsplit("/", 1)[-1]
        same = [name for name in files if name.rsplit("/", 1)[-1] == last]
        known = ", ".join((same or [name for name in files if name.endswith(".py")])[:MOST_NAMES])
        return (
            f"There is no file {filename!r} here. Only files of the target can be seen, named "
            f"relative to its root. Did you mean one of: {known}"
        )


def _lines(text: str) -> list[str]:
    """Lines end at "\\n" only; hidden secrets never change how many there are."""
    hidden = _KEY_BLOCK.sub(
        lambda found: "[redacted:private-key]" + "\n" * found[0].count("\n"), text
    )
    safe = redact(hidden)
    if safe.count("\n") != text.count("\n"):
        safe = "\n".join(redact(line) for line in hidden.split("\n"))
    lines = safe.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    return [_shortened(line.removesuffix("\r")) for line in lines]


def _shortened(line: str) -> str:
    return line if len(line) <= MOST_LINE_CHARS else f"{line[:MOST_LINE_CHARS]} [… line cut …]"
