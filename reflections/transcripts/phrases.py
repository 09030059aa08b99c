"""Phrases in what an agent or a tool says, as far as they are meant: `no timeouts` is none."""

import re
from collections.abc import Iterator

_CLAUSE = re.compile(r"[.;!?](?=\s|$)|\n|—| - |\bbut\b|\bhowever\b", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:no|not|never|without|none|nothing|neither|nor|zero|0|cannot|avoid(?:s|ed)?|prevents?"
    r"|fixed|handles?|if|unless|whether|should|would|could|might|may|in case|until|once|when)\b"
    r"|n[o']t\b",
    re.IGNORECASE,
)
_REACH = 60  # characters before a phrase in which a denial or a condition reaches it
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]{1,300}\"|^>.*$", re.DOTALL | re.MULTILINE
)


def own_words(text: str) -> str:
    """The text without code and quotations: what is quoted is somebody else's word."""
    return _QUOTED.sub(" … ", text)


def clauses(text: str) -> Iterator[str]:
    """Parts of sentences."""
    return (part.strip() for part in _CLAUSE.split(text) if part.strip())


def meant(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first place where the pattern stands in a clause undenied and unconditioned."""
    for clause in clauses(text):
        found = pattern.search(clause)
        if found and not _DENIED.search(clause[max(0, found.start() - _REACH) : found.start()]):
            return found
    return None


def excerpt(text: str, around: int = 0, most: int = 160) -> str:
    """One line of the text, at most so long, near that character."""
    start = max(0, around - most // 3)
    shown = " ".join(text[start : start + 2 * most].split())
    return shown if len(shown) <= most else shown[: most - 1] + "…"
