"""Any plain Python data made fit for the trail: bounded, and writable as canonical JSON."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import PurePath
from typing import Any

MAX_DEPTH = 16
MAX_CHARACTERS = 1_000_000
"""Of one record, all its texts and keys together; each value counts for 8 more."""

Hide = Callable[[str], str]
_NODE_COST = 8
_EXACT = 2**53  # from here on a JSON number is no longer exact (RFC 8785 refuses it)


def clean(value: Any, hide: Hide = str) -> Any:
    """The value as JSON the trail can hold; what had to be cut says so in its place.

    Lone surrogates become U+FFFD; integers and whole floats from 2^53 on, NaN and the infinities
    become text; paths, dates and decimals too; sets are sorted. Raises TypeError for bytes and
    anything else that is not plain data: that is a mistake of the caller, not of the world. `hide`
    takes out of each text what must not be written, before anything is cut.
    """
    return _Cleaner(hide).value(value, MAX_DEPTH)


def clean_text(text: str) -> str:
    """The text without lone surrogates, and no longer than 1,000 characters (ids, names)."""
    return _text(text[:1000])


class _Cleaner:
    """Keeps what is left of the budget while it walks one value."""

    def __init__(self, hide: Hide) -> None:
        self.hide = hide
        self.left = MAX_CHARACTERS

    def value(self, value: Any, depth: int) -> Any:
        self.left -= _NODE_COST
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(value) if abs(value) < _EXACT else _long_number(value)
        if isinstance(value, float):
            return _finite(float(value))
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, PurePath | Decimal):
            return self.text(str(value))
        if isinstance(value, date):
            return value.isoformat()
        return self.container(value, depth)

    def container(self, value: Any, depth: int) -> Any:
        if not isinstance(value, Mapping | list | tuple | set | frozenset):
            raise TypeError(f"the trail holds plain data, not {type(value).__name__}")
        if depth == 0:
            return "… [nested too deep, cut]"
        if isinstance(value, Mapping):
            return self.mapping(value, depth - 1)
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return self.items(items, len(value), depth - 1)

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for number, (key, item) in enumerate(value.items()):
            if self.left <= 0:
                kept["…"] = f"[{len(value) - number} more cut]"
                break
            name = self.key(key, kept)  # before its value can use up the budget
            kept[name] = self.value(item, depth)
        return kept

    def key(self, key: Any, taken: Mapping[str, Any]) -> str:
        if not isinstance(key, str):
            raise TypeError(f"a key in the trail is text, not {type(key).__name__}")
        name = self.text(key)
        while name in taken:  # two keys that differ only in what had to be replaced
            name += "'"
        return name

    def items(self, items: Iterable[Any], count: int, depth: int) -> list[Any]:
        kept: list[Any] = []
        for number, item in enumerate(items):
            if self.left <= 0:
                kept.append(f"… [{count - number} more cut]")
                break
            kept.append(self.value(item, depth))
        return kept

    def text(self, text: str) -> str:
        text = self.hide(text)
        room = max(self.left, 0)
        self.left -= len(text)
        if len(text) <= room:
            return _text(text)
        return f"{_text(text[:room])}… [{len(text) - room} characters cut]"


def _text(text: str) -> str:
    # "replace" would write "?" when encoding; when decoding it writes U+FFFD.
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _finite(number: float) -> float | str:
    if not math.isfinite(number) or (number.is_integer() and abs(number) >= _EXACT):
        return repr(number)  # 1e20 would be written as a whole number, and not be read back
    return number


def _long_number(number: int) -> str:
    # str() of an int refuses beyond 4,300 digits (CVE-2020-10735).
    return str(number) if number.bit_length() < 10_000 else f"{number:#x}"[:10_000]
