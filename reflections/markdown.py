"""Markdown notes: a little front matter, then text whose headings may name the parts.

The front matter is a small subset of YAML on purpose: `key: value`, quoted values, `[a, b]`,
`- item` lines and `|` blocks. Anything else is refused with its line instead of being guessed.
"""

import re
from collections.abc import Mapping

from reflections.errors import UnreadableNote

_KEY = re.compile(r"(?P<key>[A-Za-z][\w -]{0,60}?)\s*:(?:\s+(?P<value>.*))?$")
_HEADING = re.compile(r"(?P<marks>#{1,6})\s(?P<title>.*)$")
_COMMENT = re.compile(r"(?<=\S)\s+#.*$")
_FENCE = re.compile(r"\s{0,3}(```+|~~~+)")
Value = str | list[str]


def split_front_matter(text: str) -> tuple[dict[str, Value], str]:
    """The front matter's keys and values, and the text after it; UnreadableNote with its line."""
    lines = text.split("\n")
    if not lines or lines[0].rstrip() != "---":
        return {}, text
    end = next((i for i in range(1, len(lines)) if lines[i].rstrip() in ("---", "...")), None)
    if end is None:
        if len(lines) > 1 and _KEY.match(lines[1]):
            raise UnreadableNote("the front matter is opened here and never closed", "line 1")
        return {}, text
    return _front_matter(lines[1:end]), "\n".join(lines[end + 1 :])


def _front_matter(lines: list[str]) -> dict[str, Value]:
    """Keys to values of the lines between the two `---`, which start at line 2 of the file."""
    found: dict[str, Value] = {}
    position = 0
    while position < len(lines):
        line, number = lines[position].rstrip(), position + 2
        position += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _KEY.match(line)
        if match is None:
            raise UnreadableNote("front matter must be `key: value` lines", f"line {number}")
        key = match["key"].strip()
        if key in found:
            raise UnreadableNote(f"the key {key!r} stands twice", f"line {number}")
        following = _indented(lines, position)
        found[key] = _value((match["value"] or "").strip(), following, number)
        position += len(following)
    return found


def _indented(lines: list[str], start: int) -> list[str]:
    """The lines from `start` that belong to the key above: indented, `- item`, or blank between."""
    end = start
    while end < len(lines) and (not lines[end].strip() or lines[end][0].isspace()
                                or lines[end].startswith("- ")):  # fmt: skip
        end += 1
    return lines[start:end]


def _value(first: str, following: list[str], number: int) -> Value:
    """What a key says: a scalar, a list, or a block of lines."""
    block = [line for line in following if line.strip()]
    if first in ("|", "|-", "|+", ">", ">-", ">+"):
        return _block(following, folded=first.startswith(">"))
    if not first and block:
        if all(line.lstrip().startswith("- ") for line in block):
            return [_scalar(line.lstrip()[2:].strip()) for line in block]
        raise UnreadableNote("only a list of `- item` lines or a | block may stand under a key",
                             f"line {number + 1}")  # fmt: skip
    if block:
        return " ".join([_scalar(first), *(line.strip() for line in block)])
    if first.startswith("[") and first.endswith("]"):
        return [_scalar(item.strip()) for item in first[1:-1].split(",") if item.strip()]
    if first[:1] in ("{", "&", "*", "!"):
        raise UnreadableNote("this kind of YAML is not read here; quote the value",
                             f"line {number}")  # fmt: skip
    return _scalar(first)


def _block(lines: list[str], *, folded: bool) -> str:
    margins = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    cut = [line[min(margins, default=0) :] for line in lines]
    return (" " if folded else "\n").join(cut).strip()


def _scalar(text: str) -> str:
    """A value without its quotes and its trailing comment."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text in ("null", "~"):
        return ""
    return _COMMENT.sub("", text)


def split_sections(text: str, names: Mapping[str, str]) -> tuple[str, dict[str, str], str]:
    """The title, the parts whose headings `names` knows, and all the other text.

    `names` maps a heading in small letters to its field. Other headings stay in the text; `#`
    lines inside code fences are code, and a deeper heading stays in its part. A part repeated
    under the same name is joined.
    """
    title, rest, level = "", list[str](), 0
    parts: dict[str, list[str]] = {}
    into, fence = rest, ""
    for line in text.split("\n"):
        fence = _fence_after(line, fence)
        heading = None if fence else _HEADING.match(line)
        if heading is None or (into is not rest and level < len(heading["marks"])):
            into.append(line)
            continue
        level = len(heading["marks"])
        field = names.get(heading["title"].strip(" \t:*#")[:100].lower().replace(" ", "_"))
        if field:
            into = parts.setdefault(field, [])
        elif level == 1 and not title and not any(map(str.strip, rest[:50])):
            title, into = heading["title"].strip(" \t#"), rest
        else:
            into = rest
            into.append(line)
    joined = {field: "\n".join(lines).strip() for field, lines in parts.items()}
    return title, joined, "\n".join(rest).strip()


def _fence_after(line: str, fence: str) -> str:
    """The fence that is open after this line, or the empty string."""
    match = _FENCE.match(line)
    if match is None:
        return fence
    if not fence:
        return match[1]
    closes = match[1].startswith(fence) and not line.strip().strip(fence[0])
    return "" if closes else fence
