"""Whether failing tests beside the report's own may fail for reasons of their own."""

from datetime import UTC, datetime

from daemon.engines.search.diagnose import Library
from daemon.engines.search.examine import Evidence
from daemon.engines.search.goal import others_have_reasons, run_code_of_their_own
from daemon.engines.search.localise import Seen
from reflections.reflection import Reflection

TEXT = "def f(a):\n    return a.b\n\n\ndef g(a):\n    return f(a)\n\n\ndef h(a):\n    return a\n"
OWN, OTHER = "t.py::test_f", "t.py::test_g"


class Source:
    """One file, as a case's source."""

    files = ("m.py",)

    def text(self, filename: str) -> str | None:
        """The file's text."""
        return TEXT if filename == "m.py" else None

    def may_edit(self, filename: str) -> bool:
        """All of it."""
        return True


def seen(test: str, lines: set[int], line: int, error: str = "AttributeError") -> Seen:
    """A test that ended with an exception at that line."""
    return Seen(
        test=test,
        outcome="failed",
        lines={"m.py": frozenset(lines)},
        error=error,
        frames=(("t.py", 1, test), ("m.py", line, "f")),
    )


def both(other: Seen) -> tuple[bool, bool]:
    """What is said of the other test: by the code it runs, and with the note's own test named."""
    evidence = Evidence(failing=(seen(OWN, {1, 2}, 2), other))
    note = Reflection(
        id="n", timestamp=datetime(2026, 1, 1, tzinfo=UTC), task_summary="a", outcome="failed",
        reflection="f misbehaves", test=OWN,
    )  # fmt: skip
    library = Library(Source())  # type: ignore[arg-type]
    return (
        run_code_of_their_own([OWN], [OWN, OTHER], evidence, library),
        others_have_reasons([OWN], [OWN, OTHER], note, evidence, library),
    )


def test_a_test_that_ends_elsewhere_and_runs_more_has_reasons() -> None:
    """It enters `h`, which the report's own test never does."""
    assert both(seen(OTHER, {1, 2, 9, 10}, 10)) == (True, True)


def test_a_test_that_runs_nothing_more_has_none_unless_the_note_is_about_one_test() -> None:
    """The same code; but the note may be about its own test alone."""
    assert both(seen(OTHER, {1, 2}, 2, "KeyError")) == (False, True)


def test_a_test_that_ends_with_the_same_exception_at_the_same_line_has_none() -> None:
    """Whatever else it runs: it is the same failure, and a patch that leaves it is doubted."""
    assert both(seen(OTHER, {1, 2, 5, 6, 9, 10}, 2))[0] is False
