"""Why a keyword is not meant: it is denied, mended, expected, or only what is talked about."""

from collections.abc import Sequence
from itertools import pairwise

from reflections import words
from reflections.keywords import Hit

_REACH = 8
"""Words a denial or a mending reaches across."""


def denied_as(hit: Hit, before: Hit | None) -> str | None:
    """Why the keyword is not meant, as the end of `"…" is …`; None if it is meant."""
    checks = (
        ("denied", _is_negated(hit) or _continues_denial(hit, before) or _is_naught(hit)),
        ("only a subject here", _is_subject(hit)),
        ("expected or a condition", _is_expected(hit)),
        ("said to be mended", _is_mended(hit)),
    )
    return next((reason for reason, applies in checks if applies), None)


def _is_negated(hit: Hit) -> bool:
    """`no further errors`, `none of the 12 tests failed`, `did not produce any error`."""
    said, plain, articles = hit.clause.words, True, False
    for at in range(hit.first - 1, max(-1, hit.first - 1 - _REACH), -1):
        word = said[at]
        if word in words.NOTHING:
            after = said[at + 1 : at + 2]
            reaches = not articles or word in words.WITH_ARTICLE
            if word != "never" and reaches and after not in (("but",), ("idea",)):
                return True
        if word in words.NOT:
            return plain and said[at + 1 : at + 2] != ("only",)
        counted = word.isdigit() and at > 0 and said[at - 1] in ("of", "the")
        if word in words.STOPS or word in words.MENDED or word in ",:=/(":
            return False
        if word[0].isdigit() and not counted:
            return False
        articles = articles or word in ("the", "this", "my", "our", "one")
        plain = plain and word in words.BETWEEN_NOT
    return False


def _continues_denial(hit: Hit, before: Hit | None) -> bool:
    """`no bugs, errors or crashes`: the list goes on where a denied word stood."""
    if before is None or before.denied != "denied":
        return False
    between = hit.clause.words[before.end : hit.first]
    return bool(between) and all(
        word in {",", "or", "nor", "/", "and", "other"} for word in between
    )


def _is_naught(hit: Hit) -> bool:
    """`errors: 0`, `failures found: none`, `error rate dropped to 0`."""
    rest = list(hit.clause.words[hit.end : hit.end + 5])
    while rest and (rest[0] in words.COUNTERS or rest[0] in ("dropped", "fell", "went")):
        rest.pop(0)
    return len(rest) > 1 and rest[0] in words.EQUALS and rest[1] in words.NAUGHT


def _is_subject(hit: Hit) -> bool:
    """`error handling`, `improved the error messages`, `issues a token`."""
    after = (*hit.clause.words[hit.end : hit.end + 2], "", "")
    if after[0] in words.HARMLESS_AFTER:
        return True
    if hit.keyword == "issue" and after[0] in ("a", "an", "new", "its"):
        return True
    earlier = set(hit.clause.words[: hit.first])
    return after[0] in words.TOPICS and bool(earlier & words.BUILDING)


def _is_expected(hit: Hit) -> bool:
    """`raises ValueError as expected`, `should fail for …`, `if it fails, …`."""
    start, end = _segment(hit)
    said = hit.clause.words
    before = said[start : hit.first]
    if before and (before[0] in ("if", "unless", "whether") or before[:2] == ("in", "case")):
        return True
    if {"correctly", "properly", "rightly", "deliberately"}.intersection(before):
        return True
    if "expected" in before[-1:] or ("as", "expected") in pairwise(said[start:end]):
        return True
    return bool({"should", "must"}.intersection(before[-3:])) and hit.kind == "bug"


def _is_mended(hit: Hit) -> bool:
    """`fixed the bug`, `the crash is gone`, `the failing test now passes`."""
    start, end = _segment(hit)
    said = hit.clause.words
    mended = words.MENDED | (words.FASTER if hit.kind == "performance" else set())
    for at in range(hit.first - 1, start - 1, -1):
        if said[at] in ("then", "now", "still", "again"):
            break
        if said[at] == "and" and hit.clause.words[hit.first] in (
            "fails",
            "fail",
            "failing",
            "failed",
        ):
            break
        if said[at] in mended and not _is_open(said, at):
            return not {"still", "again"}.intersection(said[hit.first : end])
    mended = words.MENDED_AFTER | (words.FASTER if hit.kind == "performance" else set())
    return any(
        said[at] in mended and not _is_open(said, at)
        for at in range(hit.end, min(end, hit.end + _REACH))
    )


def _is_open(said: Sequence[str], at: int) -> bool:
    """Whether the word at `at`, such as `fixed`, is itself denied or only wished for."""
    return bool(words.NOT_YET.intersection(said[max(0, at - 3) : at]))


def _segment(hit: Hit) -> tuple[int, int]:
    """The part between two commas that the keyword stands in."""
    said = hit.clause.words
    start = next((at + 1 for at in range(hit.first - 1, -1, -1) if said[at] == ","), 0)
    end = next((at for at in range(hit.end, len(said)) if said[at] == ","), len(said))
    return start, end
