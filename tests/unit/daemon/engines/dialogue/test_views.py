"""What the model may look at, and how much of it."""

from typing import Any

import pytest

from daemon.engines.dialogue.fence import Fence
from daemon.engines.dialogue.views import MOST_CHARS, Views


@pytest.fixture
def views(desk: Any) -> Views:
    """Looks at the shop and at some odd files."""
    desk.write("shop/long.py", "".join(f"x{n} = {n}\n" for n in range(1, 2001)))
    desk.write("shop/wide.py", "y = '" + "a" * 100_000 + "'\nz = 1\n")
    desk.write("shop/crlf.py", "a = 1\r\nb = 2\r\n")
    desk.write("shop/feed.py", "a = 1\n\x0c\nb = 2\u2028\nc = 3")
    desk.write("shop/broken.py", "def broken(:\n")
    (desk.root / "shop/binary.py").write_bytes(b"\xff\xfe\x00\x01")
    return Views(desk.case().source, Fence("data-abc"))


def test_a_long_file_is_shown_in_parts(views: Views) -> None:
    """At most 400 lines at a time; the head says which."""
    assert "shop/long.py, lines 1 to 400 of 2000" in views.show("shop/long.py")
    assert "lines 1500 to 1899 of 2000" in views.show("shop/long.py", 1500, 5000)
    assert "there is nothing at 3000" in views.show("shop/long.py", 3000)
    assert "there is nothing at 9" in views.show("shop/long.py", 9, 3)


def test_long_lines_do_not_make_a_look_larger(views: Views) -> None:
    """A line is cut, and the whole look is bounded."""
    shown = views.show("shop/wide.py")

    assert len(shown) < MOST_CHARS + 500
    assert "[… line cut …]" in shown
    assert "    2 z = 1" in shown


def test_lines_end_at_line_feeds_only(views: Views) -> None:
    """So numbers mean what the patch means by them; carriage returns are not shown."""
    assert views.lines("shop/crlf.py") == ["a = 1", "b = 2"]
    assert views.lines("shop/feed.py") == ["a = 1", "\x0c", "b = 2\u2028", "c = 3"]


def test_what_is_no_text_is_said_to_be_none(views: Views) -> None:
    """Binary files and unknown encodings."""
    assert "is no text that Python could read" in views.show("shop/binary.py")


def test_a_file_that_does_not_parse_is_shown_all_the_same(views: Views) -> None:
    """It may be the very bug."""
    assert "    1 def broken(:" in views.located("shop/broken.py", "broken")


def test_a_function_is_shown_with_what_it_needs(views: Views) -> None:
    """Class header, imports, context; other functions are left out."""
    shown = views.located("shop/cart.py", "Cart.total")

    assert "    6 class Cart:" in shown
    assert "   14         return sum(self.prices[1:])" in shown
    assert "return amount * RATE" not in shown


def test_a_search_is_plain_and_bounded(views: Views) -> None:
    """No patterns, at most forty lines, in the files named."""
    assert "shop/cart.py:14: return sum(self.prices[1:])" in views.search("prices[1:]", None)
    many = views.search("x", "shop/long.*")
    assert many.count("shop/long.py:") == 40
    assert "narrow the search" in many
    assert views.search(".*", "shop/*").startswith("No line holds '.*' in shop/*")


def test_a_wrong_name_is_answered_with_the_likely_ones(views: Views) -> None:
    """The same last part first."""
    assert "Did you mean one of: shop/cart.py" in views.show("cart.py")


def test_a_private_key_is_hidden_without_moving_lines(desk: Any) -> None:
    """With its end, without it, and where code only speaks of one."""
    begin, end = (f"-----{word} RSA PRIVATE KEY-----" for word in ("BEGIN", "END"))
    body = "MIIEpAIBAAKCAQEAxGbT3y\nqN0vX1MIIEpAIBAAKCAQEAx"
    desk.write("a.py", f'K = """{begin}\n{body}\n{end}"""\nlast = 1\n')
    desk.write("b.py", f'if "{begin}" in text:\n    leaks = True\nlast = 1\n')
    views = Views(desk.case().source, Fence())

    assert views.lines("a.py") == ['K = """[redacted:private-key]', "", "", '"""', "last = 1"]
    assert views.lines("b.py")[1:] == ["    leaks = True", "last = 1"]  # type: ignore[index]
