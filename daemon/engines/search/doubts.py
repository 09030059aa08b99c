"""Reasons to let a person look at a patch though no other behaviour that passes is as likely.

Each is a small rule over what was observed; the first that applies is told.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from daemon.engines.search.candidates import Candidate

EXAMPLE = "it contradicts an example in the documentation"
ONE_ANSWER = "it answers the same on every input tried, where the code told some apart"
FEW = "only {inputs} inputs could be tried, too few to tell the {count} patches that pass apart"
ROUND = "it goes round the statement that failed: no test reaches that any more"
LEFT_RED = "{count} other failing tests that run the same code stay red with it: {tests}"
FEWEST_ANSWERS = 10  # for ONE_ANSWER to mean something
FEWEST_INPUTS = 12  # for "behaves alike" to mean something
AS_LIKELY = 0.45  # of the best; what is less likely is no rival and makes nothing ambiguous
MOST_NAMED = 3
_ANSWER = re.compile(r"'result': (?:True|False)\b")


class Alike(Protocol):
    """The part of a camp that is looked at here."""

    @property
    def members(self) -> tuple[Candidate, ...]: ...
    @property
    def broken_examples(self) -> int: ...
    @property
    def seen(self) -> tuple[str, ...]: ...
    @property
    def goes_round(self) -> bool: ...


def doubt_of(
    camp: Alike, before: Sequence[str], inputs: int | None, left_red: Sequence[str]
) -> str:
    """The gravest doubt about a camp, in words; "" for none.

    `before`: what the unpatched code does on the inputs. `inputs`: how many there were; None where
    nothing was compared, so that no two patches share a camp.
    """
    if camp.broken_examples:
        return EXAMPLE
    if left_red:
        named = ", ".join(left_red[:MOST_NAMED]) + (" …" if len(left_red) > MOST_NAMED else "")
        return LEFT_RED.format(count=len(left_red), tests=named)
    if camp.goes_round:
        return ROUND
    if one_answer(camp.seen, before):
        return ONE_ANSWER
    if inputs is not None and inputs < FEWEST_INPUTS and not _stands_out(camp.members):
        return FEW.format(inputs=inputs, count=len(camp.members))
    return ""


def one_answer(seen: Sequence[str], before: Sequence[str]) -> bool:
    """Whether a predicate always says the same with the patch, and did not without it.

    Then the tests show one answer only, and the patch may be right about nothing else.
    """
    now, then = _answers(seen), _answers(before)
    return len(now) >= FEWEST_ANSWERS and len(set(now)) == 1 and len(set(then)) > 1


def _answers(seen: Sequence[str]) -> list[str]:
    found = [_ANSWER.search(each) for each in seen if each.startswith("bool|")]
    return [match[0] for match in found if match]


def _stands_out(members: Sequence[Candidate]) -> bool:
    """Whether one patch is likelier than all the others together."""
    scores = [member.score for member in members]
    return max(scores) >= sum(scores) / 2
