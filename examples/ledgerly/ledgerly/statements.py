"""Bank statements: one entry per line, `date; text; amount`."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from ledgerly.money import parse_amount


@dataclass(frozen=True)
class Entry:
    """One line of a statement."""

    day: datetime.date
    text: str
    cents: int


def parse_line(line: str) -> Entry:
    """One entry. Raises ValueError with the line when it is none."""
    fields = [field.strip() for field in line.split(";")]
    if len(fields) != 3:
        raise ValueError(f"expected date; text; amount: {line!r}")
    day, text, amount = fields
    return Entry(datetime.date.fromisoformat(day), text, parse_amount(amount))


def parse_statement(text: str) -> list[Entry]:
    """All entries; empty lines and lines that begin with # are left out."""
    lines = (line.strip() for line in text.splitlines())
    return [parse_line(line) for line in lines if line and not line.startswith("#")]


def group_by_day(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The entries of each day together, in the order of the statement."""
    waiting = list(entries)
    if not waiting:
        return []
    groups: list[list[Entry]] = []
    current: list[Entry] = []
    for entry in waiting:
        if current and entry.day != current[-1].day:
            groups.append(current)
            current = []
        current.append(entry)
    return groups


def balance(entries: Iterable[Entry], opening: int = 0) -> int:
    """What is on the account after all entries."""
    return opening + sum(entry.cents for entry in entries)
