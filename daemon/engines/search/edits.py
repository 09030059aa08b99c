"""An edit as exact source ranges, and the patch of whole lines it becomes."""

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from daemon.engines.search.program import Program
from sandbox.patch import Hunk, Patch


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Characters [begin, end) of the file make way for `text`."""

    begin: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What one template would change, and how likely it thinks that is (its own prior aside)."""

    pieces: tuple[Piece, ...]
    line: int  # where a reviewer looks first
    weight: float = 1.0
    template: str = ""

    def named(self, template: str) -> "Edit":
        """The same edit, known by its template."""
        return replace(self, template=template)


def join(first: Edit, second: Edit) -> Edit | None:
    """Both edits at once; None when they touch the same characters."""
    pieces = sorted((*first.pieces, *second.pieces), key=lambda p: (p.begin, p.end))
    for one, other in itertools.pairwise(pieces):
        if other.begin < one.end or (other.begin, other.end) == (one.begin, one.end):
            return None
    return Edit(
        pieces=tuple(pieces),
        line=first.line,
        weight=first.weight * second.weight,
        template=f"{first.template} and {second.template}",
    )


def applied(text: str, pieces: Sequence[Piece]) -> str:
    """The text with all pieces in place."""
    for piece in sorted(pieces, key=lambda p: (p.begin, p.end), reverse=True):
        text = text[: piece.begin] + piece.text + text[piece.end :]
    return text


def hunks(program: Program, edit: Edit) -> tuple[Hunk, ...]:
    """The edit as hunks of whole lines; pieces that share a line share a hunk."""
    groups: list[list[Piece]] = []
    last = 0
    for piece in sorted(edit.pieces, key=lambda p: (p.begin, p.end)):
        first_line, last_line = _lines(program, piece)
        if groups and first_line <= last:
            groups[-1].append(piece)
        else:
            groups.append([piece])
        last = max(last, last_line)
    return tuple(hunk for group in groups if (hunk := _hunk(program, group)) is not None)


def _lines(program: Program, piece: Piece) -> tuple[int, int]:
    """The lines a piece touches; a whole-line insertion touches none (last = first - 1)."""
    first = program.line_of(piece.begin)
    at_start = program.line_start(first) == piece.begin
    if at_start and piece.begin == piece.end and piece.text.endswith("\n"):
        return first, first - 1
    whole = at_start and piece.end > piece.begin and program.text[piece.end - 1] == "\n"
    if whole and (not piece.text or piece.text.endswith("\n")):
        return first, program.line_of(piece.end - 1)
    return first, program.line_of(piece.end)


def _hunk(program: Program, group: list[Piece]) -> Hunk | None:
    ranges = [_lines(program, piece) for piece in group]
    first, last = min(r[0] for r in ranges), max(r[1] for r in ranges)
    begin = program.line_start(first)
    end = program.line_start(last + 1) if last >= first else begin
    end = min(end, len(program.text))
    original = program.text[begin:end]
    moved = [Piece(begin=p.begin - begin, end=p.end - begin, text=p.text) for p in group]
    replacement = applied(original, moved)
    if replacement == original:
        return None
    return Hunk(
        filename=program.filename,
        first_line=first,
        last_line=last,
        original=original,
        replacement=replacement,
    )


def patch_of(program: Program, edit: Edit, rationale: str = "") -> Patch:
    """The edit as a patch."""
    return Patch(hunks=hunks(program, edit), rationale=rationale)


def same_code_key(program: Program, edit: Edit) -> str | None:
    """Equal for edits that lead to the same code; None when the result does not parse.

    Only the innermost function or class around the edit is parsed: far cheaper than a trial.
    """
    start, stop = _around(program, edit)
    moved = [Piece(begin=p.begin - start, end=p.end - start, text=p.text) for p in edit.pieces]
    return _key(start, applied(program.text[start:stop], moved))


def unchanged_key(program: Program, edit: Edit) -> str | None:
    """The key of the code as it is, around the edit."""
    start, stop = _around(program, edit)
    if start not in program.keys:
        program.keys[start] = _key(start, program.text[start:stop])
    return program.keys[start]


def _key(start: int, text: str) -> str | None:
    if text[:1] in (" ", "\t"):
        text = "if 1:\n" + text
    try:
        return f"{start}:" + ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _around(program: Program, edit: Edit) -> tuple[int, int]:
    """The lines of the innermost function or class around the edit; the whole file for others."""
    begin = min(piece.begin for piece in edit.pieces)
    end = max(piece.end for piece in edit.pieces)
    inside = [span for span in program.definitions if span[0] <= begin and end <= span[1]]
    return max(inside, default=(0, len(program.text)))
