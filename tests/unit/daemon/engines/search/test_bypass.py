"""Patches that go round the statement that failed; guests are processes on this machine."""

from pathlib import Path

from daemon.engines.search.bypass import (
    Statement,
    failed_statements,
    goes_round,
    straightened,
    with_patch,
)
from daemon.engines.search.candidates import Candidate
from daemon.engines.search.choose import Choice, Failure, choose
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.diagnose import Library
from daemon.engines.search.edits import Edit, Piece
from daemon.engines.search.examine import watch_failing, watch_passing
from daemon.engines.search.program import Program
from daemon.engines.search.screening import Screener
from daemon.engines.search.wire import Behaviour, Probe
from tests.unit.daemon.engines.search.cases import case_of

MODULE = """\
def quoted(name):
    if all(char.isalnum() for char in name):
        return name
    return "<" - name + ">"


def mean(values):
    total = sum(values)
    return total / len(values)
"""


TESTS = """\
from m import mean, quoted

def test_plain(): assert quoted("ab") == "ab"
def test_quoted(): assert "a b" in quoted("a b")
def test_mean(): assert mean([1, 3]) == 2
def test_nothing(): assert mean([]) == 0
"""
OUTCOMES = {
    f"test_m.py::test_{name}": outcome
    for name, outcome in (
        ("plain", "passed"), ("quoted", "failed"), ("mean", "passed"), ("nothing", "failed")
    )
}  # fmt: skip
LAST_LINE = Statement("m.py", 4, 4)
QUOTED_TEST, NOTHING_TEST = "test_m.py::test_quoted", "test_m.py::test_nothing"


def edited(old: str, new: str, score: float = 0.5) -> Candidate:
    """The module with one text for another."""
    program = Program("m.py", MODULE)
    begin = MODULE.index(old)
    edit = Edit(
        pieces=(Piece(begin=begin, end=begin + len(old), text=new),),
        line=program.line_of(begin),
        template="test",
    )
    return Candidate(program=program, edit=edit, score=score, function="quoted")


def test_what_no_test_reaches_any_more_is_told_from_what_was_mended(tmp_path: Path) -> None:
    """`any` for `all` passes the weak test as `+` for `-` does; it never comes to the last line."""
    case = case_of(tmp_path, {"m.py": MODULE, "test_m.py": TESTS}, "a note", OUTCOMES)
    soon = Deadline.after(30)
    with Screener.open(case.bench, case.stop, time_s=60) as screener:
        evidence = watch_failing(screener, case.baseline(), soon)
        evidence = watch_passing(screener, case.baseline(), evidence, [QUOTED_TEST], soon)
        library = Library(case.source)
        failed = failed_statements(evidence, [QUOTED_TEST], library)

        def round_it(candidate: Candidate) -> bool:
            return goes_round(screener, candidate, failed, [QUOTED_TEST], soon)

        assert failed == (LAST_LINE,)
        assert round_it(edited("all(", "any("))
        assert round_it(edited("    if all", "    return name\n    if all"))
        assert not round_it(edited('"<" - name', '"<" + name'))
        assert not round_it(edited('"<" - name', "name"))
        failing = edited("    if all", "    name = 1\n    if all")
        assert not round_it(failing)  # it fails the test: nothing is known
        assert failed_statements(evidence, [NOTHING_TEST], library) == ()  # others run it


def test_a_patch_that_goes_round_comes_after_those_that_do_not() -> None:
    """Among its own camp, and as a camp of its own; alone it waits for a person."""
    around, right = edited("all(", "any(", 0.9), edited('"<" - name', '"<" + name', 0.4)

    def choice(*seen: str) -> Choice:
        rows = {n: Behaviour(seen=(each,)) for n, each in enumerate(seen)}
        probe = Probe(inputs=("x",) * 20, recorded=1, behaviours=rows)
        found = choose([around, right][: len(seen)], probe, Failure())
        return straightened(found, lambda candidate: candidate is around)

    alike = choice("str|1", "str|1")
    assert [alike.ranked[0].best, alike.doubt] == [right, ""]
    differing = choice("str|1", "str|2")
    assert [differing.ranked[0].best, differing.doubt, differing.rivals] == [right, "", ()]
    assert "goes round" in differing.reason
    assert "goes round" in choice("str|1").doubt


def test_statements_move_with_the_lines_before_them() -> None:
    """In the edited top-level statement alone: a guest compiles nothing else anew."""
    text = "def f(a):\n    b = a\n    return b\n\n\ndef g(a):\n    return a\n"
    program = Program("m.py", text)
    at = program.line_start(2)
    more = Edit(pieces=(Piece(begin=at, end=at, text="    a = 1\n"),), line=2, template="t")
    candidate = Candidate(program=program, edit=more, score=1.0, function="f")

    assert with_patch(Statement("m.py", 3, 3), candidate) == Statement("m.py", 4, 4)
    assert with_patch(Statement("m.py", 7, 7), candidate) == Statement("m.py", 7, 7)
    assert with_patch(Statement("o.py", 3, 3), candidate) == Statement("o.py", 3, 3)
    change = Edit(pieces=(Piece(begin=at + 8, end=at + 9, text="1"),), line=2, template="t")
    assert with_patch(Statement("m.py", 2, 2), Candidate(
        program=program, edit=change, score=1.0, function="f"
    )) is None  # fmt: skip


def test_a_statement_that_only_changed_its_place_is_not_changed() -> None:
    """The last line comes before it: it is not reached any more, though the hunk names it."""
    text = "def f(a):\n    a.extend(1)\n    return a\n"
    program = Program("m.py", text)
    begin, end = program.line_start(2), len(text)
    swap = Piece(begin=begin, end=end, text="    return a\n    a.extend(1)\n")
    candidate = Candidate(
        program=program, edit=Edit(pieces=(swap,), line=2, template="t"), score=1.0, function="f"
    )

    assert with_patch(Statement("m.py", 2, 2), candidate) == Statement("m.py", 3, 3)
