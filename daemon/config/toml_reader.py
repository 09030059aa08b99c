"""Reads a TOML table into a frozen dataclass and collects every fault with its line.

Only the shapes settings need: text, numbers, switches, choices, lists of text, tables of text and
paths. A setting is declared once, in its dataclass: default, sentence for the docs, lower bound.
"""

import dataclasses
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a configuration file; `line` is 0 when no line can be named."""

    line: int
    where: str
    what: str

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.where}: {self.what}"


class SettingsError(Exception):
    """The configuration cannot be used; holds every fault found, not only the first."""

    def __init__(self, file: Path | None, faults: Sequence[Fault]) -> None:
        self.file = file
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        name = file if file is not None else "the configuration"
        super().__init__(f"{name} cannot be used:\n{lines}")


def setting(default: Any = MISSING, *, doc: str, least: float | None = None) -> Any:
    """Declare a dataclass field as a setting; a callable default is a factory."""
    metadata = {"doc": doc, "least": least}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    if default is MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class Lines:
    """Finds the line of a key in TOML text, well enough to point a person at it."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")

    def of(self, table: str, key: str | None = None, nth: int = 0) -> int:
        """The line of `key` in the nth `[table]`; of its header without a key; 0 if not found."""
        start = self._header(table, nth) if table else 0
        if key is None or (table and start == 0):
            return start
        wanted = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[.=]""")
        for number, line in enumerate(self._lines[start:], start + 1):
            if line.lstrip().startswith("["):
                break
            if wanted.match(line):
                return number
        return start

    def _header(self, table: str, nth: int) -> int:
        wanted = re.compile(rf"\s*\[\[?\s*{re.escape(table)}\s*\]\]?\s*(#.*)?$")
        found = [n for n, line in enumerate(self._lines, 1) if wanted.match(line)]
        return found[nth] if nth < len(found) else 0


def read_table(
    kind: type[T],
    table: Mapping[str, Any],
    *,
    name: str,
    place: Callable[[str | None], int],
    faults: list[Fault],
) -> T | None:
    """The table as a `kind`, or None when it has faults (which are added to `faults`)."""
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    before = len(faults)
    values: dict[str, Any] = {}
    for key, value in table.items():
        where = f"{name}.{key}" if name else key
        if key not in fields:
            faults.append(Fault(place(key), where, f"unknown key{_nearest(key, fields)}"))
            continue
        try:
            values[key] = _converted(value, hints[key], fields[key].metadata.get("least"))
        except ValueError as error:
            faults.append(Fault(place(key), where, str(error)))
    for key, field in fields.items():
        required = field.default is MISSING and field.default_factory is MISSING
        if required and key not in table:
            faults.append(Fault(place(None), f"{name}.{key}", "is missing"))
    return kind(**values) if len(faults) == before else None


def _nearest(key: str, known: Mapping[str, Any]) -> str:
    import difflib

    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known))}"


def _converted(value: Any, hint: Any, least: float | None) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        return _choice(value, get_args(hint))
    if origin is tuple:
        return _texts(value)
    if origin is dict:
        return _text_table(value)
    if hint is bool:
        return _exact(value, bool, "true or false")
    if hint in (int, float):
        return _number(value, hint, least)
    text = _exact(value, str, "a text in quotes")
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    return Path(text) if hint is Path else text


def _exact(value: Any, kind: type[T], words: str) -> T:
    if not isinstance(value, kind):
        raise ValueError(f"must be {words}, not {value!r}")
    return value


def _choice(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices or isinstance(value, bool):
        shown = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"must be one of {shown}, not {value!r}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        import shlex

        return tuple(shlex.split(value))
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"must be a list of texts, not {value!r}")
    return tuple(value)


def _text_table(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError(f"must be a table of texts, not {value!r}")
    return types.MappingProxyType(dict(value))


def _number(value: Any, kind: type[int] | type[float], least: float | None) -> float:
    whole = kind is int
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise ValueError(f"must be a {'whole ' if whole else ''}number, not {value!r}")
    if not float("-inf") < value < float("inf"):
        raise ValueError(f"must be a finite number, not {value!r}")
    if least is not None and value < least:
        raise ValueError(f"must be at least {least:g}, not {value!r}")
    return kind(value)
