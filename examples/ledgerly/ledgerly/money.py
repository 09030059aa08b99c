"""Amounts of money. Everything is whole cents, so nothing is ever rounded by accident."""

LATE_PERMILLE_PER_DAY = 2


def parse_amount(text: str) -> int:
    """Cents from what people write: "12.50", "1,250", "-3.05", or "(3.05)" for a debt.

    Raises ValueError for anything else.
    """
    text = text.strip().replace(",", "")
    negative = text.startswith("-") or (text.startswith("(") and text.endswith(")"))
    whole, _, fraction = text.strip("-()").partition(".")
    if not whole.isdigit() or len(fraction) > 2 or (fraction and not fraction.isdigit()):
        raise ValueError(f"not an amount of money: {text!r}")
    cents = int(whole) * 100 + int(fraction.ljust(2, "0") if fraction else 0)
    return -cents if negative else cents


def format_amount(cents: int) -> str:
    """Cents as "1,250.00"; a debt has its minus sign in front."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole:,}.{rest:02d}"


def split_evenly(cents: int, parts: int) -> list[int]:
    """Shares that differ by one cent at most and add up to `cents`; the larger ones first."""
    if parts < 1:
        raise ValueError("there must be at least one part")
    share, left = divmod(cents, parts)
    return [share + 1] * left + [share] * (parts - left)


def late_fee(cents: int, days_late: int, grace_days: int = 3) -> int:
    """What a late invoice costs on top: two permille for every day after the days of grace."""
    if days_late <= grace_days:
        return 0
    charged_days = days_late - grace_days
    return cents * LATE_PERMILLE_PER_DAY * days_late // 1000
