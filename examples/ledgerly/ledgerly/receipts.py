"""Receipts for a printer with a fixed number of columns."""

from collections.abc import Iterable

from ledgerly.money import format_amount


def wrap(text: str, width: int) -> list[str]:
    """The words of `text` in lines of at most `width` columns; a longer word has its own line."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) < width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def item_line(name: str, cents: int, width: int) -> str:
    """The name on the left, the amount on the right; a long name is cut to make room."""
    amount = format_amount(cents)
    room = width - len(amount) - 1
    return f"{name[:room]:<{room}} {amount}"


def receipt(items: Iterable[tuple[str, int]], width: int = 24) -> str:
    """A line for each item, a rule, and the total."""
    bought = list(items)
    lines = [item_line(name, cents, width) for name, cents in bought]
    total = sum(cents for _, cents in bought)
    return "\n".join([*lines, "-" * width, item_line("Total", total, width)])
