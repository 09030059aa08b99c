"""Which of several patches that behave alike a reader would like best."""

import keyword
import re
from collections.abc import Iterable, Sequence

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.edits import hunks

PLAIN_SHARE = 0.6  # a member this likely, compared with the likeliest, may stand for its camp
WORD = re.compile(r"\w+|[^\w\s]+")
NAME = re.compile(r"[^\W\d]\w*")
TAKING_AWAY = ("statement deleted",)
IDLE = re.compile(r"[-+] 0\b|\b0 \+|\* 1\b|// 1\b|\[0?:\]|\[0:|\*\* 1\b|\bnot \([^()]* == ")


def plainest_first(members: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Members by likelihood; the plainest of those about as likely as the first comes before it.

    They behave alike, so the one a reader likes best may stand for them: `prices`, not
    `prices[0:]`. One that only takes something away is no better for being short: what the author
    wrote may matter on other inputs (the anti-patterns of Tan et al., 2016).
    """
    likely = [m for m in members if m.score >= PLAIN_SHARE * members[0].score]
    keeping = [m for m in likely if not only_takes_away(m)]
    best = min(keeping or likely, key=lambda m: (growth_of(m), -m.score))
    return (best, *(m for m in members if m is not best))


def only_takes_away(candidate: Candidate) -> bool:
    """Whether the changed lines lose a name and gain none."""
    if candidate.edit.template in TAKING_AWAY:
        return True
    changed = hunks(candidate.program, candidate.edit)
    old, new = _names(h.original for h in changed), _names(h.replacement for h in changed)
    return new < old


def _names(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in NAME.findall(text) if not keyword.iskeyword(word)}


def growth_of(candidate: Candidate) -> int:
    """How much more there is to read with it: names, signs, and steps that do nothing."""
    changed = hunks(candidate.program, candidate.edit)
    return sum(_to_read(h.replacement) - _to_read(h.original) for h in changed)


def _to_read(text: str) -> int:
    return len(WORD.findall(text)) + 3 * len(IDLE.findall(text))
