"""Finds Python tracebacks in text and says what they are about: error, message, frames."""

import re
from dataclasses import dataclass

_HEAD = "Traceback (most recent call last):"
_FRAME = re.compile(r'^\s*File "(?P<file>[^"\n]{1,1000})", line (?P<line>\d{1,9})'
                    r"(?:, in (?P<function>[^\n]{1,200}))?")  # fmt: skip
_ERROR = re.compile(r"^(?P<error>[A-Za-z_][\w.]{0,200})(?:: (?P<message>.*))?$")
_PYTEST_ERROR = re.compile(r"^E\s{1,8}(?P<error>[A-Za-z_][\w.]{0,200})(?:: (?P<message>.*))?$")
_PYTEST_FRAME = re.compile(r"^(?P<file>[\w./\\-]{1,500}\.py):(?P<line>\d{1,9}): (?P<rest>.*)$")
_MARGIN = re.compile(r"^[ \t]*[|+>]+[-+]* ?")  # exception groups and quoted e-mail


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One step of a traceback: file as written, line from 1, function name."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The last error of a traceback: its type, message, and frames from outer to inner."""

    error: str
    message: str
    frames: tuple[Frame, ...]


def find_traceback(text: str) -> str | None:
    """The part of the text from the first traceback to the end of the last; None without one."""
    start = text.find(_HEAD)
    if start < 0:
        return None
    lines = text[text.rfind("\n", 0, start) + 1 :].split("\n")
    last = max(i for i, line in enumerate(lines) if _HEAD in line)
    return "\n".join(lines[: _end(lines, last)]).strip("\n")


def parse_traceback(text: str) -> Failure | None:
    """The last failure a text shows, as Python or pytest prints it; None if it shows none."""
    lines = [_MARGIN.sub("", line, count=1) if _margined(line) else line for line in _lines(text)]
    heads = [i for i, line in enumerate(lines) if _HEAD in line]
    if not heads:
        return _pytest_failure(lines)
    block = lines[heads[-1] + 1 : _end(lines, heads[-1])]
    frames = tuple(_frame(match) for line in block if (match := _FRAME.match(line)))
    error = next((m for line in reversed(block) if (m := _ERROR.match(line.strip()))), None)
    for line in block:  # the first unindented line after the frames names the error
        if line and not line[0].isspace() and (match := _ERROR.match(line)):
            error = match
            break
    if error is None:
        return None
    return Failure(error=error["error"], message=error["message"] or "", frames=frames)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")


def _margined(line: str) -> bool:
    return line.lstrip(" \t")[:1] in ("|", "+", ">")


def _end(lines: list[str], head: int) -> int:
    """The line after the traceback that begins at `head`: indented lines, then the error."""
    position = head + 1
    while position < len(lines) and (not lines[position].strip() or lines[position][0].isspace()
                                     or _margined(lines[position])):  # fmt: skip
        position += 1
    return min(position + 1, len(lines))


def _frame(match: re.Match[str]) -> Frame:
    function = (match["function"] or "<module>").strip()
    return Frame(file=match["file"], line=int(match["line"]), function=function)


def _pytest_failure(lines: list[str]) -> Failure | None:
    """A failure in pytest's own layout: `E   KeyError: 'a'` and `pkg/mod.py:12: KeyError`."""
    errors = [match for line in lines if (match := _PYTEST_ERROR.match(line))]
    places = [match for line in lines if (match := _PYTEST_FRAME.match(line))]
    if not errors or not places:
        return None
    frames = tuple(Frame(file=m["file"], line=int(m["line"]), function="") for m in places)
    error = errors[-1]
    return Failure(error=error["error"], message=error["message"] or "", frames=frames)
