"""Decides what a note is about: a bug, performance, an agent's behaviour, or no failure at all.

Keywords alone would take "0 failed" for a failure. So each keyword found is looked at in its
clause: denied, mended, expected, only named, or meant.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from reflections import words
from reflections.denial import denied_as
from reflections.keywords import (
    ERROR_NAME,
    KINDS,
    LONGEST,
    Clause,
    Hit,
    Kind,
    clauses,
    lexicon,
    matches,
)
from reflections.reflection import Reflection
from reflections.words import DEFAULT, Families

__all__ = ["DEFAULT", "Families", "Kind", "Triage", "triage"]

_MOST_HITS = 500
_PATTERNS = tuple(re.compile(pattern, re.IGNORECASE) for pattern in words.PATTERNS)

_NAMES_CODE = re.compile(r"(?<![\w/])[\w/]+\.py\b|(?<![\w.])\.*[a-z_][\w.]*\(")
"""A Python file or a call: the note is about code, whatever its author did about it.

What stands behind makes a long word cost one look, not one for each of its letters.
"""


@dataclass(frozen=True, kw_only=True)
class Triage:
    """What is to be done about a note: `kind` None means nothing, `reason` says why."""

    kind: Kind | None
    keyword: str | None
    reason: str


def triage(reflection: Reflection, families: Families = DEFAULT) -> Triage:
    """Sort one note. Its task summary is not read: "fix the failing test" is a task, not a fault.

    A traceback makes it a bug unless the outcome is a success. Behaviour goes before bug unless
    an error or, beside a bug word, a piece of code is named; performance goes before bug words as
    weak as "problem".
    """
    outcome = list(islice(_hits(reflection.outcome, families), _MOST_HITS))
    told = list(islice(_hits(reflection.reflection, families), _MOST_HITS))
    succeeded = _is_success(reflection, outcome)
    hits = [*outcome, *told]
    if succeeded:
        hits = [hit for hit in hits if hit.kind != "bug" or _insists(hit)]
    meant = [hit for hit in hits if hit.denied is None]
    if reflection.traceback and not succeeded:
        return Triage(kind="bug", keyword="traceback", reason="the note has a traceback")
    if not meant:
        return _no_failure(succeeded, [hit for hit in [*outcome, *told] if hit.denied])
    chosen = _weightiest(meant, reflection)
    clause = chosen.clause.text
    reason = f'"{chosen.shown}" in "{clause if len(clause) <= 160 else clause[:159] + "…"}"'
    return Triage(kind=chosen.kind, keyword=chosen.keyword, reason=reason)


def _weightiest(meant: Sequence[Hit], reflection: Reflection) -> Hit:
    """The hit that decides the kind."""
    of_kind = {kind: [hit for hit in meant if hit.kind == kind] for kind in KINDS}
    named = (
        bool(reflection.test or reflection.traceback)
        or any(ERROR_NAME.match(hit.shown) for hit in of_kind["bug"])
        or (bool(of_kind["bug"]) and _NAMES_CODE.search(reflection.text) is not None)
    )
    hard = [hit for hit in of_kind["bug"] if hit.keyword not in words.SOFT]
    if of_kind["behaviour"] and not named:
        return of_kind["behaviour"][0]
    if hard or not of_kind["performance"]:
        return (hard or of_kind["bug"] or list(meant))[0]
    return of_kind["performance"][0]


def _no_failure(succeeded: bool, denied: Sequence[Hit]) -> Triage:
    if denied:
        said = f'"{denied[0].shown}" is {denied[0].denied}'
        reason = f"no failure is reported: {said}"
    elif succeeded:
        reason = "no failure is reported: the outcome is a success"
    else:
        reason = "no failure is reported: none of the keywords occurs"
    return Triage(kind=None, keyword=None, reason=reason)


def _is_success(reflection: Reflection, outcome: Sequence[Hit]) -> bool:
    """Whether the outcome, or without one the last clause of the text, says it went well."""
    if any(hit.denied is None and hit.kind == "bug" for hit in outcome):
        return False
    if reflection.outcome.strip():
        said = clauses(reflection.outcome)
        return not _partly(said) and any(map(_says_success, said))
    told = clauses(reflection.reflection)
    return len(told) > 1 and _says_success(told[-1]) and _overall(told[-1])


def _partly(said: Sequence[Clause]) -> bool:
    return any(word in words.PARTLY for clause in said for word in clause.words)


def _says_success(clause: Clause) -> bool:
    return any(
        word in words.SUCCESS and not words.NOT_YET.union(words.NOTHING).intersection(
            clause.words[max(0, at - 3) : at]
        )
        for at, word in enumerate(clause.words)
    )  # fmt: skip


def _overall(clause: Clause) -> bool:
    return bool(
        {"all", "everything", "successfully", "works", "success"}.intersection(clause.words)
    )


def _insists(hit: Hit) -> bool:
    """Whether a failure beside a success is said to be there still."""
    return hit.clause.contrast or bool(words.INSISTING.intersection(hit.clause.words))


def _hits(text: str, families: Families) -> Iterator[Hit]:
    """Every keyword of the text, each with the reason why it is not meant, if any."""
    keywords = lexicon(families)
    for clause in clauses(text):
        before: Hit | None = None
        for hit in matches(clause, keywords):
            before = replace(hit, denied=denied_as(hit, before))
            yield before
    if families.bug:
        yield from _told_without_keyword(text[:LONGEST])


def _told_without_keyword(text: str) -> Iterator[Hit]:
    for pattern in _PATTERNS:
        if match := pattern.search(text):
            written = tuple(match[0].split())
            clause = Clause(words=written, written=written, contrast=True)
            yield Hit(kind="bug", keyword=written[0].lower(), clause=clause, first=0,
                       end=len(written))  # fmt: skip
