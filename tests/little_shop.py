"""A module of small functions, each with its bug, and what becomes of a note about it.

Most are mended, `least` waits for a person, `mean` is rejected; of what is nowhere in it an engine
declines to speak.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function of the module: as it is, as it should be, and what an engine says of it."""

    bug: str
    right: str
    rival: str = ""
    wrong: tuple[str, ...] = ()
    test: str
    words: str


FUNCTIONS = {
    "total": Function(
        bug="sum(prices[1:])",
        right="sum(prices)",
        test="assert total([3, 4]) == 7",
        words="total in shop.py leaves out the first price",
    ),
    "most": Function(
        bug="min(prices)",
        right="max(prices)",
        test="assert most([3, 4]) == 4",
        words="most in shop.py finds the cheapest instead",
    ),
    "size": Function(
        bug="len(prices) - 1",
        right="len(prices)",
        test="assert size([3, 4]) == 2",
        words="size in shop.py counts one too few",
    ),
    "first": Function(
        bug="prices[1]",
        right="prices[0]",
        test="assert first([3, 4]) == 3",
        words="first in shop.py shows the second",
    ),
    "spread": Function(
        bug="max(prices) + min(prices)",
        right="max(prices) - min(prices)",
        test="assert spread([3, 4]) == 1",
        words="spread in shop.py adds instead",
    ),
    "even": Function(
        bug="[each for each in prices if each % 2]",
        right="[each for each in prices if not each % 2]",
        test="assert even([3, 4]) == [4]",
        words="even in shop.py picks the odd ones",
    ),
    "least": Function(
        bug="prices[0]",
        right="min(prices)",
        rival="sorted(prices)[0]",
        test="assert least([4, 3]) == 3",
        words="least in shop.py takes whatever comes first",
    ),
    "mean": Function(
        bug="sum(prices) / 2",
        right="",
        wrong=("sum(prices) / 3", "sum(prices) / 5", "sum(prices) * 2"),
        test="assert mean([3, 3, 6, 6]) == 4.5",
        words="mean in shop.py divides by two",
    ),
}
NOWHERE = "elsewhere"


def module_text(lines: Mapping[str, str], comments: Sequence[str]) -> str:
    """shop.py with these return values and a person's comments."""
    functions = [f"def {name}(prices):\n    return {lines[name]}\n" for name in FUNCTIONS]
    return "".join(f"# {comment}\n" for comment in comments) + "\n\n".join(functions)


def parsed(text: str) -> tuple[dict[str, str], list[str]]:
    """The return values and comments of a text; what is no such text gives another one back."""
    rows = text.splitlines()
    comments = [row[2:] for row in rows if row.startswith("# ")]
    lines = dict.fromkeys(FUNCTIONS, "")
    for at, row in enumerate(rows):
        name = row.partition("(")[0].removeprefix("def ")
        if name in lines and at + 1 < len(rows):
            lines[name] = rows[at + 1].removeprefix("    return ")
    return lines, comments


TESTS = "from shop import " + ", ".join(FUNCTIONS) + "\n" + "".join(
    f"\n\ndef test_{name}():\n    {each.test}\n" for name, each in FUNCTIONS.items()
)  # fmt: skip
