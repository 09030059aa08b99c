"""A patch as a value, and the one pure function that applies it.

The trial and the real change both call `patched`: what was tested is what is applied.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from sandbox.text import Text, line_body, split_lines

__all__ = [
    "Hunk", "Patch", "PatchError", "PatchMismatch", "Read", "anchored", "patched", "split_lines",
    "unified_diff",
]  # fmt: skip
Read = Callable[[str], bytes | None]
AROUND = 3  # real lines shown before and after the place that did not match
SHOWN = 60  # real lines shown at most
NO_NEWLINE = "\\ No newline at end of file\n"


@dataclass(frozen=True, kw_only=True)
class Hunk:
    """One line range of one file and what shall stand there instead.

    Lines count from 1, both ends are included, and a line ends at `\\n` only (a form feed or a
    lone `\\r` ends none). `last_line == first_line - 1` inserts before `first_line`. A file that
    does not exist yet is written by one hunk with first_line 1, last_line 0, original "".

    `original` and `replacement` use `\\n`; the file's own line endings are kept when applied.
    """

    filename: str  # relative to the module's root, "/" between folders
    first_line: int
    last_line: int
    original: str
    replacement: str


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Hunks that are applied together or not at all, and why."""

    hunks: tuple[Hunk, ...]
    rationale: str

    @property
    def filenames(self) -> tuple[str, ...]:
        """The files touched, each once, in the order of the hunks."""
        return tuple(dict.fromkeys(hunk.filename for hunk in self.hunks))


class PatchError(Exception):
    """A patch that cannot be applied, whatever its line numbers; says why."""


class PatchMismatch(PatchError):
    """The expected code does not stand where the hunk says.

    `actual` shows the real lines there, numbered; `found_at` lists the first lines of every place
    where the expected code does stand (more than one: it is ambiguous).
    """

    def __init__(self, hunk: Hunk, lines: list[str], found_at: list[int]) -> None:
        """`lines` are the whole file's."""
        self.filename, self.first_line, self.expected = (
            hunk.filename,
            hunk.first_line,
            hunk.original,
        )
        self.actual = numbered(lines, hunk.first_line - AROUND, hunk.last_line + AROUND)
        self.found_at = found_at
        where = f"lines {hunk.first_line} to {hunk.last_line} of {hunk.filename}"
        elsewhere = ", ".join(map(str, found_at[:5])) or "nowhere"
        super().__init__(
            f"{where} are not the expected code; it stands at line: {elsewhere} "
            f"(the file has {len(lines)} lines). The real lines:\n{self.actual}"
        )


def numbered(lines: list[str], first: int, last: int) -> str:
    """Lines `first` to `last` as far as they exist, each with its number."""
    first = max(1, min(first, len(lines) - AROUND))
    shown = range(first, min(last, len(lines), first + SHOWN) + 1)
    return "\n".join(f"{number}: {line_body(lines[number - 1])}" for number in shown)


def anchored(patch: Patch, read: Read) -> Patch:
    """The patch with every hunk on the lines where its expected code stands.

    A hunk that is off is moved if its code stands in exactly one other place. `read` gives a
    file's bytes or None. Raises PatchMismatch, and PatchError for what no line number can mend.
    """
    return replace(patch, hunks=tuple(_anchored(hunk, _text(hunk, read)) for hunk in patch.hunks))


def patched(patch: Patch, read: Read) -> dict[str, bytes]:
    """The touched files' new bytes; reads only through `read`, writes nothing.

    Kept as they are: line endings, byte order mark, encoding, a missing final newline, and every
    byte of the lines not named. Raises PatchMismatch when a hunk's expected code does not stand
    at its lines, PatchError for overlapping hunks, bad names and text the encoding cannot hold.
    """
    return {name: _patched_file(name, patch, read) for name in patch.filenames}


def _patched_file(name: str, patch: Patch, read: Read) -> bytes:
    hunks = sorted(
        (hunk for hunk in patch.hunks if hunk.filename == name),
        key=lambda hunk: (hunk.first_line, hunk.last_line),
    )
    text = _text(hunks[0], read)
    for hunk in hunks:
        if not _stands(hunk, text):
            raise PatchMismatch(hunk, text.lines, _places(hunk, text))
    for one, other in pairwise(hunks):
        if other.first_line <= one.last_line or other.first_line == one.first_line == _after(one):
            raise PatchError(f"two hunks of {name} overlap at line {other.first_line}")
    lines = list(text.lines)
    for hunk in reversed(hunks):
        old = lines[hunk.first_line - 1 : hunk.last_line]
        lines[hunk.first_line - 1 : hunk.last_line] = _new_lines(hunk, old, text)
    return _encoded(name, text.with_lines(lines, _is_new(text, hunks)))


def _after(hunk: Hunk) -> int:
    """The insertion point of a hunk that inserts; for others, a line it cannot share."""
    return hunk.first_line if hunk.last_line < hunk.first_line else -1


def _is_new(text: Text, hunks: list[Hunk]) -> str | None:
    """What a file without lines shall hold, word for word; None for a file that has some."""
    return hunks[0].replacement if not text.lines else None


def _encoded(name: str, text: Text) -> bytes:
    try:
        return text.encoded()
    except UnicodeEncodeError as fault:
        raise PatchError(
            f"{name} is written in {text.encoding}, which cannot hold {fault.object[fault.start]!r}"
        ) from fault


def _text(hunk: Hunk, read: Read) -> Text:
    """The file a hunk speaks of, decoded; PatchError when it cannot be that."""
    name = hunk.filename
    parts = name.split("/")
    if (
        not name
        or name.startswith("/")
        or "\\" in name
        or "\0" in name
        or {"", ".", ".."} & {*parts}
    ):
        raise PatchError(f"{name!r} is no plain path below the module's root")
    data = read(name)
    if data is None:
        if (hunk.first_line, hunk.last_line, hunk.original) != (1, 0, ""):
            raise PatchError(
                f"{name} does not exist; a new file is one hunk that inserts before line 1"
            )
        data = b""
    try:
        return Text.decoded(name, data)
    except ValueError as fault:
        raise PatchError(f"{name} cannot be edited as text: {fault}") from fault


def _wanted(hunk: Hunk) -> list[str]:
    """The bodies of the lines that a hunk expects."""
    if not hunk.original and hunk.last_line == hunk.first_line:
        return [""]
    return bodies(hunk.original)


def bodies(code: str) -> list[str]:
    """Lines of code without their ends; a last line may or may not have one."""
    return [line_body(line) for line in split_lines(code)]


def _stands(hunk: Hunk, text: Text) -> bool:
    """Whether the expected code stands exactly where the hunk says."""
    first, last = hunk.first_line, hunk.last_line
    if not 1 <= first <= len(text.lines) + 1 or not first - 1 <= last <= len(text.lines):
        return False
    return [line_body(line) for line in text.lines[first - 1 : last]] == _wanted(hunk)


def _places(hunk: Hunk, text: Text) -> list[int]:
    """First lines of every place where the expected code stands."""
    wanted = _wanted(hunk)
    have = [line_body(line) for line in text.lines]
    if not any(wanted):  # nothing, or only blank lines, names no place
        return []
    return [
        start + 1
        for start in range(len(have) - len(wanted) + 1)
        if have[start] == wanted[0] and have[start : start + len(wanted)] == wanted
    ]


def _anchored(hunk: Hunk, text: Text) -> Hunk:
    if _stands(hunk, text):
        return hunk
    places = _places(hunk, text)
    if len(places) != 1:
        raise PatchMismatch(hunk, text.lines, places)
    last = places[0] + len(_wanted(hunk)) - 1
    return replace(hunk, first_line=places[0], last_line=last)


def _new_lines(hunk: Hunk, old: list[str], text: Text) -> list[str]:
    """The replacement with line ends; a line that stays the same keeps its own, byte for byte."""
    new = bodies(hunk.replacement)
    end = text.line_end(hunk.first_line)
    made = [body + end for body in new]
    same = difflib.SequenceMatcher(None, [line_body(line) for line in old], new, autojunk=False)
    for from_old, from_new, count in same.get_matching_blocks():
        for step in range(count):
            if old[from_old + step].endswith("\n"):
                made[from_new + step] = old[from_old + step]
    return made


def unified_diff(before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]) -> str:
    """A diff that `git apply` takes, of every file in either mapping; None is "no such file".

    Bytes that are not UTF-8 stand as lone surrogates: encode it with `surrogateescape`.
    """
    names = dict.fromkeys([*before, *after])
    return "".join(_file_diff(name, before.get(name), after.get(name)) for name in names)


def _file_diff(name: str, old: bytes | None, new: bytes | None) -> str:
    if old == new:
        return ""
    head = [f"diff --git {quoted('a/' + name)} {quoted('b/' + name)}\n"]
    if old is None:
        head.append("new file mode 100644\n")
    if new is None:
        head.append("deleted file mode 100644\n")
    tab = "\t" if " " in name else ""
    body = difflib.unified_diff(_diff_lines(old), _diff_lines(new), n=3)
    lines = [line if line.endswith("\n") else line + "\n" + NO_NEWLINE for line in body][2:]
    if lines:
        head.append(f"--- {'/dev/null' if old is None else quoted('a/' + name) + tab}\n")
        head.append(f"+++ {'/dev/null' if new is None else quoted('b/' + name) + tab}\n")
    return "".join([*head, *lines])


def _diff_lines(data: bytes | None) -> list[str]:
    return split_lines((data or b"").decode("utf-8", "surrogateescape"))


def quoted(name: str) -> str:
    """A file name as git quotes it: only when it holds a control character, quote or backslash."""
    if all(ord(char) >= 32 and char not in '"\\\x7f' for char in name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if 32 <= ord(c) != 127 else f"\\{ord(c):03o}" for c in escaped) + '"'
