"""What an engine is: who diagnoses a failure and proposes patches for it.

Two engines exist, `claude` (a conversation with a model) and `search` (embedded, offline). The
cycle (daemon/cycle.py) owns the road; an engine only answers its questions:

    session = engine.open(case)
    report = session.diagnose()               # BugReport | Declined
    test = session.reproduce(report)          # Reproduction | None, when no test fails yet
    answer = session.propose(report, None)    # Proposal | NoPatch | Declined
    answer = session.propose(report, feedback)   # again, fed with what the trial said
    advice = session.review(attempts)         # after the last attempt: its own diagnosis

An engine that cannot work (no model, budget spent, Docker gone) raises `EngineError` or lets the
sandbox's exceptions through; that never uses up an attempt.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from reflections.note import Reflection
from sandbox.patch import Patch
from sandbox.trial import Bench, Outcome, Run

Severity = Literal["low", "medium", "high", "critical"]
DeclineCategory = Literal["not_a_bug", "not_in_target", "not_enough_information", "unsafe"]


class EngineError(Exception):
    """The engine cannot work now (no model, no answer); says what to do next. Not an attempt."""


class BudgetSpent(EngineError):
    """The next call would pass a spending limit; nothing was sent."""


@dataclass(frozen=True, kw_only=True)
class BugReport:
    """A failure in the words of the module: an editable file and a function that is in it."""

    filename: str
    function: str | None  # qualified name as in the AST ("Class.method", "outer.inner") or None
    summary: str
    severity: Severity = "medium"
    failing_test: str | None = None  # a pytest id of the baseline, or None


@dataclass(frozen=True, kw_only=True)
class Declined:
    """A respected end: the engine says there is nothing it should mend, and why."""

    category: DeclineCategory
    reason: str


@dataclass(frozen=True, kw_only=True)
class NoPatch:
    """The engine looked and found none; `reason` is worth a report by itself."""

    reason: str
    suspicious: tuple[str, ...] = ()  # "file.py:12 text of the line", most suspicious first


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A patch to try. `rivals` pass the same tests but behave differently: the bug is ambiguous."""

    patch: Patch
    rivals: tuple[Patch, ...] = ()
    doubt: str = ""  # why a person should look first, though there is no rival
    explanation: str = ""  # why this one; for the report
    numbers: Mapping[str, str] = field(default_factory=dict)  # e.g. candidates, seconds


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A test the engine wrote; `filename` is where it stands in the copy, relative to the root."""

    filename: str
    code: str
    explanation: str


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What became of the last proposal, in words and facts an engine can use."""

    patch: Patch | None
    reason: str  # e.g. "gate policy: …", "2 tests that passed before now fail: …"
    run: Run | None = None


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What a session has used so far; costs in US dollars."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """How the unpatched copy behaves: two runs compared, flaky ids counted in neither."""

    outcomes: Mapping[str, Outcome]  # stable ids only
    flaky: tuple[str, ...]
    run: Run  # the first run: messages, durations, output

    @property
    def failing(self) -> tuple[str, ...]:
        """The ids that fail or err, stable ones only, in collection order."""
        bad = (Outcome.FAILED, Outcome.ERROR)
        return tuple(test for test, outcome in self.outcomes.items() if outcome in bad)


TaskKind = Literal["mend", "modify", "experiment", "learn"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is asked of an engine; `mend` (the default) asks to repair what the note reports."""

    kind: TaskKind = "mend"
    words: str = ""  # the instruction, or what a metric is and how it may be bettered
    files: tuple[str, ...] = ()  # where to work; the first one is the most likely place
    hints: tuple[str, ...] = ()  # what earlier work learnt: recipes, edits tried and their gains


MEND = Task()


class Source(Protocol):
    """A bounded, read-only look at the target's snapshot (never at the live folder)."""

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of the snapshot, sorted, "/" between folders."""

    def read(self, filename: str) -> bytes | None:
        """The bytes of one of `files`; None when there is no such file."""

    def text(self, filename: str) -> str | None:
        """The file decoded as Python would (encoding cookie, BOM), or None if it cannot be."""

    def may_edit(self, filename: str) -> bool:
        """Whether the target's scope allows a patch here (tests, config and CI never)."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything an engine gets to see of one reflection."""

    reflection: Reflection
    source: Source
    bench: Bench
    baseline: Callable[[], Baseline]  # runs on first call, then remembered
    check_report: Callable[[BugReport], str | None]  # what does not fit, in words to send back
    check_patch: Callable[[Patch], str | None]  # shape and anchoring complaints, likewise
    progress: Callable[[str], None]
    stop: threading.Event  # set by the kill switch; every loop looks at it
    advice: str = ""  # corrected instruction of the cycle before, or hints of the engine before
    seed: int = 0
    task: Task = MEND
    attempts: Sequence[Feedback] = ()
    refused: Callable[[Sequence[str]], None] = lambda calls: None  # tells what was asked in vain


class Spender(Protocol):
    """Whatever spends for a piece of work."""

    @property
    def spending(self) -> Spending: ...


class EngineSession(Spender, Protocol):
    """One engine at work on one case; never used by two threads."""

    @property
    def model(self) -> str:
        """The model's name, or the engine's own name and version."""

    def diagnose(self) -> BugReport | Declined: ...

    def reproduce(self, report: BugReport, feedback: str | None) -> Reproduction | None: ...

    def propose(
        self, report: BugReport, feedback: Feedback | None
    ) -> Proposal | NoPatch | Declined: ...

    def review(self, attempts: str) -> str | None:
        """Read the report of its own failed attempts; the corrected instruction, or None."""

    def close(self) -> None: ...


class Engine(Protocol):
    """Opens sessions."""

    @property
    def name(self) -> str: ...

    def open(self, case: Case) -> EngineSession: ...
