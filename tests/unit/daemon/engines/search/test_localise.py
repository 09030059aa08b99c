"""Where the fault is looked for."""

import pytest

from daemon.engines import BugReport
from daemon.engines.search.diagnose import Library, own_file, read
from daemon.engines.search.examine import Evidence, failure_of
from daemon.engines.search.goal import goal_of
from daemon.engines.search.ingredients import Pool, constants_in, constants_of
from daemon.engines.search.localise import FLOOR, Seen, localise, ochiai
from daemon.engines.search.program import Program, Unparsable
from reflections.note import Reflection
from tests.unit.daemon.engines.search.cases import Files, note


def seen(test: str, outcome: str, *lines: int, frames: tuple[int, ...] = ()) -> Seen:
    """A test that ran these lines of m.py."""
    return Seen(
        test=test,
        outcome=outcome,
        lines={"m.py": frozenset(lines)},
        frames=tuple(("m.py", line, "f") for line in frames),
    )


def test_ochiai_follows_the_formula() -> None:
    """ef / sqrt((ef + nf) * (ef + ep)), to the digit."""
    failing = [seen("a", "failed", 1, 2), seen("b", "failed", 1)]
    passing = [seen("c", "passed", 1)]

    scores = ochiai(failing, passing)

    assert scores["m.py", 1] == pytest.approx(2 / (2 * 3) ** 0.5)
    assert scores["m.py", 2] == pytest.approx(1 / (2 * 1) ** 0.5)


def test_lines_no_failing_test_ran_are_not_suspected() -> None:
    """An edit there cannot help."""
    scores = localise([seen("a", "failed", 1)], [seen("b", "passed", 1, 9)]).scores

    assert ("m.py", 9) not in scores
    assert scores["m.py", 1] >= FLOOR


def test_the_innermost_frame_of_the_traceback_counts_more() -> None:
    """Two lines alike by coverage: the one the traceback ends in comes first."""
    failing = [seen("a", "failed", 1, 2, 3, frames=(1, 3))]
    passing = [seen("b", "passed", 1, 2, 3)]

    ranked = localise(failing, passing).ranked()

    assert ranked[0] == ("m.py", 3)
    assert ranked[1] == ("m.py", 1)


def test_what_the_note_does_not_mean_counts_half() -> None:
    """Lines outside the named function stay candidates, behind."""
    failing = [seen("a", "failed", 1, 9)]

    scores = localise(failing, [], near={"m.py": frozenset({9})}).scores

    assert scores["m.py", 1] == pytest.approx(scores["m.py", 9] / 2)


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("`total` is wrong for an empty cart", "Cart.total"),
        ("Cart.total returns nothing", "Cart.total"),
        ("apply_discount fails with a ZeroDivisionError", "apply_discount"),
        ("calling apply_discount(10) crashed", "apply_discount"),
        ('File "/srv/x/shop/cart.py", line 999, in total\n    boom\nValueError: no', "Cart.total"),
        ('  File "/srv/x/shop/cart.py", line 8, in <module>\nValueError: no', "apply_discount"),
    ],
)
def test_names_in_a_note_are_found_in_the_module(text: str, function: str) -> None:
    """Backticks, qualified names, calls and tracebacks lead to the function."""
    files = Files({"shop/cart.py": CART})

    found = read(note(text), Library(files))

    assert found.suspects[0].function == function
    assert found.suspects[0].filename == "shop/cart.py"


CART = """\
class Cart:
    def total(self):
        return 0


def apply_discount(price, rate=0):
    share = price / rate
    return share


def run():
    pass
"""


def test_everyday_words_are_weak_evidence() -> None:
    """`run` is a function here, but "the run failed" does not mean it."""
    found = read(note("the nightly run failed"), Library(Files({"shop/cart.py": CART})))

    assert all(suspect.weight < 0.5 for suspect in found.suspects)


def test_files_of_others_are_noticed() -> None:
    """A traceback through a file the module does not have."""
    text = 'File "/opt/driver/usb.py", line 3, in open\nOSError: no device'

    found = read(note(text), Library(Files({"shop/cart.py": CART})))

    assert found.suspects == ()
    assert found.foreign == ("/opt/driver/usb.py",)


def test_paths_of_another_machine_are_matched_by_their_end() -> None:
    """The longest common ending wins; none is none."""
    files = ["a/cart.py", "cart.py", "b/other.py"]

    assert own_file("C:\\x\\a\\cart.py", files) == "a/cart.py"
    assert own_file("/x/cart.py", files) == "cart.py"
    assert own_file("/x/smart.py", files) is None


def test_reading_an_empty_note_finds_nothing() -> None:
    """No words, no suspects, no error."""
    empty: Reflection = note("")

    assert read(empty, Library(Files({"shop/cart.py": CART}))).suspects == ()


def test_kinds_are_read_off_the_code() -> None:
    """A subscripted name is a sequence, a subtracted one a number."""
    program = Program("m.py", "def f(a, k, s):\n    s.add(k - 1)\n    return a[k]\n")
    pool = Pool(program, program.functions["f"])

    assert "sequence" in pool.kinds["a"]
    assert "number" in pool.kinds["k"]
    assert pool.alike("a", "s") == 1.0
    assert pool.alike("a", "k") < 0.5


def test_comprehension_names_are_visible_only_inside() -> None:
    """`x` belongs to the comprehension, `y` to the function."""
    program = Program("m.py", "def f(a):\n    y = [x + 1 for x in a]\n    return y\n")
    pool = Pool(program, program.functions["f"])
    function = program.functions["f"]
    inside = next(n for n in program.parents if program.parents[n].__class__.__name__ == "BinOp")

    assert "x" in pool.visible(inside)
    assert "x" not in pool.visible(function.body[-1])


def test_constants_come_from_prose_and_expected_values() -> None:
    """Numbers and quoted words; parts of identifiers are none."""
    assert list(constants_in("v2 gave 3.5, not 'none'")) == ["3.5", "'none'"]
    assert list(constants_of(["{'a': [1, 2]}"])) == ["'a'", "1", "2"]


def test_a_file_that_is_no_python_says_so() -> None:
    """Unparsable, with the parser's words; null bytes included."""
    for text in ("def f(:\n", "x = '\0'"):
        with pytest.raises(Unparsable):
            Program("m.py", text)


@pytest.mark.parametrize(
    ("line", "checks", "symptoms"), [(3, ("ValueError",), ()), (4, (), ("ValueError",))]
)
def test_an_exception_of_the_codes_own_is_a_check_and_no_symptom(
    line: int, checks: tuple[str, ...], symptoms: tuple[str, ...]
) -> None:
    """`raise` in the module is meant; what `int` raises befell it."""
    text = "def f(a):\n    if a > 3:\n        raise ValueError(a)\n    return int(a)\n"
    seen = Seen(
        test="t", outcome="failed", lines={}, error="ValueError", frames=(("m.py", line, "f"),)
    )

    found = failure_of(Evidence(failing=(seen,)), ["t"], Library(Files({"m.py": text})))

    assert (found.checks, found.symptoms) == (checks, symptoms)


def test_of_very_many_failing_tests_the_unwatched_siblings_count() -> None:
    """The same test with other parameters has to turn green too; another test need not."""
    watched = seen("t.py::test_f[1]", "failed", 2)
    failing = ["t.py::test_f[1]", "t.py::test_f[2]", "t.py::test_g[1]"]
    report = BugReport(filename="m.py", function="f", summary="", failing_test="t.py::test_f[1]")
    library = Library(Files({"m.py": "def f(a):\n    return a\n"}))

    goal = goal_of(report, failing, Evidence(failing=(watched,)), library)

    assert goal == ("t.py::test_f[1]", "t.py::test_f[2]")
