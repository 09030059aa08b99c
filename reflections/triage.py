"""Decides what a note is about: a bug, performance, an agent's behaviour, or no failure at all.

Keywords alone would take "0 failed" for a failure. So each keyword found is looked at in its
clause: denied, mended, expected, only named, or meant.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from typing import Literal, cast

from reflections import words
from reflections.reflection import Reflection
from reflections.words import DEFAULT, Families

__all__ = ["DEFAULT", "Families", "Kind", "Triage", "triage"]

Kind = Literal["bug", "performance", "behaviour"]
_KINDS: tuple[Kind, ...] = ("bug", "performance", "behaviour")
_FILE_NAME = re.compile(
    r"(?<![\w.-])(?:[\w.-]*(?:[/\\][\w.-]+)+|[\w-]+\.(?:py|md|txt|json|toml|ya?ml|log|rst)\b)"
)
_TOKEN = re.compile(r"[A-Za-z_][\w]*(?:'[A-Za-z]+)?|\d+(?:\.\d+)?%?|\[\]|[,:=/(]")
_CLAUSE_END = re.compile(r"[.;!?](?=\s|$)|\n|—| - ")
_CONTRAST = re.compile(rf"\b({'|'.join(words.CONTRAST)})\b", re.IGNORECASE)
_ERROR_NAME = re.compile(r"[A-Z]\w*(?:Error|Exception)\Z")
_LONGEST, _MOST_WORDS, _MOST_HITS = 60_000, 150, 500
_REACH = 8


@dataclass(frozen=True, kw_only=True)
class Triage:
    """What is to be done about a note: `kind` None means nothing, `reason` says why."""

    kind: Kind | None
    keyword: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Clause:
    """A part of a sentence: its words in small letters and as written; after a `but`?"""

    words: tuple[str, ...]
    written: tuple[str, ...]
    contrast: bool

    @property
    def text(self) -> str:
        return " ".join(self.written)


@dataclass(frozen=True, kw_only=True)
class _Hit:
    """A keyword in a clause, from word `first` to before `end`."""

    kind: Kind
    keyword: str
    clause: _Clause
    first: int
    end: int
    denied: str | None = None

    @property
    def shown(self) -> str:
        return " ".join(self.clause.written[self.first : self.end])


def triage(reflection: Reflection, families: Families = DEFAULT) -> Triage:
    """Sort one note. Its task summary is not read: "fix the failing test" is a task, not a fault.

    A traceback makes it a bug unless the outcome is a success. Behaviour goes before bug unless
    an error is named; performance goes before bug words as weak as "problem".
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


def _weightiest(meant: Sequence[_Hit], reflection: Reflection) -> _Hit:
    """The hit that decides the kind."""
    of_kind = {kind: [hit for hit in meant if hit.kind == kind] for kind in _KINDS}
    named = bool(reflection.test or reflection.traceback) or any(
        _ERROR_NAME.match(hit.shown) for hit in of_kind["bug"]
    )
    hard = [hit for hit in of_kind["bug"] if hit.keyword not in words.SOFT]
    if of_kind["behaviour"] and not named:
        return of_kind["behaviour"][0]
    if hard or not of_kind["performance"]:
        return (hard or of_kind["bug"] or list(meant))[0]
    return of_kind["performance"][0]


def _no_failure(succeeded: bool, denied: Sequence[_Hit]) -> Triage:
    if denied:
        said = f'"{denied[0].shown}" is {denied[0].denied}'
        reason = f"no failure is reported: {said}"
    elif succeeded:
        reason = "no failure is reported: the outcome is a success"
    else:
        reason = "no failure is reported: none of the keywords occurs"
    return Triage(kind=None, keyword=None, reason=reason)


def _is_success(reflection: Reflection, outcome: Sequence[_Hit]) -> bool:
    """Whether the outcome, or without one the last clause of the text, says it went well."""
    if any(hit.denied is None and hit.kind == "bug" for hit in outcome):
        return False
    if reflection.outcome.strip():
        clauses = _clauses(reflection.outcome)
        return not _partly(clauses) and any(map(_says_success, clauses))
    clauses = _clauses(reflection.reflection)
    return len(clauses) > 1 and _says_success(clauses[-1]) and _overall(clauses[-1])


def _partly(clauses: Sequence[_Clause]) -> bool:
    return any(word in words.PARTLY for clause in clauses for word in clause.words)


def _says_success(clause: _Clause) -> bool:
    return any(
        word in words.SUCCESS and not words.NOT_YET.union(words.NOTHING).intersection(
            clause.words[max(0, at - 3) : at]
        )
        for at, word in enumerate(clause.words)
    )  # fmt: skip


def _overall(clause: _Clause) -> bool:
    return bool(
        {"all", "everything", "successfully", "works", "success"}.intersection(clause.words)
    )


def _insists(hit: _Hit) -> bool:
    """Whether a failure beside a success is said to be there still."""
    return hit.clause.contrast or bool(words.INSISTING.intersection(hit.clause.words))


def _hits(text: str, families: Families) -> Iterator[_Hit]:
    """Every keyword of the text, each with the reason why it is not meant, if any."""
    lexicon = _lexicon(families)
    for clause in _clauses(text):
        before: _Hit | None = None
        for hit in _matches(clause, lexicon):
            judged = _judged(hit, before)
            yield judged
            before = judged
    if families.bug:
        yield from _told_without_keyword(text[:_LONGEST])


def _judged(hit: _Hit, before: _Hit | None) -> _Hit:
    denied = _denied(hit, before)
    if denied is None:
        return hit
    return _Hit(kind=hit.kind, keyword=hit.keyword, clause=hit.clause, first=hit.first,
                end=hit.end, denied=denied)  # fmt: skip


def _told_without_keyword(text: str) -> Iterator[_Hit]:
    for pattern in _PATTERNS:
        if match := pattern.search(text):
            written = tuple(match[0].split())
            clause = _Clause(words=written, written=written, contrast=True)
            yield _Hit(kind="bug", keyword=written[0].lower(), clause=clause, first=0,
                       end=len(written))  # fmt: skip


def _clauses(text: str) -> list[_Clause]:
    """Sentences cut at full stops, lines and words such as `but`; commas stay in as words."""
    found = []
    text = _FILE_NAME.sub("a_file", text[:_LONGEST].replace("’", "'"))
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    for sentence in _CLAUSE_END.split(text):
        contrast = False
        for part in _CONTRAST.split(sentence):
            if part.lower() in words.CONTRAST:
                contrast = True
                continue
            said = _TOKEN.findall(part)
            for at in range(0, len(said), _MOST_WORDS):
                written = tuple(said[at : at + _MOST_WORDS])
                lowered = tuple(word.lower() for word in written)
                found.append(_Clause(words=lowered, written=written, contrast=contrast))
    return found


_Lexicon = Mapping[str, Sequence[tuple[Kind, str, tuple[frozenset[str], ...]]]]


@lru_cache(maxsize=8)
def _lexicon(families: Families) -> _Lexicon:
    """First word -> the keywords it may begin: kind, keyword, allowed forms of each word."""
    found: dict[str, list[tuple[Kind, str, tuple[frozenset[str], ...]]]] = {}
    for kind in _KINDS:
        for keyword in cast("tuple[str, ...]", getattr(families, kind)):
            forms = tuple(_forms(word) for word in keyword.lower().split())
            for first in forms[0] if forms else ():
                found.setdefault(first, []).append((kind, keyword, forms))
    return found


def _forms(word: str) -> frozenset[str]:
    """A word with its inflections: fail, fails, failed, failing, failure."""
    if word == "not":
        return frozenset(words.NOT)
    if word in words.IRREGULAR:
        return frozenset(words.IRREGULAR[word])
    stems = {word, word.removesuffix("e"), word + word[-1]}
    doubled = ("ed", "ing", "y", "er")
    return frozenset(
        stem + ending
        for stem in stems
        for ending in words.ENDINGS
        if stem == word or ending in doubled or (stem == word[:-1] and ending in ("ion", "ions"))
    )


def _matches(clause: _Clause, lexicon: _Lexicon) -> Iterator[_Hit]:
    """Keywords in reading order; of several that begin at one word, the longest."""
    harmless = _harmless_words(clause)
    for at, word in enumerate(clause.words):
        if at in harmless:
            continue
        key = "error" if _ERROR_NAME.match(clause.written[at]) else word
        fits = [
            _Hit(kind=kind, keyword=keyword, clause=clause, first=at, end=end)
            for kind, keyword, forms in lexicon.get(key, ())
            if (end := _end(clause.words, at, forms, key))
        ]
        if fits:
            yield max(fits, key=lambda hit: hit.end)


def _end(said: Sequence[str], at: int, forms: Sequence[frozenset[str]], first: str) -> int | None:
    """Where a keyword that begins at `at` ends; after `not` one word may stand between."""
    if len(forms) == 1:
        return at + 1
    position = at + 1
    if first in words.NOT and position < len(said) and said[position] not in forms[1]:
        position += 1
    for allowed in forms[1:]:
        if position >= len(said) or said[position] not in allowed:
            return None
        position += 1
    return position


def _harmless_words(clause: _Clause) -> set[int]:
    """Positions inside set phrases such as `trial and error`."""
    found: set[int] = set()
    for phrase in _HARMLESS:
        for at in range(len(clause.words) - len(phrase) + 1):
            if clause.words[at : at + len(phrase)] == phrase:
                found.update(range(at, at + len(phrase)))
    return found


def _denied(hit: _Hit, before: _Hit | None) -> str | None:
    """Why the keyword is not meant, as the end of `"…" is …`; None if it is meant."""
    checks = (
        ("denied", _is_negated(hit) or _continues_denial(hit, before) or _is_naught(hit)),
        ("only a subject here", _is_subject(hit)),
        ("expected or a condition", _is_expected(hit)),
        ("said to be mended", _is_mended(hit)),
    )
    return next((reason for reason, applies in checks if applies), None)


def _is_negated(hit: _Hit) -> bool:
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


def _continues_denial(hit: _Hit, before: _Hit | None) -> bool:
    """`no bugs, errors or crashes`: the list goes on where a denied word stood."""
    if before is None or before.denied != "denied":
        return False
    between = hit.clause.words[before.end : hit.first]
    return bool(between) and all(
        word in {",", "or", "nor", "/", "and", "other"} for word in between
    )


def _is_naught(hit: _Hit) -> bool:
    """`errors: 0`, `failures found: none`, `error rate dropped to 0`."""
    rest = list(hit.clause.words[hit.end : hit.end + 5])
    while rest and (rest[0] in words.COUNTERS or rest[0] in ("dropped", "fell", "went")):
        rest.pop(0)
    return len(rest) > 1 and rest[0] in words.EQUALS and rest[1] in words.NAUGHT


def _is_subject(hit: _Hit) -> bool:
    """`error handling`, `improved the error messages`, `issues a token`."""
    after = (*hit.clause.words[hit.end : hit.end + 2], "", "")
    if after[0] in words.HARMLESS_AFTER:
        return True
    if hit.keyword == "issue" and after[0] in ("a", "an", "new", "its"):
        return True
    earlier = set(hit.clause.words[: hit.first])
    return after[0] in words.TOPICS and bool(earlier & words.BUILDING)


def _is_expected(hit: _Hit) -> bool:
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


def _is_mended(hit: _Hit) -> bool:
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


def _segment(hit: _Hit) -> tuple[int, int]:
    """The part between two commas that the keyword stands in."""
    said = hit.clause.words
    start = next((at + 1 for at in range(hit.first - 1, -1, -1) if said[at] == ","), 0)
    end = next((at for at in range(hit.end, len(said)) if said[at] == ","), len(said))
    return start, end


_PATTERNS = tuple(re.compile(pattern, re.IGNORECASE) for pattern in words.PATTERNS)
_HARMLESS = tuple(tuple(phrase.split()) for phrase in words.HARMLESS)
