"""Which of the patches that pass everything: by likelihood, by evidence, or not at all.

Patches that behave alike on inputs near the tests' own are one camp. A camp loses when it breaks a
documented example, or shows on neighbouring inputs the very symptom that was reported (the same
exception, a hang) where another camp gives a value. If camps of similar weight are left, the bug
is ambiguous and a person decides.
"""

import ast
import doctest
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.program import Program
from daemon.engines.search.wire import Probe

CLEAR = 0.45  # a rival camp this much weaker than the winner does not make the bug ambiguous
HANGS = ("!timeout", "!crashed", "!RecursionError", "!MemoryError")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How the failing tests failed."""

    symptoms: tuple[str, ...] = ()  # exceptions of the code itself, assertions left out
    expected: frozenset[str] = frozenset()  # types of the values the assertions expected
    loud: bool = False  # every failing test ended in an exception or a hang, none in a wrong value


@dataclass(frozen=True, kw_only=True)
class Camp:
    """Patches that behave alike."""

    members: tuple[Candidate, ...]  # the best first
    shows_symptom: bool  # some neighbouring input still ends as the report says
    bad: int  # inputs on which it shows the symptom and another camp does not
    foreign: int  # results of a type that neither the unpatched code nor the tests know
    dissent: int  # inputs on which the weight of the other camps says otherwise
    disturbed: int  # inputs the unpatched code answered without the symptom, answered otherwise
    broken_examples: int
    seen: tuple[str, ...]

    @property
    def best(self) -> Candidate:
        """The likeliest member."""
        return self.members[0]

    @property
    def doubtful(self) -> bool:
        """Whether something may be wrong with it even if no better one is known."""
        return self.broken_examples > 0 or self.shows_symptom or self.foreign > 0

    @property
    def faults(self) -> tuple[int, bool, bool, bool]:
        """What speaks against it, the gravest first."""
        return self.broken_examples, self.bad > 0, self.foreign > 0, self.disturbed > 0

    @property
    def weight(self) -> float:
        """The best member's likelihood, raised a little by company: right fixes have many forms."""
        return self.best.score * (1 + 0.1 * min(len(self.members) - 1, 5))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The winner, those it could not be told from, and why it won."""

    ranked: tuple[Camp, ...]
    rivals: tuple[Candidate, ...]
    reason: str


def choose(plausible: Sequence[Candidate], probe: Probe | None, failure: Failure) -> Choice:
    """Rank the camps by what speaks against them, then by how likely their best edit is."""
    camps = with_dissent(camps_of(plausible, probe, failure))
    camps.sort(key=lambda camp: (camp.faults, -camp.weight))
    best, others = camps[0], camps[1:]
    rivals = [
        camp.best
        for camp in others
        if camp.faults == best.faults and camp.weight >= CLEAR * best.weight
    ]
    return Choice(ranked=tuple(camps), rivals=tuple(rivals), reason=_reason(best, others, probe))


def _reason(best: Camp, others: Sequence[Camp], probe: Probe | None) -> str:
    if not others:
        alike = f"; {len(best.members) - 1} others behave alike" if len(best.members) > 1 else ""
        inputs = f" on {len(probe.inputs)} inputs near the tests' own" if probe else ""
        return f"No other behaviour passed the tests{inputs}{alike}."
    parts = []
    if any(camp.broken_examples > best.broken_examples for camp in others):
        parts.append("the documented examples hold with it")
    if any(camp.bad and not best.bad for camp in others):
        parts.append("the reported symptom is gone on neighbouring inputs too")
    if any(camp.foreign and not best.foreign for camp in others):
        parts.append("it only returns kinds of values that the code or the tests know")
    if any(camp.disturbed and not best.disturbed for camp in others):
        parts.append("it changes nothing where the code already gave an answer")
    parts.append("it is the likeliest kind of edit at the most suspicious place")
    return f"Of {1 + len(others)} behaviours that pass the tests it was preferred because " + (
        " and ".join(parts) + "."
    )


def camps_of(plausible: Sequence[Candidate], probe: Probe | None, failure: Failure) -> list[Camp]:
    """Patches grouped by behaviour; without a probe each is a camp of its own."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for number in range(len(plausible)):
        behaviour = probe.behaviours.get(number) if probe else None
        key = behaviour.seen if behaviour and behaviour.seen else (f"unseen {number}",)
        groups.setdefault(key, []).append(number)
    bad_words = {f"!{name}" for name in failure.symptoms} | set(HANGS)
    keys = list(groups)
    before = probe.behaviours[-1].seen if probe and -1 in probe.behaviours else ()
    known = {kind for seen in before for kind in kinds_of(seen)} | set(failure.expected)
    return [
        Camp(
            members=tuple(plausible[number] for number in sorted(numbers)),
            shows_symptom=any(seen in bad_words for seen in key),
            bad=_bad_inputs(key, keys, bad_words),
            dissent=0,
            foreign=sum(bool(set(kinds_of(seen)) - known) for seen in key) if known else 0,
            disturbed=_disturbed(key, before, bad_words) if failure.loud else 0,
            broken_examples=_broken(probe, numbers[0]),
            seen=key,
        )
        for key, numbers in groups.items()
    ]


def with_dissent(camps: list[Camp]) -> list[Camp]:
    """Count for each camp the inputs on which it stands against the weightiest answer.

    Right patches agree with each other and, mostly, with wrong ones; wrong ones err each in their
    own way (the idea of voting among independent versions).
    """
    longest = max((len(camp.seen) for camp in camps), default=0)
    against = [0] * len(camps)
    for place in range(longest):
        votes: dict[str, float] = {}
        for camp in camps:
            if place < len(camp.seen):
                votes[camp.seen[place]] = votes.get(camp.seen[place], 0.0) + camp.weight
        if len(votes) > 1:
            winner = max(votes, key=lambda answer: votes[answer])
            for number, camp in enumerate(camps):
                against[number] += place >= len(camp.seen) or camp.seen[place] != winner
    return [replace(camp, dissent=count) for camp, count in zip(camps, against, strict=True)]


def _bad_inputs(key: tuple[str, ...], keys: list[tuple[str, ...]], bad_words: set[str]) -> int:
    """Inputs on which this camp shows a symptom and another gives a value."""
    others = [other for other in keys if other is not key and len(other) == len(key)]
    return sum(
        own in bad_words and any(not other[place].startswith(("!", "?")) for other in others)
        for place, own in enumerate(key)
    )


def _disturbed(key: tuple[str, ...], before: tuple[str, ...], bad_words: set[str]) -> int:
    """Where a loud failure is the only symptom, a quiet answer was right and should stay."""
    pairs = zip(key, before, strict=False)
    return sum(old != new and old not in bad_words and "|" in old for new, old in pairs)


def kinds_of(seen: str) -> list[str]:
    """The types in one observed behaviour; none for an exception."""
    return seen.partition("|")[0].split() if "|" in seen else []


def types_in(literal: str) -> set[str]:
    """The type of a literal and of its elements.

    >>> sorted(types_in("[1, 'a']"))
    ['int', 'list', 'str']
    """
    try:
        value = ast.literal_eval(literal)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    inner = value.values() if isinstance(value, dict) else value
    elements = list(inner) if isinstance(value, (list, tuple, set, dict)) else []
    return {type(each).__name__ for each in (value, *elements)}


def _broken(probe: Probe | None, number: int) -> int:
    behaviour = probe.behaviours.get(number) if probe else None
    return sum(said == "no" for said in behaviour.examples) if behaviour else 0


def documented_examples(program: Program, function: str) -> list[tuple[str, str]]:
    """The `>>>` examples about a function: in its docstring, or in any text of the module.

    >>> text = "def f(x):\\n    'Same.\\\\n>>> f(1)\\\\n1'\\n    return x\\n"
    >>> documented_examples(Program("m.py", text), "f")
    [('f(1)', '1')]
    """
    name = function.rpartition(".")[2]
    found = []
    for node in ast.walk(program.tree):
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        text = node.value.value
        if not isinstance(text, str) or ">>>" not in text:
            continue
        try:
            examples = doctest.DocTestParser().get_examples(text)
        except ValueError:
            continue
        for example in examples:
            if re.search(rf"\b{re.escape(name)}\(", example.source) and example.want.strip():
                found.append((example.source.strip(), example.want.strip()))
    return found[:20]
