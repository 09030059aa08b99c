"""Finds keywords in text: clauses, words, inflections; what they mean there is told elsewhere."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from reflections import words
from reflections.words import Families

Kind = Literal["bug", "performance", "behaviour"]
KINDS: tuple[Kind, ...] = ("bug", "performance", "behaviour")
ERROR_NAME = re.compile(r"[A-Z]\w*(?:Error|Exception)\Z")
LONGEST = 60_000
"""Signs of a text that are looked at; a failure is told before that."""
_MOST_WORDS = 150
_FILE_NAME = re.compile(
    r"(?<![\w.-])(?:[\w.-]*(?:[/\\][\w.-]+)+|[\w-]+\.(?:py|md|txt|json|toml|ya?ml|log|rst)\b)"
)
_TOKEN = re.compile(r"[A-Za-z_][\w]*(?:'[A-Za-z]+)?|\d+(?:\.\d+)?%?|\[\]|[,:=/(]")
_CLAUSE_END = re.compile(r"[.;!?](?=\s|$)|\n|—| - ")
_CONTRAST = re.compile(rf"\b({'|'.join(words.CONTRAST)})\b", re.IGNORECASE)
_HARMLESS = tuple(tuple(phrase.split()) for phrase in words.HARMLESS)


@dataclass(frozen=True, kw_only=True)
class Clause:
    """A part of a sentence: its words in small letters and as written; after a `but`?"""

    words: tuple[str, ...]
    written: tuple[str, ...]
    contrast: bool

    @property
    def text(self) -> str:
        """The clause as a person reads it, without its signs."""
        return " ".join(self.written)


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A keyword in a clause, from word `first` to before `end`."""

    kind: Kind
    keyword: str
    clause: Clause
    first: int
    end: int
    denied: str | None = None

    @property
    def shown(self) -> str:
        """The keyword as it is written there."""
        return " ".join(self.clause.written[self.first : self.end])


def clauses(text: str) -> list[Clause]:
    """Sentences cut at full stops, lines and words such as `but`; commas stay in as words."""
    found: list[Clause] = []
    text = _FILE_NAME.sub("a_file", text[:LONGEST].replace("’", "'"))
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
                found.append(Clause(words=lowered, written=written, contrast=contrast))
    return found


Lexicon = Mapping[str, Sequence[tuple[Kind, str, tuple[frozenset[str], ...]]]]


@lru_cache(maxsize=8)
def lexicon(families: Families) -> Lexicon:
    """First word -> the keywords it may begin: kind, keyword, allowed forms of each word."""
    found: dict[str, list[tuple[Kind, str, tuple[frozenset[str], ...]]]] = {}
    for kind in KINDS:
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


def matches(clause: Clause, lexicon: Lexicon) -> Iterator[Hit]:
    """Keywords in reading order; of several that begin at one word, the longest."""
    harmless = _harmless_words(clause)
    for at, word in enumerate(clause.words):
        if at in harmless:
            continue
        key = "error" if ERROR_NAME.match(clause.written[at]) else word
        fits = [
            Hit(kind=kind, keyword=keyword, clause=clause, first=at, end=end)
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


def _harmless_words(clause: Clause) -> set[int]:
    """Positions inside set phrases such as `trial and error`."""
    found: set[int] = set()
    for phrase in _HARMLESS:
        for at in range(len(clause.words) - len(phrase) + 1):
            if clause.words[at : at + len(phrase)] == phrase:
                found.update(range(at, at + len(phrase)))
    return found
