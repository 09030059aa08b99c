"""Which bugs are seeded, in which order: by classic operators and by the templates, by turns.

There are tens of thousands; a text is only made when its turn comes. The order depends on the
seed alone, so an interrupted run finds its place again.
"""

import ast
import collections
import hashlib
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.mutant_operators import Change, changes, replaced
from benchmarks.mutant_subjects import Subject, subjects
from benchmarks.mutant_trial import Mutant
from daemon.engines.search.candidates import Area, Candidate, candidates, edits_of
from daemon.engines.search.edits import applied
from daemon.engines.search.program import Program
from daemon.engines.search.templates import TEMPLATES

GROUPS = ("classic", "template")
MOST_FUNCTIONS = 10  # of one subject that the templates seed bugs into: some have hundreds of edits
SCREENED = 1200  # what a search looks at, at least, after it has found a patch


def seeded(seed: int, only: Sequence[str], group: str | None) -> Iterator[Mutant]:
    """Bugs of both kinds by turns; operators by turns, then subjects, in the seed's order."""
    makers = {"classic": classic, "template": by_template}
    streams = [
        in_turn([each for s in subjects(only) for each in makers[name](s)], seed)
        for name in GROUPS
        if group in (None, name)
    ]
    seen: set[str] = set()
    for several in itertools.zip_longest(*streams):
        for mutant in several:
            if mutant is not None and mutant.key not in seen:
                seen.add(mutant.key)
                yield mutant


@dataclass(frozen=True)
class Sketch:
    """A mutant whose text is made when it is needed: there are tens of thousands."""

    operator: str
    subject: str
    make: Callable[[], Mutant | None]


def in_turn(found: list[Sketch], seed: int) -> Iterator[Mutant]:
    """One of each operator, and each time of another subject; then the next of each."""
    rng = random.Random(seed)  # noqa: S311
    waiting: dict[str, dict[str, list[Sketch]]] = {}
    for sketch in found:
        waiting.setdefault(sketch.operator, {}).setdefault(sketch.subject, []).append(sketch)
    queues = {}
    for operator in sorted(waiting):
        names = sorted(waiting[operator])
        rng.shuffle(names)
        for name in names:
            rng.shuffle(waiting[operator][name])
        rounds = itertools.zip_longest(*(waiting[operator][name] for name in names))
        queues[operator] = (each for several in rounds for each in several if each is not None)
    while queues:
        for operator in sorted(queues):
            made = (sketch.make() for sketch in queues[operator])
            mutant = next((mutant for mutant in made if mutant is not None), None)
            if mutant is None:
                del queues[operator]
            else:
                yield mutant


def classic(subject: Subject) -> Iterator[Sketch]:
    """Bugs by classic operators."""
    for filename in subject.files:
        for change in changes(subject.text(filename)):
            make = partial(changed, subject, filename, change)
            yield Sketch(change.operator, subject.name, make)


def by_template(subject: Subject) -> Iterator[Sketch]:
    """Bugs by the templates, in a sample of functions that is always the same."""
    for area in sampled(subject, MOST_FUNCTIONS):
        for candidate in edits_of(area, TEMPLATES):
            make = partial(drawn, subject, candidate)
            yield Sketch(candidate.edit.template, subject.name, make)


def changed(subject: Subject, filename: str, change: Change) -> Mutant | None:
    """The change as a bug; None when it does not parse or changes nothing."""
    text = subject.text(filename)
    new = replaced(text, change.node, change.new)
    if not differs(text, new):
        return None
    return named("classic", change.operator, subject, filename, change.function, new)


def drawn(subject: Subject, candidate: Candidate) -> Mutant | None:
    """The edit as a bug; None when it does not parse or changes nothing."""
    program = candidate.program
    text = applied(program.text, candidate.edit.pieces)
    if not differs(program.text, text):
        return None
    function, template = candidate.function or "", candidate.edit.template
    return named("template", template, subject, program.filename, function, text)


def differs(before: str, after: str) -> bool:
    """Whether the code after parses and is another."""
    try:
        return ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))
    except SyntaxError:
        return False


def named(
    group: str, operator: str, subject: Subject, filename: str, function: str, text: str
) -> Mutant:
    """A mutant with a key that is the same in every run."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    key = f"{group}:{subject.name}:{filename}:{digest}"
    return Mutant(key, group, operator, subject.name, filename, function, text)


def everything(program: Program) -> list[Area]:
    """All functions, all lines alike."""
    lines = dict.fromkeys(range(1, len(program.lines) + 1), 1.0)
    return [
        Area(program=program, function=node, suspicion=lines)
        for node in program.functions.values()
        if program.function_of(node) is None
    ]


def share_of_candidates(only: Sequence[str]) -> dict[str, float]:
    """Of what a search would screen first in a few functions of each subject: each template's part.

    All lines alike suspicious, so the templates' priors and weights alone decide the order.
    """
    counts: collections.Counter[str] = collections.Counter()
    for subject in subjects(only):
        for area in sampled(subject, 3):
            found = itertools.islice(candidates([area]), SCREENED)
            counts.update(candidate.edit.template for candidate in found)
    return {template: count / counts.total() for template, count in counts.items()}


def sampled(subject: Subject, most: int) -> list[Area]:
    """A few of the subject's functions, always the same."""
    programs = [Program(filename, subject.text(filename)) for filename in subject.files]
    areas = [area for program in programs for area in everything(program)]
    return random.Random(1).sample(areas, min(len(areas), most))  # noqa: S311
