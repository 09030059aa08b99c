"""Which habits are looked for: the built-in detectors and those of the settings."""

from dataclasses import replace

from daemon.settings import LearnSettings
from reflections.denial import denied_as
from reflections.keywords import Hit, clauses, lexicon, matches
from reflections.reflection import Reflection
from reflections.transcripts.detect import DETECTORS, Detector, custom
from reflections.words import Families


def detectors(learn: LearnSettings) -> tuple[Detector, ...]:
    """All of them, the built-in ones first."""
    return (*DETECTORS, *custom(learn.patterns, learn.texts))


def habits_told(note: Reflection) -> tuple[str, ...]:
    """The habits that a note reports in words, denials left out."""
    of_word = {word: each.name for each in DETECTORS for word in each.words}
    families = Families(bug=(), performance=(), behaviour=tuple(of_word))
    found: dict[str, None] = {}
    for clause in clauses(f"{note.outcome}\n{note.reflection}"):
        before: Hit | None = None
        for hit in matches(clause, lexicon(families)):
            before = replace(hit, denied=denied_as(hit, before))
            if before.denied is None:
                found[of_word[hit.keyword]] = None
    return tuple(found)
