"""Which of the patches that pass everything: by likelihood, by evidence, or not at all.

Patches that behave alike on inputs near the tests' own are one camp. A camp loses when it breaks a
documented example or its own type hint, or shows on neighbouring inputs the very symptom that was
reported (the same exception, a hang) where another camp gives a value. If camps of similar weight
are left, the bug is ambiguous and a person decides.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.documented import declared_kinds, support
from daemon.engines.search.doubts import AS_LIKELY, doubt_of
from daemon.engines.search.edits import hunks
from daemon.engines.search.plain import plainest_first
from daemon.engines.search.program import FunctionNode
from daemon.engines.search.wire import Probe

HANGS = ("!timeout", "!crashed", "!RecursionError", "!MemoryError")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How the failing tests failed."""

    symptoms: tuple[str, ...] = ()  # exceptions that befell the code, assertions left out
    checks: tuple[str, ...] = ()  # exceptions that the module's own `raise` ended a test with
    expected: frozenset[str] = frozenset()  # types of the values the assertions expected
    loud: bool = False  # every failing test ended in an exception or a hang, none in a wrong value
    note: str = ""  # the reflection's words

    @property
    def befell(self) -> bool:
        """Whether every failing test met an exception or a hang that nobody meant.

        Where the module's own check refused, the check may be the wrong one: it then lets through
        what it should refuse, and its quiet answers are no better than its loud ones.
        """
        return self.loud and not self.checks


@dataclass(frozen=True, kw_only=True)
class Camp:
    """Patches that behave alike."""

    members: tuple[Candidate, ...]  # the one to apply first
    likelihood: float  # of its likeliest member, with what the author's words add
    shows_symptom: bool  # some neighbouring input still ends as the report says
    bad: int  # inputs on which it shows the symptom and another camp does not
    foreign: int  # results of a type that neither the unpatched code nor the tests know
    dissent: int  # inputs on which the weight of the other camps says otherwise
    disturbed: int  # inputs the unpatched code answered without the symptom, answered otherwise
    broken_examples: int
    seen: tuple[str, ...]
    goes_round: bool = False  # no failing test reaches the statement that failed: bypass.py

    @property
    def best(self) -> Candidate:
        """The member to apply: likely, and the plainest of those that are."""
        return self.members[0]

    @property
    def doubtful(self) -> bool:
        """Whether something may be wrong with it even if no better one is known."""
        doubts = (self.broken_examples, self.shows_symptom, self.foreign, self.goes_round)
        return any(doubts)

    @property
    def faults(self) -> tuple[int, bool, bool, bool, bool]:
        """What speaks against it, the gravest first."""
        seldom = (self.foreign > 0, self.disturbed > 0)
        return self.broken_examples, self.bad > 0, self.goes_round, *seldom

    @property
    def weight(self) -> float:
        """Its likelihood, raised a little by company: right fixes have many forms."""
        return self.likelihood * (1 + 0.1 * min(len(self.members) - 1, 5))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The camps in their order, why the first one won, and what a person should know of each."""

    ranked: tuple[Camp, ...]
    reason: str
    unseen: tuple[Candidate, ...] = ()  # passed, and not compared for want of time
    before: tuple[str, ...] = ()  # what the unpatched code does on the inputs
    inputs: int | None = None  # how many were tried; None: nothing could be compared
    left_red: tuple[str, ...] = ()  # failing tests of the function that no patch turns green

    @property
    def rivals(self) -> tuple[Candidate, ...]:
        """Those the winner could not be told from."""
        return self.rivals_of(self.ranked[0])

    @property
    def doubt(self) -> str:
        """Why a person should look at the winner, though it has no rival."""
        return self.doubt_of(self.ranked[0])

    def rivals_of(self, camp: Camp) -> tuple[Candidate, ...]:
        """The best of the later camps with the same faults that are about as likely."""
        later = self.ranked[self.ranked.index(camp) + 1 :]
        alike = [
            other.best
            for other in later
            if other.faults == camp.faults and other.weight >= AS_LIKELY * camp.weight
        ]
        return (*alike, *(each for each in self.unseen if each.score >= AS_LIKELY * camp.weight))

    def doubt_of(self, camp: Camp) -> str:
        """What speaks against believing this camp at once, in words; "" for nothing."""
        return doubt_of(camp, self.before, self.inputs, self.left_red)


def choose(plausible: Sequence[Candidate], probe: Probe | None, failure: Failure) -> Choice:
    """Rank the camps by what speaks against them, then by how likely their best edit is."""
    camps = with_dissent(camps_of(plausible, probe, failure))
    camps.sort(key=lambda camp: (camp.faults, -camp.weight))
    return Choice(
        ranked=tuple(camps),
        reason=_reason(camps[0], camps[1:], probe),
        before=probe.behaviours[-1].seen if probe and -1 in probe.behaviours else (),
        inputs=len(probe.inputs) if probe else None,
    )


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
    declared = declared_kinds(function_of(plausible[0]))
    likely = [candidate.score * _supported(candidate, failure) for candidate in plausible]
    return [
        Camp(
            members=plainest_first([plausible[number] for number in sorted(numbers)]),
            likelihood=max(likely[number] for number in numbers),
            shows_symptom=any(seen in bad_words for seen in key),
            bad=_bad_inputs(key, keys, bad_words),
            dissent=0,
            foreign=_foreign(key, known, declared),
            disturbed=_disturbed(key, before, bad_words) if failure.befell else 0,
            broken_examples=_broken(probe, numbers[0]),
            seen=key,
        )
        for key, numbers in groups.items()
    ]


def function_of(candidate: Candidate) -> FunctionNode | None:
    """The function a candidate changes."""
    return candidate.program.functions.get(candidate.function or "")


def _supported(candidate: Candidate, failure: Failure) -> float:
    """What the docstring and the note say for this edit."""
    node = function_of(candidate)
    words = f"{ast.get_docstring(node) or ''} {failure.note}" if node else failure.note
    changed = hunks(candidate.program, candidate.edit)
    old, new = "".join(h.original for h in changed), "".join(h.replacement for h in changed)
    return support(words, old, new)


def _foreign(key: tuple[str, ...], known: set[str], declared: frozenset[str]) -> int:
    """Results of a type that neither code, tests nor the type hint know.

    Where the hint is clear, what it allows is known and what it does not allow is foreign.
    """
    kinds = [kinds_of(seen) for seen in key]
    if declared:
        return sum(bool(each) and each[0] not in declared for each in kinds)
    return sum(bool(set(each) - known) for each in kinds) if known else 0


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
