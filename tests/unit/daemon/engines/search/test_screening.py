"""The guest's code on this machine: swapping, verdicts, limits, the spectrum and the probe."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.edits import Edit, Piece
from daemon.engines.search.guests import Guests
from daemon.engines.search.localise import Seen
from daemon.engines.search.program import Program
from daemon.engines.search.screening import Screener
from daemon.engines.search.wire import Plan, Question, Verdict
from tests.local_guest import LocalLine

MODULE = '''\
"""Everything that can hold a function."""
import functools

RATE = 2


def kept(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


def plain(a):
    return a + 9


def default(a, b=9):
    return a + b


def outer(a):
    def inner(b):
        return b + 9

    return inner(a)


def numbers(a):
    for b in range(a):
        yield b + 9


@kept
def wrapped(a):
    return a + 9


class Base:
    def name(self):
        return "base"


class Thing(Base):
    factor = 9

    def method(self, a):
        return a + 9

    def name(self):
        return super().name() + "9"

    @classmethod
    def made(cls, a):
        return a + 9

    @staticmethod
    def loose(a):
        return a + 9

    @property
    def size(self):
        return 9

    def scaled(self):
        return self.factor * RATE


def told(a):
    return [x + 9 for x in [a]][0]


def endless(a):
    while a:
        pass
    return 9
'''
TESTS = """\
import m
from m import Thing, default, endless, numbers, outer, plain, told, wrapped

STATE = []

def test_plain(): assert plain(1) == 1
def test_default(): assert default(1) == 1
def test_outer(): assert outer(1) == 1
def test_numbers(): assert list(numbers(1)) == [0]
def test_wrapped(): assert wrapped(1) == 1
def test_method(): assert Thing().method(1) == 1
def test_name(): assert Thing().name() == "base"
def test_made(): assert Thing.made(1) == 1
def test_loose(): assert Thing.loose(1) == 1
def test_size(): assert Thing().size == 0
def test_factor(): assert Thing().scaled() == 0
def test_rate(): assert m.RATE == 0
def test_told(): assert told(1) == 1
def test_endless(): assert endless(0) == 0
def test_good(): STATE.append(1); assert STATE == [1]
def test_fixture(tmp_path, capsys): print("x"); assert plain(1) == 1
"""
PLACES = {
    "plain": "return a + 9\n\n\ndef default",
    "default": "b=9",
    "outer": "b + 9\n\n    return inner",
    "numbers": "yield b + 9",
    "wrapped": "return a + 9\n\n\nclass Base",
    "method": "a + 9\n\n    def name",
    "name": 'super().name() + "9"',
    "made": "a + 9\n\n    @static",
    "loose": "a + 9\n\n    @prop",
    "size": "return 9\n\n    def scaled",
    "factor": "factor = 9",
    "told": "x + 9",
}
OpenScreener = Callable[..., Screener]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A module and its tests."""
    (tmp_path / "m.py").write_text(MODULE)
    (tmp_path / "test_m.py").write_text(TESTS)
    return tmp_path


@pytest.fixture
def screener_of() -> Iterator[OpenScreener]:
    """Opens screeners on local guests."""
    opened: list[Screener] = []

    def open_one(folder: Path, guests: int = 1) -> Screener:
        found = Guests(lambda: LocalLine(folder), threading.Event())
        opened.append(Screener(found))
        for _ in range(guests - 1):
            found.invite(lambda: LocalLine(folder)).result()
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def candidate(place: str, old: str, new: str, text: str = MODULE) -> Candidate:
    """Replace `old` with `new` where `place` stands."""
    program = Program("m.py", text)
    begin = text.index(old, text.index(place))
    piece = Piece(begin=begin, end=begin + len(old), text=new)
    line = program.line_of(begin)
    edit = Edit(pieces=(piece,), line=line, template="test")
    return Candidate(program=program, edit=edit, score=1.0, function=None)


def plan(*goal: str, rest: tuple[str, ...] = ("test_good",), cpu_s: float = 2.0) -> Plan:
    """A plan for tests of test_m.py."""
    goal = tuple(f"test_m.py::{name}" for name in goal)
    others = tuple(f"test_m.py::{name}" for name in rest)
    return Plan(goal=goal, rest=others, cpu_s=dict.fromkeys((*goal, *others), cpu_s))


def verdict(screener: Screener, tried: Candidate, wanted: Plan) -> Verdict:
    """What screening says of one candidate."""
    return next(iter(list(screener.screen([tried], wanted, soon()))))[1]


def soon() -> Deadline:
    """A deadline nothing here should meet."""
    return Deadline.after(60.0)


@pytest.mark.parametrize("name", PLACES)
def test_code_is_swapped_wherever_it_hides(
    name: str, folder: Path, screener_of: OpenScreener
) -> None:
    """Functions imported by name, methods, properties, closures, defaults, class attributes."""
    screener = screener_of(folder)
    new = '""' if name == "name" else "0"
    tried = candidate(PLACES[name], '"9"' if name == "name" else "9", new)

    before = verdict(screener, candidate("plain(a)", "9", "8"), plan(f"test_{name}"))
    after = verdict(screener, tried, plan(f"test_{name}"))

    assert not before.plausible
    assert after.plausible, after


def test_module_level_code_takes_the_slow_road(folder: Path, screener_of: OpenScreener) -> None:
    """A constant of the module is imported afresh, with the patched text."""
    screener = screener_of(folder)

    assert verdict(screener, candidate("RATE = 2", "2", "0"), plan("test_rate")).plausible
    assert not verdict(screener, candidate("RATE = 2", "2", "1"), plan("test_rate")).plausible


def test_a_candidate_that_breaks_a_passing_test_is_not_plausible(
    folder: Path, screener_of: OpenScreener
) -> None:
    """The rest must stay green; the verdict names the test that stopped it."""
    screener = screener_of(folder)
    tried = candidate("plain(a)", "a + 9", "1 / 0")

    found = verdict(screener, tried, plan("test_told", rest=("test_plain",)))

    assert found == Verdict(green=frozenset(), stopped_by="test_m.py::test_told", why=found.why)


def test_no_state_leaks_from_one_candidate_to_the_next(
    folder: Path, screener_of: OpenScreener
) -> None:
    """test_good fills a list of its module; it is empty again for every candidate."""
    screener = screener_of(folder)
    tried = [candidate("plain(a)", "9", "0") for _ in range(30)]

    found = [v.plausible for _, v in screener.screen(tried, plan("test_plain"), soon())]

    assert found == [True] * 30


def test_tests_with_fixtures_run_too(folder: Path, screener_of: OpenScreener) -> None:
    """tmp_path and capsys are set up and torn down for each candidate."""
    screener = screener_of(folder)

    assert verdict(screener, candidate("plain(a)", "9", "0"), plan("test_fixture")).plausible


def test_a_hang_is_stopped_by_its_processor_time(folder: Path, screener_of: OpenScreener) -> None:
    """An endless loop ends as "timeout", and the next candidate is not harmed."""
    screener = screener_of(folder)
    hanging = candidate("endless(a)", "while a", "while True")
    right = candidate("endless(a):", "9", "0")

    wanted = plan("test_endless", cpu_s=0.1)
    found = [v for _, v in screener.screen([hanging, right], wanted, soon())]

    assert found[0].why == "timeout"
    assert found[1].plausible


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("__import__('os')._exit(0)", "crashed"),
        ("__import__('os').kill(__import__('os').getpid(), 9)", "crashed"),
        ("[0] * 10**10", "MemoryError"),
        ("plain(a)", "RecursionError"),
        ("exit()", "SystemExit"),
        ("__import__('time').sleep(60)", "timeout"),
        ("print('x' * 10**6) or a", None),
    ],
)
def test_misbehaving_candidates_harm_nobody(
    code: str, why: str | None, folder: Path, screener_of: OpenScreener
) -> None:
    """Exits, kills, memory, recursion, sleep, floods of output: each is one verdict."""
    screener = screener_of(folder)
    short = Plan(**{**vars(plan("test_plain")), "wall_s": 1.0})

    first = verdict(screener, candidate("plain(a)", "a + 9", code), short)
    second = verdict(screener, candidate("plain(a)", "9", "0"), short)

    assert first.plausible if why is None else first.why == why
    assert second.plausible


def test_what_a_candidate_leaves_running_is_ended(
    folder: Path, screener_of: OpenScreener, tmp_path: Path
) -> None:
    """A process that a test forked away does not live on."""
    screener = screener_of(folder)
    mark = tmp_path / "still here"
    child = f"(__import__('time').sleep(1), open({str(mark)!r}, 'w'))"
    code = f"(__import__('os').fork() or {child}) and a"

    verdict(screener, candidate("plain(a)", "a + 9", code), plan("test_plain"))
    for _ in range(300):
        verdict(screener, candidate("plain(a)", "9", "0"), plan("test_plain"))

    assert not mark.exists()


def test_several_guests_answer_in_the_order_asked(folder: Path, screener_of: OpenScreener) -> None:
    """The order of verdicts does not depend on which guest was faster."""
    screener = screener_of(folder, guests=2)
    tried = [candidate("plain(a)", "9", str(number)) for number in range(100)]

    found = [c.edit.pieces[0].text for c, v in screener.screen(tried, plan("test_plain"), soon())]

    assert found == [str(number) for number in range(100)]


def test_leaving_the_screening_early_leaves_the_line_usable(
    folder: Path, screener_of: OpenScreener
) -> None:
    """What was under way is read and dropped."""
    screener = screener_of(folder)
    results = screener.screen(
        [candidate("plain(a)", "9", str(number)) for number in range(100)],
        plan("test_plain"),
        soon(),
    )

    next(results)
    results.close()

    assert verdict(screener, candidate("plain(a)", "9", "0"), plan("test_plain")).plausible


def test_the_spectrum_tells_lines_outcomes_and_frames(
    folder: Path, screener_of: OpenScreener
) -> None:
    """A failing test's lines, where it failed, and what it compared."""
    screener = screener_of(folder)

    found = {
        seen.test.partition("::")[2]: seen
        for seen in screener.spectrum(
            ["test_m.py::test_plain", "test_m.py::test_good"],
            cpu_s=2.0,
            wall_s=5.0,
            deadline=soon(),
        )
    }

    bad: Seen = found["test_plain"]
    assert bad.outcome == "failed"
    assert MODULE.split("\n").index("    return a + 9") + 1 in bad.lines["m.py"]
    assert bad.error == "AssertionError"
    assert bad.compared == ("==", "10", "1")
    assert found["test_good"].outcome == "passed"


def test_a_hanging_test_still_tells_where_it_was(tmp_path: Path, screener_of: OpenScreener) -> None:
    """The spectrum of a hang has its lines and the frame it was stopped in."""
    (tmp_path / "m.py").write_text("def f():\n    while True:\n        x = 1\n")
    (tmp_path / "test_m.py").write_text("import m\ndef test_f(): m.f()\n")
    screener = screener_of(tmp_path)

    (seen,) = screener.spectrum(["test_m.py::test_f"], cpu_s=0.3, wall_s=5.0, deadline=soon())

    assert seen.outcome == "timeout"
    assert seen.lines["m.py"] >= {2, 3}
    assert seen.frames[-1][2] == "f"


SLEEPER = "__import__('time').sleep(3600)"


def test_candidates_that_only_wait_end_at_the_deadline(
    folder: Path, screener_of: OpenScreener
) -> None:
    """Hours asleep each: one is cut off, those after it are answered `late`."""
    screener = screener_of(folder)
    asleep = [candidate("plain(a)", "a + 9", f"{SLEEPER} or {n}") for n in range(6)]
    patient = replace(plan("test_plain"), wall_s=3600.0)

    found = [v for _, v in screener.screen(asleep, patient, Deadline.after(0.5))]

    assert [verdict.late for verdict in found[1:]] == [True] * 5
    assert found[0].late or found[0].why == "timeout"
    assert verdict(screener, candidate("plain(a)", "9", "0"), plan("test_plain")).plausible


def test_module_code_that_only_waits_ends_at_the_deadline(
    folder: Path, screener_of: OpenScreener
) -> None:
    """The slow road keeps the time, too."""
    screener = screener_of(folder)
    tried = candidate("RATE = 2", "2", SLEEPER)
    patient = replace(plan("test_rate"), wall_s=3600.0)

    ((_, found),) = screener.screen([tried], patient, Deadline.after(0.5))

    assert found.late or found.why == "timeout"


def test_tests_that_only_wait_do_not_hold_the_spectrum_up(
    tmp_path: Path, screener_of: OpenScreener
) -> None:
    """The sleeping test is cut off at the deadline; an hour of waiting would fail this test."""
    (tmp_path / "test_m.py").write_text(
        "import time\ndef test_a(): time.sleep(3600)\ndef test_b(): pass\n"
    )
    screener = screener_of(tmp_path)
    tests = ["test_m.py::test_a", "test_m.py::test_b"]

    found = screener.spectrum(tests, cpu_s=5.0, wall_s=3600.0, deadline=Deadline.after(0.5))

    assert {seen.test: seen.outcome for seen in found}.get(tests[0], "timeout") == "timeout"


def test_a_comparison_ends_at_its_deadline(folder: Path, screener_of: OpenScreener) -> None:
    """Nothing is told of the patch that sleeps, nor of the one after it."""
    screener = screener_of(folder)
    first = MODULE.split("\n").index("def plain(a):") + 1
    question = Question(
        filename="m.py", function=("plain", first), tests=("test_m.py::test_plain",),
        examples=(), inputs=3, seed=0,
    )  # fmt: skip
    tried = [candidate("plain(a)", "a + 9", text) for text in ("a", SLEEPER, "a * a")]

    probe = screener.probe(tried, question, Deadline.after(2.0))

    assert not {1, 2} & set(probe.behaviours)


def test_the_probe_compares_behaviour_on_inputs_near_the_tests(
    folder: Path, screener_of: OpenScreener
) -> None:
    """Alike where they are alike, different where they differ, examples held against each."""
    screener = screener_of(folder)
    first = MODULE.split("\n").index("def plain(a):") + 1
    same = [candidate("plain(a)", "a + 9", text) for text in ("a", "a + 0", "a * a")]

    question = Question(
        filename="m.py", function=("plain", first), tests=("test_m.py::test_plain",),
        examples=(("plain(3)", "3"),), inputs=20, seed=0,
    )  # fmt: skip

    probe = screener.probe(same, question, soon())

    assert len(probe.inputs) > 5
    seen = {number: behaviour.seen for number, behaviour in probe.behaviours.items()}
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]
    assert probe.behaviours[0].examples == ("ok",)
    assert probe.behaviours[2].examples == ("no",)


def test_slow_answers_are_no_hangs_when_they_are_compared(
    folder: Path, screener_of: OpenScreener
) -> None:
    """Each input has the time for itself: many that are slow together are not one that hangs."""
    screener = screener_of(folder)
    first = MODULE.split("\n").index("def plain(a):") + 1
    slowly = "a + 0 * sum(range(2_000_000))"
    tried = [candidate("plain(a)", "a + 9", text) for text in ("a", slowly)]
    question = Question(
        filename="m.py", function=("plain", first), tests=("test_m.py::test_plain",),
        examples=(), inputs=20, seed=0,
    )  # fmt: skip

    probe = screener.probe(tried, question, soon())

    assert "!timeout" not in probe.behaviours[1].seen
    assert probe.behaviours[0].seen == probe.behaviours[1].seen


def test_a_module_that_cannot_be_imported_is_said_so(
    tmp_path: Path, screener_of: OpenScreener
) -> None:
    """Its test file is among what could not be collected; a candidate can mend the import."""
    text = "VALUE = {}['missing']\n"
    (tmp_path / "m.py").write_text(text)
    (tmp_path / "test_m.py").write_text("import m\ndef test_m(): assert m.VALUE is None\n")
    screener = screener_of(tmp_path)
    wanted = Plan(goal=("test_m.py",), rest=(), cpu_s={})

    found = verdict(screener, candidate("VALUE", "{}['missing']", "None", text), wanted)

    assert screener.collected == ()
    assert screener.uncollected == ("test_m.py",)
    assert found.plausible
