"""Checks `[learn]`: expressions that compile, and a rule of plain words for each of them."""

import re
from collections.abc import Iterator

from daemon.prompting.section import ID, LONGEST_RULE, WORDS
from daemon.settings import LearnSettings

BUILT_IN = ("retry-loop", "timeout", "hallucination", "lost-context", "tool-failure")


def faults(learn: LearnSettings) -> Iterator[tuple[str, str]]:
    """What is wrong, each as (setting, words)."""
    if learn.confidence > 1:
        yield "confidence", "must be at most 1"
    for name, pattern in learn.patterns.items():
        if not ID.fullmatch(name) or name in BUILT_IN:
            yield "patterns", f"{name!r} must be a new name of a-z, 0-9 and '-'"
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            yield "patterns", f"{name}: {pattern!r} is no regular expression ({error})"
        if name not in learn.texts:
            yield "texts", f'the pattern {name!r} has no rule; add {name} = "…"'
    for name, text in learn.texts.items():
        if name not in learn.patterns:
            yield "texts", f"{name!r} is not among the patterns"
        if not WORDS.fullmatch(text):
            what = f"at most {LONGEST_RULE} plain letters, digits and . , : ; ' ( ) / _ -"
            yield "texts", f"{name}: a rule begins with a letter and has {what}"
