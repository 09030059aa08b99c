"""A unified diff as hunks, for edits that a person gives as a patch file."""

import re
from collections.abc import Iterator
from typing import Any

HEAD = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
Given = dict[str, Any]


class BadDiff(ValueError):
    """The text is no unified diff of text files; says where."""


def hunks_in(text: str) -> list[Given]:
    """The hunks as the arguments of `research_edit` have them. Raises BadDiff."""
    found = list(_hunks(text.removesuffix("\n").split("\n")))
    if not found:
        raise BadDiff("it holds no hunk (a line that begins with @@); give a unified diff")
    return found


def _hunks(lines: list[str]) -> Iterator[Given]:
    name, at = "", 0
    while at < len(lines):
        line, at = lines[at], at + 1
        if line.startswith("+++ "):
            name = line[4:].partition("\t")[0].removeprefix("b/").strip()
        elif head := HEAD.match(line):
            if not name or name == "/dev/null":
                raise BadDiff(f"line {at}: files can be changed or added, not removed")
            first, count = int(head[1]), int(head[2] or "1")
            old, new, at = _body(lines, at, count, int(head[3] or "1"))
            first += count == 0  # `-3,0` inserts after line 3
            yield {
                "filename": name,
                "start_line": first,
                "end_line": first + count - 1,
                "original_code": "".join(old),
                "new_code": "".join(new),
            }


def _body(
    lines: list[str], at: int, old_count: int, new_count: int
) -> tuple[list[str], list[str], int]:
    """The old and the new lines of one hunk, as many as its head says, and where it ends."""
    old: list[str] = []
    new: list[str] = []
    while len(old) < old_count or len(new) < new_count:
        sign, body = (lines[at][:1] or " ", f"{lines[at][1:]}\n") if at < len(lines) else ("", "")
        if sign not in (" ", "-", "+", "\\"):
            raise BadDiff(f"line {at + 1}: the hunk is shorter than its head says")
        if sign in " -":
            old.append(body)
        if sign in " +":
            new.append(body)
        at += 1
    if (len(old), len(new)) != (old_count, new_count):
        raise BadDiff(f"line {at}: the hunk is longer than its head says")
    return old, new, at
