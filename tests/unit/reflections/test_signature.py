"""Signatures: the same failure agrees, different failures differ."""

from datetime import UTC, datetime

import pytest

from reflections.reflection import Reflection
from reflections.signature import normalised, signature
from reflections.tracebacks import find_traceback, parse_traceback

FROM_SCRIPT = """Traceback (most recent call last):
  File "/home/ann/shop/run.py", line 3, in <module>
    main()
  File "/home/ann/shop/pkg/cart.py", line 12, in total
    return prices[name]
KeyError: 'tea'"""
FROM_TEST = """Traceback (most recent call last):
  File "/srv/ci/shop-2/tests/test_cart.py", line 8, in test_total
    assert total() == 3
  File "/srv/ci/shop-2/pkg/cart.py", line 14, in total
    return prices[name]
           ~~~~~~^^^^^^
KeyError: 'coffee'"""
FROM_PYTEST = """    def total():
>       return prices[name]
E       KeyError: 'milk'

pkg/cart.py:14: KeyError"""
IN_LIBRARY = FROM_SCRIPT.replace(
    "KeyError", '  File "/usr/lib/python3.11/json/decoder.py", line 1, in f\nKeyError'
)
CHAINED = (
    FROM_SCRIPT
    + """

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/x/other.py", line 1, in f
ValueError: bad"""
)
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/x/a.py", line 1, in <module>
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/home/ann/pkg/cart.py", line 9, in total
    | KeyError: 'tea'
    +------------------------------------"""


def note(text: str = "", **fields: str) -> Reflection:
    """A reflection that says this."""
    return Reflection(id="a", timestamp=datetime(2026, 1, 1, tzinfo=UTC), task_summary="",
                      outcome="failed", reflection=text, **fields)  # fmt: skip


@pytest.mark.parametrize("other", [
    FROM_TEST, IN_LIBRARY, GROUP, FROM_SCRIPT.replace("line 12", "line 99"),
    FROM_SCRIPT.replace("/home/ann", "C:\\Users\\bob").replace("/", "\\"),
    f"it broke again\n\n{FROM_SCRIPT}\nplease look",
])  # fmt: skip
def test_the_same_fault_met_on_another_way_agrees(other: str) -> None:
    """Another entry, checkout, line number, value, or frames of a library below it."""
    assert signature(note(traceback=other)) == signature(note(traceback=FROM_SCRIPT))


def test_a_traceback_counts_wherever_it_stands() -> None:
    """In its own field or within the text."""
    assert signature(note("see:\n" + FROM_SCRIPT)) == signature(note(traceback=FROM_SCRIPT))


@pytest.mark.parametrize("other", [
    FROM_SCRIPT.replace("KeyError", "IndexError"), FROM_SCRIPT.replace("in total", "in price"),
    FROM_SCRIPT.replace("cart.py", "basket.py"), CHAINED,
])  # fmt: skip
def test_another_fault_differs(other: str) -> None:
    """Another error, function or file; of a chain the last error counts."""
    assert signature(note(traceback=other)) != signature(note(traceback=FROM_SCRIPT))


def test_two_targets_do_not_share_a_failure() -> None:
    """The same code fails in two places of work: two things to mend."""
    one, two = (signature(note(traceback=FROM_SCRIPT, target=name)) for name in ("a", "b"))
    assert one != two


def test_words_agree_without_their_numbers_and_values() -> None:
    """Notes from a template differ in counts, times, paths and ids only."""
    first = note("Job 4711 failed after 3.2 s for '/data/in/a.csv' at 0x7f3a, run 3f2a1b4c5d6e7f")
    second = note("Job 9 failed after 12 s for '/data/in/b.csv' at 0x1, run 0a1b2c3d4e5f6a7b")
    assert signature(first) == signature(second)
    assert signature(first) != signature(note("Job failed before it began"))


def test_the_reported_place_counts_without_a_traceback() -> None:
    """File and function of the bug report tell two faults in similar words apart."""
    words = note("wrong result")
    marks = {
        signature(words),
        signature(words, file="a.py"),
        signature(words, file="a.py", function="f"),
        signature(words, file="b.py", function="f"),
    }
    assert len(marks) == 4


def test_pytest_output_is_understood() -> None:
    """Its own layout names error, message, file and line."""
    failure = parse_traceback(FROM_PYTEST)
    assert failure is not None
    assert (failure.error, failure.message) == ("KeyError", "'milk'")
    assert [(frame.file, frame.line) for frame in failure.frames] == [("pkg/cart.py", 14)]


def test_a_traceback_is_cut_out_of_its_text() -> None:
    """From the first line of the first to the error of the last."""
    assert find_traceback(f"before\n{CHAINED}\nafter\nmore") == CHAINED
    assert find_traceback("nothing") is None


@pytest.mark.parametrize("text", [
    "Traceback (most recent call last):", "Traceback (most recent call last):\n\n\n",
    'Traceback (most recent call last):\n  File "x", line 1\n', "E   KeyError",
])  # fmt: skip
def test_a_traceback_that_breaks_off_is_no_failure_and_no_fault(text: str) -> None:
    """There may be nothing to say, but a signature there always is."""
    assert len(signature(note(text))) == 64


def test_normalised_messages_keep_their_words() -> None:
    """Only what differs between two runs goes."""
    assert normalised("cannot open '/a/b' (try 3 of 5)") == "cannot open '…' (try N of N)"
