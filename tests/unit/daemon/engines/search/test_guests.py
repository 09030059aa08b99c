"""Guests of different speed, late, failing and lost: what is answered does not depend on them."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from daemon.engines import BugReport, Proposal
from daemon.engines.search.candidates import Candidate
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.edits import Edit, Piece
from daemon.engines.search.engine import SearchEngine
from daemon.engines.search.guests import Guests, Line, ScreenEnded
from daemon.engines.search.program import Program
from daemon.engines.search.screening import Screener
from daemon.engines.search.wire import Plan
from daemon.settings import SearchSettings
from sandbox.errors import SandboxDied, TrialStopped
from tests.local_guest import LocalLine
from tests.unit.daemon.engines.search.cases import case_of

PROGRAM = Program("m.py", "def f(a):\n    return x\n")
PLAN = Plan(goal=("t",), rest=(), cpu_s={"t": 1.0})


class Scripted:
    """A guest that finds every candidate plausible whose number can be divided by seven."""

    ending = None

    def __init__(
        self, *, pause_s: float = 0.0, ends_after: int = 10**9, fault: Exception | None = None
    ) -> None:
        self.asked = 0
        self.closed = False
        self.collected = ["t"]
        self._pause_s, self._ends_after, self._fault = pause_s, ends_after, fault
        self._answers: list[dict[str, Any]] = []

    def send(self, message: Mapping[str, Any]) -> None:
        """Answers are ready at once, but are given slowly."""
        self.asked += 1
        for number, ((_, _, text),) in message["candidates"]:
            good = int(text.split()[-1]) % 7 == 0
            stop = None if good else ["t", "AssertionError"]
            self._answers.append({"n": number, "green": [0] if good else [], "stop": stop})
        self._answers.append({"end": "screen"})

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The tests first, then answers, until it ends."""
        if self.collected:
            collected, self.collected = self.collected, []
            return {"collected": collected}
        if self.asked > self._ends_after:
            if self._fault:
                raise self._fault
            self.ending = "crashed"  # type: ignore[assignment]
            return None
        time.sleep(self._pause_s)
        return self._answers.pop(0)

    def close(self) -> None:
        """Noted."""
        self.closed = True


def numbered(count: int) -> list[Candidate]:
    """Candidates that return their own number."""
    begin = PROGRAM.text.index("x")
    return [
        Candidate(
            program=PROGRAM,
            edit=Edit(
                pieces=(Piece(begin=begin, end=begin + 1, text=str(number)),),
                line=2,
                template="test",
            ),
            score=1.0,
            function="f",
        )
        for number in range(count)
    ]


OpenGuests = Callable[..., Guests]


@pytest.fixture
def guests_of() -> Iterator[OpenGuests]:
    """Guests on these lines, the first awaited; all are closed in the end."""
    opened: list[tuple[Guests, tuple[Scripted, ...]]] = []

    def begin(*lines: Scripted, stop: threading.Event | None = None) -> Guests:
        found = Guests(lambda: lines[0], stop or threading.Event())
        opened.append((found, lines))
        for line in lines[1:]:
            found.invite(lambda line=line: line)  # type: ignore[misc]
        return found

    yield begin
    for found, lines in opened:
        found.close()
        assert all(line.closed for line in lines)


def screened(guests: Guests, count: int = 200) -> list[tuple[str, bool]]:
    """Number and verdict of each candidate, in the order they came."""
    found = Screener(guests).screen(numbered(count), PLAN, Deadline.after(60))
    return [(candidate.edit.pieces[0].text, v.plausible) for candidate, v in found]


EXPECTED = [(str(number), number % 7 == 0) for number in range(200)]


@pytest.mark.parametrize(
    "pauses", [(0.001,), (0.003, 0.0), (0.0, 0.003), (0.002, 0.0, 0.004)], ids=str
)
def test_verdicts_come_in_order_however_quick_each_guest_is(
    pauses: tuple[float, ...], guests_of: OpenGuests
) -> None:
    """One to three guests, each with its own pace."""
    assert screened(guests_of(*(Scripted(pause_s=pause) for pause in pauses))) == EXPECTED


def test_all_guests_work(guests_of: OpenGuests) -> None:
    """Two of the same pace: both are asked."""
    lines = Scripted(pause_s=0.001), Scripted(pause_s=0.001)
    guests = guests_of(lines[0])
    guests.invite(lambda: lines[1]).result()

    assert screened(guests) == EXPECTED
    assert all(line.asked > 1 for line in lines)
    assert guests.joined == 2


@pytest.mark.parametrize("fault", [None, SandboxDied("gone")], ids=["crashed", "died"])
def test_what_a_lost_guest_was_asked_another_answers(
    fault: Exception | None, guests_of: OpenGuests
) -> None:
    """It ends in the middle of the search; nothing is missing and nothing comes twice."""
    lost = Scripted(pause_s=0.001, ends_after=2, fault=fault)
    guests = guests_of(Scripted(pause_s=0.002))
    guests.invite(lambda: lost).result()

    assert screened(guests) == EXPECTED
    assert guests.present == 1
    assert lost.closed


@pytest.mark.parametrize("count", [1, 2])
def test_without_any_guest_left_the_search_ends(count: int, guests_of: OpenGuests) -> None:
    """Whatever ends them all is said, as it is with one."""
    guests = guests_of(*(Scripted(ends_after=2) for _ in range(count)))

    with pytest.raises(ScreenEnded):
        screened(guests)
    with pytest.raises(ScreenEnded):
        guests.submit(lambda guest: None).result()


def fails() -> Line:
    """A container that does not start."""
    raise SandboxDied("no room for it")


def differs() -> Line:
    """A guest with other tests than the first."""
    line = Scripted()
    line.collected = ["t", "another"]
    return line


@pytest.mark.parametrize("opener", [fails, differs, lambda: None], ids=["fails", "differs", "full"])
def test_the_search_goes_on_without_a_guest_that_cannot_join(
    opener: Callable[[], Line | None], guests_of: OpenGuests
) -> None:
    """It does not start, has other tests, or there is no slot for it."""
    guests = guests_of(Scripted())
    guests.invite(opener).exception()

    assert screened(guests) == EXPECTED
    assert guests.joined == 1


def test_the_kill_switch_reaches_every_thread(guests_of: OpenGuests) -> None:
    """Set while guests are at work: TrialStopped."""
    stop = threading.Event()
    guests = guests_of(Scripted(pause_s=0.01), Scripted(pause_s=0.01), stop=stop)
    results = Screener(guests).screen(numbered(500), PLAN, Deadline.after(60))
    next(results)
    stop.set()

    with pytest.raises(TrialStopped):
        list(results)


FILES = {
    "m.py": "def largest(values):\n    best = values[0]\n    for value in values:\n"
    "        if value < best:\n            best = value\n    return best\n",
    "test_m.py": "from m import largest\n\ndef test_some(): assert largest([1, 3, 2]) == 3\n\n"
    "def test_one(): assert largest([4]) == 4\n",
}
OUTCOMES = {"test_m.py::test_some": "failed", "test_m.py::test_one": "passed"}


class Brisk(LocalLine):
    """A real guest."""


class Slow(LocalLine):
    """A real guest that is slow to tell."""

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """Late."""
        time.sleep(0.005)
        return super().receive(timeout_s)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Proposal, str]:
    """What one guest finds."""
    return proposed(tmp_path_factory.mktemp("alone"), Brisk)


def proposed(root: Path, *lines: Callable[..., Line]) -> tuple[Proposal, str]:
    """The proposal with guests on these lines, and what the search was after it."""
    case = case_of(root, FILES, "`largest` gives the smallest", OUTCOMES, lines=lines)
    session = SearchEngine(SearchSettings(time_s=300, candidates=300)).open(case)
    report = session.diagnose()
    assert isinstance(report, BugReport)
    answer = session.propose(report, None)
    assert isinstance(answer, Proposal), answer
    return answer, answer.numbers["candidates"] + " " + answer.numbers["plausible"]


@pytest.mark.parametrize("lines", [(Slow, Brisk), (Brisk, Slow, Brisk)], ids=["two", "three"])
def test_the_choice_does_not_depend_on_how_many_guests_there_are(
    lines: tuple[Callable[..., Line], ...], tmp_path: Path, alone: tuple[Proposal, str]
) -> None:
    """Same patch, same rivals, same counts as with one guest, however they interleave."""
    answer, counts = proposed(tmp_path, *lines)

    assert answer.patch == alone[0].patch
    assert answer.rivals == alone[0].rivals
    assert counts == alone[1]
