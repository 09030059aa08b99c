"""How sure a rule is before it is added, and whether it helped after it was.

Two formulas, told in docs/learn.md. Pure: numbers in, numbers out.
"""

from collections.abc import Sequence
from math import comb, exp, lgamma, log

OFTEN = 0.2  # a habit in a fifth of the sessions, or more, counts in full
NOTE_WEIGHT = 0.25  # what a note without a transcript says for itself
MOST_NOTES = 2
NOT_RARER = 0.5  # below: the habit is more likely not to have become rarer
KEPT_FOR_GOOD = 0.95


def confidence(counts: Sequence[int], sessions: int, *, precision: float, notes: int = 0) -> float:
    """How sure it is that the habit is there and worth a rule, from 0 to 1.

    `counts`: how often it occurred in each session that has it; `sessions`: how many were looked
    at. Each session agrees with strength precision x (1 - 0.5^count), each note with 0.25; at
    least one of them is right with 1 - product(1 - strength); and a habit that is in less than a
    fifth of the sessions counts for so much less.
    """
    strengths = [precision * (1 - 0.5**count) for count in counts if count > 0]
    strengths += [NOTE_WEIGHT] * min(notes, MOST_NOTES)
    doubt = 1.0
    for strength in strengths:
        doubt *= 1 - strength
    if not counts:
        return 1 - doubt
    often = min(1.0, len(strengths[: len(counts)]) / max(1, sessions) / OFTEN)
    return (1 - doubt) * often


def chance_rarer(before: tuple[int, int], after: tuple[int, int]) -> float:
    """P(share after < share before), each share with a Beta(1 + with, 1 + without) of its own.

    Both pairs are (sessions with the habit, sessions). The exact sum for whole numbers:
    https://www.evanmiller.org/bayesian-ab-testing.html
    """
    with_after, all_after = after
    with_before, all_before = before
    a_alpha, a_beta = 1 + with_after, 1 + all_after - with_after
    b_alpha, b_beta = 1 + with_before, 1 + all_before - with_before
    total = 0.0
    for step in range(b_alpha):
        total += exp(
            _log_beta(a_alpha + step, a_beta + b_beta)
            - log(b_beta + step)
            - _log_beta(1 + step, b_beta)
            - _log_beta(a_alpha, a_beta)
        )
    return min(1.0, max(0.0, total))


def sign_test(wins: int, losses: int) -> float:
    """How likely so many wins or more are when both sides are alike; ties are left out."""
    played = wins + losses
    more = sum(comb(played, won) for won in range(wins, played + 1))
    return more / float(2**played)


def _log_beta(a: int, b: int) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
