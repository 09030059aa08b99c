"""Functions are found by name and shown with what belongs to them."""

import pytest

from daemon.road.locate import (
    UnreadableSource,
    enclosing,
    find,
    functions,
    locate,
    near_misses,
    parse,
)

SOURCE = '''\
import math
from os import path


class Shelf:
    """Books."""

    def __init__(self):
        self.books = []

    @property
    def first(self):
        return self.books[0]

    async def lend(self, book):
        def note():
            return book
        return note()


def area(radius):
    return math.pi * radius


def area(radius):
    return math.pi * radius ** 2
'''


def test_methods_nested_async_and_decorated_functions_are_known() -> None:
    """Every definition has its qualified name."""
    names = [function.name for function in functions(parse(SOURCE, "a.py"))]

    assert names == [
        "Shelf",
        "Shelf.__init__",
        "Shelf.first",
        "Shelf.lend",
        "Shelf.lend.note",
        "area",
        "area",
    ]


def test_a_decorated_function_begins_at_its_decorator() -> None:
    """first_line is the decorator's, header_line the def's."""
    found = find(parse(SOURCE, "a.py"), "Shelf.first")

    assert found is not None
    assert (found.first_line, found.header_line, found.last_line) == (11, 12, 13)


def test_a_last_part_finds_the_only_one_that_has_it() -> None:
    """`lend` means Shelf.lend when nothing else is called so."""
    found = find(parse(SOURCE, "a.py"), "lend")

    assert found is not None and found.name == "Shelf.lend"


def test_a_name_defined_twice_means_its_last_definition() -> None:
    """As for Python."""
    found = find(parse(SOURCE, "a.py"), "area")

    assert found is not None and found.first_line == 25


def test_near_misses_are_real_names() -> None:
    """A wrong class or a typing slip is answered with what there is."""
    tree = parse(SOURCE, "a.py")

    assert near_misses(tree, "Library.lend")[0] == "Shelf.lend"
    assert near_misses(tree, "aera")[0] == "area"


def test_the_innermost_function_around_a_line_is_found() -> None:
    """Line 17 lies in the nested function, line 1 in none."""
    tree = parse(SOURCE, "a.py")
    inner = enclosing(tree, 17)

    assert inner is not None and inner.name == "Shelf.lend.note"
    assert enclosing(tree, 1) is None


def test_a_method_is_shown_with_imports_class_header_and_numbers() -> None:
    """The engine sees where it is, with the file's own line numbers."""
    shown = locate(SOURCE, "a.py", "Shelf.first").numbered.splitlines()

    assert shown[0] == "    1 import math"
    assert "    5 class Shelf:" in shown
    assert "   13         return self.books[0]" in shown
    assert not any("radius" in line for line in shown)


@pytest.mark.parametrize("text", ["def f(:\n", "x = 'a\n", "(" * 5000, "a\0b"])
def test_what_is_not_python_is_said_with_its_file(text: str) -> None:
    """Bad source is an error of its own, whatever the parser makes of it."""
    with pytest.raises(UnreadableSource, match=r"a\.py"):
        parse(text, "a.py")
