"""A shape says what was changed and nothing about whose code it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.learning.shapes import Shape, shape_of

CODE = '''
import acmepay


class Cart:
    """Prices of Acme Corp."""

    def total(self, prices, rate="ada@example.org"):
        """Sum for Ada."""
        for price in prices[1:]:
            if price.amount < rate:
                self.items.append(price)
        return 12345
'''


@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        ("<", "<=", "if v2.v1 < v3:\n    ...", "if v2.v1 <= v3:\n    ..."),
        ("[1:]", "", "for v1 in v2[1:]:\n    ...", "for v1 in v2:\n    ..."),
        ("12345", "sum(prices) / 3", "return 99", "return sum(v1) / 3"),
        ("append(price)", "append([price])", "self.items.append(v1)", "self.items.append([v1])"),
        ("return 12345", "raise AcmeError('no')", "return 99", "raise v1('…')"),
        ("        return 12345\n", "", "return 99", ""),
    ],
)
def test_the_differing_statements_stand_without_names(
    old: str, new: str, before: str, after: str
) -> None:
    """Names become v1, v2 …, texts and large numbers go; builtins and small numbers stay."""
    assert shape_of(CODE, CODE.replace(old, new)) == Shape(before=before, after=after)


def test_the_same_edit_elsewhere_has_the_same_shape() -> None:
    """Other names, other place, other layout."""
    one = shape_of(CODE, CODE.replace("<", "<="))
    other = "def f(a, b):\n    while a:\n        if (a.size<b): print(a)\n"

    assert shape_of(other, other.replace("<", "<=")) == one


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\n", "x = 1  # now with a comment\n"),
        ("x = 1\n", "x = (\n    1)\n"),
        ("x = 1\n", "x = = 1\n"),
        ("x = 1\n", "\n".join(f"x{n} = f(x{n})" for n in range(400))),
        ("x = 'a'\n", "x = 'b'\n"),
    ],
)
def test_what_is_no_recipe_has_no_shape(before: str, after: str) -> None:
    """Layout only, no Python, a rewrite, or nothing but another text."""
    assert shape_of(before, after) is None


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz_", min_size=8, max_size=20))
def test_no_name_and_no_text_gets_through(word: str) -> None:
    """Wherever a word stands in the code, it does not stand in the shape."""
    name = f"zq{word}"
    before = (
        f"from {name}_m import {name}_n as {name}_o\n"
        f"def {name}_f({name}_a, *{name}_b, {name}_c='{name}_t', **{name}_d):\n"
        f"    global {name}_g\n    return {name}_a.{name}_h({name}_k={name}_c)\n"
    )
    shape = shape_of("pass\n", before)

    assert shape is not None
    assert "zq" not in shape.before + shape.after
