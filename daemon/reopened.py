"""A test file that could not be collected, and what a patch made of it.

Its one id (`test_x.py`) goes, the ids of its tests come. That is a repair only if every test that
the file's text holds (`Run.promised`) is there: an import can be mended so that tests are lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.trial import Outcome, Run

BAD = frozenset({Outcome.FAILED, Outcome.ERROR})
GOOD = frozenset({Outcome.PASSED, Outcome.XPASSED})
Promise = Mapping[str, bool]  # id -> whether it may be skipped or expected to fail


@dataclass(frozen=True, kw_only=True)
class Reopened:
    """The files that could not be collected before and are no collection error now."""

    healed: frozenset[str] = frozenset()  # all their tests are there and pass
    opened: frozenset[str] = frozenset()  # all their tests are there; some may still fail
    why_not: Mapping[str, str]  # file -> why it is not healed

    def holds(self, test: str) -> bool:
        """Whether a test belongs to one of the opened files (or folders)."""
        file = test.partition("::")[0]
        return file in self.opened or any(test.startswith(f"{each}/") for each in self.opened)


def reopened(
    before: Mapping[str, Outcome],
    now: Mapping[str, Outcome],
    run: Run,
    promised: Mapping[str, Promise],
) -> Reopened:
    """Look at each file with a collection error `before`. `now`: the outcomes of `run` that count.

    A file without a promise (no Python, or unreadable) has to hold a test that passes.
    """
    healed, opened, why_not = set(), set(), {}
    for file, was in before.items():
        if "::" in file or was is not Outcome.ERROR or file in now:
            continue
        inside = {test: outcome for test, outcome in now.items() if _within(test, file)}
        there = {*inside, *(test for test in run.collected if _within(test, file))}
        promise = promised.get(file)
        lost = _lost(promise or {}, there)
        if lost:
            why_not[file] = f"it can be collected, but {lost} is not there"
        elif there or promise is not None:
            opened.add(file)
        fault = why_not.get(file) or _fault(inside, promise or {})
        if fault:
            why_not[file] = fault
        else:
            healed.add(file)
    return Reopened(healed=frozenset(healed), opened=frozenset(opened), why_not=why_not)


def _within(test: str, file: str) -> bool:
    return test.startswith((f"{file}::", f"{file}/"))


def _lost(promise: Promise, there: set[str]) -> str:
    """The first promised test that was not collected."""
    names = {_bare(test) for test in there}
    return next((test for test in promise if test not in names), "")


def _bare(test: str) -> str:
    """The id without parameters and without the number of a second test of that name."""
    return test.partition("[")[0].partition("#")[0]


def _fault(inside: Mapping[str, Outcome], promise: Promise) -> str:
    """Why a file that is collected does not count as passing."""
    for test, outcome in inside.items():
        if outcome in BAD:
            return f"it can be collected, but {test} fails"
        if outcome not in GOOD and not promise.get(_bare(test)):
            return f"it can be collected, but {test} is {outcome.value}"
    if not any(outcome in GOOD for outcome in inside.values()):
        return "no test of it passes"
    return ""
