"""A demonstration runs by itself, or there is none."""

import pytest

from daemon.learning.demo import demo_of

BEFORE = '''
import math
from decimal import Decimal

RATE = 3


def area(radius):
    """Area of a circle, for Acme Corp."""
    return math.pi * radius  # forgets the square


def priced(radius):
    return area(radius) * RATE


def exact(text):
    return Decimal(text) + 1


@staticmethod
def odd(x):
    return x + 1
'''
TEST = """
import pytest
from acme.shapes import area, priced, exact, odd

BIG = 4


def helper():
    return 4


def test_area():
    assert area(2) == pytest.approx(12.566, abs=0.01)


def test_big():
    assert area(BIG) > 48


def test_helped():
    assert area(helper()) > 48


def test_exact():
    assert exact("1") == 1
"""


def demo(old: str, new: str, test: str) -> object:
    """The demonstration of one edit by one test."""
    return demo_of(BEFORE, BEFORE.replace(old, new), TEST, f"tests/test_shapes.py::{test}")


@pytest.mark.parametrize("test", ["test_area", "test_big"])
def test_a_function_and_its_test_are_cut_out_and_run(test: str) -> None:
    """With the imports they need, without comments and docstrings; the test tells them apart."""
    found = demo_of(
        BEFORE, BEFORE.replace("* radius", "* radius**2"), TEST, f"test_shapes.py::{test}"
    )

    assert found is not None
    assert "Acme" not in found.before
    assert "acme" not in found.test
    for text, good in ((found.before, False), (found.after, True)):
        space: dict[str, object] = {}
        exec(text, space)  # noqa: S102 - our own code
        rest = found.test.replace("from subject import area\n", "")
        exec(rest, space)  # noqa: S102
        try:
            space[test]()  # type: ignore[operator]
            passed = True
        except AssertionError:
            passed = False
        assert passed is good


@pytest.mark.parametrize(
    ("old", "new", "test"),
    [
        ("* RATE", "+ RATE", "test_area"),  # leans on a constant of the module
        ("x + 1", "x + 2", "test_area"),  # decorated
        ("RATE = 3", "RATE = 4", "test_area"),  # no function
        ("* radius", "* radius**2", "test_helped"),  # the test leans on a helper
        ("* radius", "* '/home/ada/x'", "test_area"),  # something personal
        ("* radius", "* radius", "test_area"),  # nothing
        ("def area", "def area(", "test_area"),  # no Python
    ],
)
def test_what_cannot_stand_by_itself_is_not_shown(old: str, new: str, test: str) -> None:
    """Rather none than one that shows too much or proves nothing."""
    assert demo(old, new, test) is None
