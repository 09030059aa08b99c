"""The search itself: screen candidates until enough is known, within its budgets."""

import collections
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.edits import join, same_code_key
from daemon.engines.search.explain import Tally
from daemon.engines.search.screening import Screener
from daemon.engines.search.wire import Plan, Verdict
from sandbox.errors import TrialStopped

ENOUGH = 40  # plausible candidates; more would not change the choice
AT_LEAST_MORE = 1200  # candidates screened after the first plausible one, for rivals
FAINT = 0.15  # rivals this much less likely than the first plausible one are not looked for
LONGER = 2500  # candidates more while the best patch found is doubtful
LOOKS = ((200, 8.0), (30, 64.0))  # who ran out of time gets more, if nothing else was found
MOST_PARTIAL = 200
STONES, PARTNERS = 10, 700  # for two-edit combinations
PARTIAL_S = 10.0  # what a second look at partial candidates gets, however late it is
REPORT_EVERY_S = 1.0


@dataclass
class Hunt:
    """One search. The outcome depends on counts alone; time only ever cuts it short."""

    screener: Screener
    plan: Plan
    deadline: Deadline
    most: int
    stop: threading.Event
    progress: Callable[[str], None]
    screened: int = 0
    cut_by: str = ""
    own: Plan | None = None  # the report's own tests alone, for when no edit helps all of the goal
    plausible: list[Candidate] = field(default_factory=list)
    slow: list[tuple[int, Candidate]] = field(default_factory=list)
    stones: list[tuple[int, Candidate]] = field(default_factory=list)
    partners: list[Candidate] = field(default_factory=list)
    partial: list[Candidate] = field(default_factory=list)  # these turn the own tests green

    def __post_init__(self) -> None:
        self._clock = self.deadline.clock
        self._began = self._spoke = self._clock()
        self._rest: Iterator[Candidate] = iter(())  # single edits not screened yet
        self.partly = False  # what is plausible turns only the report's own tests green
        self._patience = 0  # with a partial one found: screen this many in all, then be content
        self._until: int | None = None  # with a plausible one found: screen this many in all

    @property
    def tally(self) -> Tally:
        """What was done so far."""
        return Tally(
            screened=self.screened,
            plausible=len(self.plausible),
            seconds=self._clock() - self._began,
            cut_by=self.cut_by,
        )

    def run(self, found: Iterable[Candidate]) -> list[Candidate]:
        """Single edits, then those that needed more time, then pairs; the plausible ones."""
        self._rest = iter(found)
        self._singles()
        for count, patience in LOOKS:
            if not self.plausible and self.slow and not self._over():
                self.slow.sort(key=lambda each: -each[0])  # stable: the likeliest of equals first
                again = [candidate for _, candidate in self.slow[:count]]
                self._screen(again, replace(self.plan, patience=patience))
        if not self.plausible and self.stones and not self._over():
            self._screen(self._pairs(), self.plan)
        if not self.plausible and self.partial and self.own:
            self._partial(self.own)
        return self.plausible

    def _partial(self, own: Plan) -> None:
        """Nothing helps every failing test: what helps the report's own and breaks none?

        The other tests may fail because of another bug, so `engine.py` decides when to ask.
        """
        deadline = self.deadline.at_least(PARTIAL_S)
        for candidate, verdict in self.screener.screen(self.partial[:MOST_PARTIAL], own, deadline):
            if verdict.plausible:
                self.plausible.append(candidate)
        self.partly = bool(self.plausible)

    def more(self) -> bool:
        """Go on with single edits where the search stopped; False when there are none left."""
        before = self.screened
        self._until = self.screened + LONGER
        if not self._over():
            self._singles(faint=0.0)
        return self.screened > before

    def _singles(self, faint: float = FAINT) -> None:
        """Screen single edits; those drawn ahead when it stops are kept for `more`."""
        drawn: collections.deque[Candidate] = collections.deque()

        def feed() -> Iterator[Candidate]:
            for candidate in self._rest:
                drawn.append(candidate)
                yield candidate

        self._screen(feed(), self.plan, drawn, faint)
        self._rest = itertools.chain(drawn, self._rest)

    def _screen(
        self,
        found: Iterable[Candidate],
        plan: Plan,
        drawn: collections.deque[Candidate] | None = None,
        faint: float = FAINT,
    ) -> None:
        limited = itertools.islice(self._timely(found), max(0, self.most - self.screened))
        with contextlib.closing(self.screener.screen(limited, plan, self.deadline)) as results:
            for candidate, verdict in results:
                if verdict.late and self._over():
                    break
                self.screened += 1
                if drawn:
                    drawn.popleft()
                self._note(candidate, verdict, plan)
                if self.plausible and self._until is None:
                    self._until = self.screened + max(AT_LEAST_MORE, self.screened)
                if self._over() or self._enough(candidate, faint):
                    break
                self._speak()

    def _timely(self, found: Iterable[Candidate]) -> Iterator[Candidate]:
        """Making candidates takes time, too: none is made after the deadline."""
        for candidate in found:
            yield candidate
            if self.deadline.left_s <= 0:
                return

    def _note(self, candidate: Candidate, verdict: Verdict, plan: Plan) -> None:
        if verdict.plausible:
            self.plausible.append(candidate)
            return
        if verdict.why == "timeout" and plan.patience == 1.0 and verdict.stopped_by in plan.goal:
            self.slow.append((len(verdict.green), candidate))
        if verdict.green and " and " not in candidate.edit.template:
            self.stones.append((len(verdict.green), candidate))
        if self.own and verdict.green >= frozenset(range(len(self.own.goal))):
            self.partial.append(candidate)
            self._patience = self._patience or self.screened + 2 * LONGER
        if len(self.partners) < PARTNERS and " and " not in candidate.edit.template:
            self.partners.append(candidate)

    def _enough(self, candidate: Candidate, faint: float) -> bool:
        """Whether looking on is unlikely to change the choice."""
        if not self.plausible or self._until is None:
            return bool(self._patience) and self.screened >= self._patience
        if candidate.score < faint * self.plausible[0].score:
            return True
        return len(self.plausible) >= ENOUGH or self.screened >= self._until

    def _over(self) -> bool:
        """Whether a budget ends the search; TrialStopped when the kill switch does."""
        if self.stop.is_set():
            raise TrialStopped("the search was stopped")
        if self.screened >= self.most:
            self.cut_by = "candidate budget"
        elif self.deadline.left_s <= 0:
            self.cut_by = "time budget"
        return bool(self.cut_by)

    def _speak(self) -> None:
        now = self._clock()
        if now - self._spoke >= REPORT_EVERY_S:
            self._spoke = now
            self.progress(self.tally.words())

    def _pairs(self) -> Iterator[Candidate]:
        """Stepping stones (edits that turn some failing tests green) with the likeliest others."""
        self.stones.sort(key=lambda stone: (-stone[0], -stone[1].score))
        seen: set[str] = set()
        for _, stone in self.stones[:STONES]:
            for partner in self.partners:
                pair = _pair(stone, partner)
                key = same_code_key(pair.program, pair.edit) if pair else None
                if pair is not None and key is not None and key not in seen:
                    seen.add(key)
                    yield pair


def _pair(one: Candidate, other: Candidate) -> Candidate | None:
    """Both edits in one candidate; None when they overlap or stand in different files."""
    if one is other or one.program is not other.program:
        return None
    edit = join(one.edit, other.edit)
    if edit is None:
        return None
    return replace(one, edit=edit, score=one.score * other.score * 0.5)


def merged(plausible: Sequence[Candidate]) -> list[Candidate]:
    """The plausible candidates, the likeliest first; ties keep their order."""
    return sorted(plausible, key=lambda candidate: -candidate.score)
