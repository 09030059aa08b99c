"""Strict JSON, record by record, so that one bad record does not hide the good ones.

The standard decoder takes duplicate keys, NaN, numbers of any length and half characters; here
each of these is a fault with a place.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from reflections.errors import UnreadableNote

MAX_DEPTH = 20
"""Objects and lists inside one another; more is not a note but an attack on the parser."""
MAX_VALUES = 500_000
"""Values in one file. 30 MiB of empty lists cost 819 MiB of memory (reliability.md 1.4)."""
_MAX_DIGITS = 40
_HALF = re.compile(r"[\ud800-\udfff]")
_GAP = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, kw_only=True)
class Found:
    """One record of a file, counted from 1: a decoded value, or why there is none."""

    number: int
    position: int
    value: Any = None
    fault: str | None = None


class _Flaw(ValueError):
    """A value that is JSON-like but not acceptable."""


def place(text: str, position: int) -> str:
    """`line 3 column 7` for an offset into the text, both counted from 1."""
    line = text.count("\n", 0, position) + 1
    return f"line {line} column {position - text.rfind(chr(10), 0, position)}"


def records(text: str) -> Iterator[Found]:
    """The records of a JSON file: an object, a list of them, or `{"reflections": [...]}`.

    Raises UnreadableNote when the file as a whole is not JSON, which may show only after some
    good records. A list that breaks off is read up to the break, reported as the last record.
    """
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise UnreadableNote(f"the file holds more than {MAX_VALUES} values; split it")
    start = _skip(text, 0)
    if text[start : start + 1] == "[":
        end = yield from _items(text, start)
    else:
        end = yield from _wrapped(text, start)
    if end is not None:
        _expect_end(text, end)


def _expect_end(text: str, end: int) -> None:
    if _skip(text, end) < len(text):
        raise UnreadableNote(
            "there is more text after the end of the JSON (one object per line? then name the "
            "file .jsonl)", place(text, _skip(text, end)),
        )  # fmt: skip


def one(text: str) -> Any:
    """A whole text as one JSON value; UnreadableNote with the column if it is not."""
    try:
        value, end = _decode(text, _skip(text, 0))
    except _Flaw as flaw:
        raise UnreadableNote(str(flaw)) from None
    except json.JSONDecodeError as error:
        raise UnreadableNote(f"not JSON: {error.msg}", place(text, error.pos)) from None
    _expect_end(text, end)
    return value


def _items(text: str, start: int) -> Generator[Found, None, int | None]:
    """Each element of the list at `start`; gives back where the list ends, or None if broken."""
    position, number = _skip(text, start + 1), 0
    if text[position : position + 1] == "]":
        return position + 1
    while True:
        number += 1
        try:
            value, end = _decode(text, position)
        except _Flaw as flaw:
            yield Found(number=number, position=position, fault=str(flaw))
            end = _plain_end(text, position)
        except json.JSONDecodeError as error:
            yield _broken(number, error.pos, f"not JSON: {error.msg}")
            return None
        else:
            yield Found(number=number, position=position, value=value)
        position = _skip(text, end)
        if text[position : position + 1] == "]":
            return position + 1
        if text[position : position + 1] != ",":
            yield _broken(number + 1, position, "a comma or ] is missing")
            return None
        position = _skip(text, position + 1)


def _broken(number: int, position: int, reason: str) -> Found:
    fault = f"{reason}; nothing from here on was read"
    return Found(number=number, position=position, fault=fault)


def _wrapped(text: str, start: int) -> Generator[Found, None, int | None]:
    """The records under `reflections` if the text is such an object, else the one value."""
    position = start
    if text[start : start + 1] == "{":
        position = _list_position(text, start)
    if position != start:
        whole = yield from _items(text, position)
        return None if whole is None else _plain_end(text, start)
    try:
        value, end = _decode(text, start)
    except _Flaw as flaw:
        yield Found(number=1, position=start, fault=str(flaw))
        return None
    except json.JSONDecodeError as error:
        raise UnreadableNote(f"not JSON: {error.msg}", place(text, error.pos)) from None
    _expect_end(text, end)
    yield Found(number=1, position=start, value=value)
    return end


def _list_position(text: str, start: int) -> int:
    """Where the list under the key `reflections` of this object begins; `start` if there is none.

    Walks the object's own keys only. Broken JSON ends the walk: decoding it will say why.
    """
    position = _skip(text, start + 1)
    try:
        while text[position : position + 1] == '"':
            key, position = _PLAIN.raw_decode(text, position)
            position = _skip(text, position)
            if text[position : position + 1] != ":":
                break
            position = _skip(text, position + 1)
            if key == "reflections" and text[position : position + 1] == "[":
                return position
            position = _skip(text, _plain_end(text, position))
            if text[position : position + 1] != ",":
                break
            position = _skip(text, position + 1)
    except (json.JSONDecodeError, UnreadableNote):
        return start
    return start


def _skip(text: str, position: int) -> int:
    match = _GAP.match(text, position)
    return match.end() if match else position


def _decode(text: str, position: int) -> tuple[Any, int]:
    """One value and where it ends; _Flaw for what the decoder would let pass."""
    try:
        value, end = _STRICT.raw_decode(text, position)
    except RecursionError:
        raise _Flaw(f"nested more than {MAX_DEPTH} deep") from None
    _inspect(value, MAX_DEPTH)
    return value, end


def _plain_end(text: str, position: int) -> int:
    """Where the value at `position` ends, however flawed it is."""
    try:
        return _PLAIN.raw_decode(text, position)[1]
    except RecursionError:
        raise UnreadableNote(f"nested more than {MAX_DEPTH} deep", place(text, position)) from None
    except json.JSONDecodeError as error:
        raise UnreadableNote(f"not JSON: {error.msg}", place(text, error.pos)) from None


def _inspect(value: Any, depth: int) -> None:
    """Refuse half characters and deep nesting; both survive the standard decoder."""
    if isinstance(value, str):
        if _HALF.search(value):
            raise _Flaw("a string holds half a character (a lone surrogate)")
    elif isinstance(value, dict | list):
        if depth == 0:
            raise _Flaw(f"nested more than {MAX_DEPTH} deep")
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _inspect(item, depth - 1)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _Flaw(f"the key {twice[:80]!r} stands twice in one object")
    return result


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise _Flaw(f"a number of {len(digits)} digits")
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _Flaw(f"the number {digits[:40]} is too large")
    return value


def _constant(name: str) -> Any:
    raise _Flaw(f"{name} is not a JSON number")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_real, parse_constant=_constant
)
_PLAIN = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=len)
