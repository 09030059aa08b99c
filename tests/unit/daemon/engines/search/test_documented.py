"""What a docstring and a type hint say is read without believing too much."""

import ast
import doctest

import pytest

from daemon.engines.search import documented
from daemon.engines.search.documented import declared_kinds, documented_examples
from daemon.engines.search.program import Program


def examples_in(docstring: str) -> list[tuple[str, str]]:
    """The examples of a function `f` with this docstring."""
    return documented_examples(Program("m.py", f"def f(x):\n    {docstring!r}\n"), "f")


def test_the_module_examples_hold() -> None:
    """Its own docstrings are right."""
    assert doctest.testmod(documented).failed == 0


@pytest.mark.parametrize(
    "text",
    [
        "f(2) ==> 4", "f(2) -> 4", "f(2) == 4", "f(2) returns 4.", "f(2) should be 4",
        "For x = 2, f(2) => 4 (squared)", "f(2) # 4", "* f(2) = 4",
    ],
)  # fmt: skip
def test_examples_in_prose_are_examples(text: str) -> None:
    """However people write them."""
    assert examples_in(text) == [("f(2)", "4")]


@pytest.mark.parametrize("text", ["f(n) == n * 2", "f(2) is slow", "see f(2)", "g.f(2) -> 4"])
def test_what_is_no_literal_is_no_example(text: str) -> None:
    """Only literals on both sides can be checked."""
    assert examples_in(text) == []


@pytest.mark.parametrize(
    ("hint", "kinds"),
    [
        ("List[int]", {"list"}), ("Optional[str]", {"str", "NoneType"}), ("'int'", {"int", "bool"}),
        ("Any", set()), ("Iterable[int]", set()), ("int | Foo", set()), ("None", {"NoneType"}),
    ],
)  # fmt: skip
def test_a_hint_allows_only_what_it_surely_says(hint: str, kinds: set[str]) -> None:
    """An abstract or unknown type says nothing."""
    node = ast.parse(f"def f() -> {hint}: pass").body[0]
    assert isinstance(node, ast.FunctionDef)

    assert declared_kinds(node) == kinds
