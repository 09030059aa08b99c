"""Secrets in the shapes they really have, and what only looks like one, from tests/data/secrets.

Values are put together here, so that nothing in the repository looks like a key to a scanner.
"""

import random
import re
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data" / "secrets"
_SIGNS = {
    "L": "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789",
    "H": "0123456789abcdef",
    "U": "ABCDEFGHJKLMNPQRSTUVWXYZ234567",
    "D": "123456789",
}
_PLACE = re.compile(r"%([LHUD])(\d+)%")


@dataclass(frozen=True)
class Planted:
    """A text with one secret in it; `lines` are the parts of it that must not be seen."""

    text: str
    lines: tuple[str, ...]
    before: str
    after: str


def planted(seed: int = 1) -> list[Planted]:
    """Every planted secret, with values of that seed."""
    return [_planted(line) for line in _lines("planted.txt", seed)]


def lookalikes(seed: int = 1) -> list[str]:
    """What must stay as it is."""
    return _lines("lookalikes.txt", seed)


def _planted(line: str) -> Planted:
    before, _, rest = line.partition("⟦")
    secret, _, after = rest.partition("⟧")
    lines = tuple(part for part in re.split(r"\n|\\n", secret) if len(part) > 5)
    return Planted(before + secret + after, lines or (secret,), before, after)


def _lines(name: str, seed: int) -> list[str]:
    rng = random.Random(f"{name} {seed}")  # noqa: S311 -- no key of anybody's
    text = (DATA / name).read_text("utf-8")
    return [_filled(line, rng) for line in text.splitlines() if line and line[0] != "#"]


def _filled(line: str, rng: random.Random) -> str:
    def drawn(found: re.Match[str]) -> str:
        # A digit first and last: letters alone may be a word, which no rule takes for a secret.
        signs = _SIGNS[found[1]]
        inner = "".join(rng.choice(signs) for _ in range(int(found[2])))
        return inner if found[1] == "H" else inner[:1] + "4" + inner[2:-1] + "7"

    whole = _PLACE.sub(drawn, line).replace("%P%", "PRIVATE " + "KEY")
    return re.sub(r"(?<!\\)\\n", "\n", whole).replace("\\\\n", "\\n")
