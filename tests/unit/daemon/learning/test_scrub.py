"""What is personal or secret is taken out, and seen again by the check that comes after."""

import socket

import pytest

from daemon.learning.scrub import personal, scrubbed

LEAKS = [
    "mail ada.lovelace+x@example.org today",
    "see https://intern.example.org/wiki?user=ada",
    "/home/ada/shop/cart.py",
    "C:\\Users\\Ada\\shop",
    "/srv/customers/acme/data.csv",
    "host 192.168.17.4 said no",
    "fe80::1ff:fe23:4567:890a",
    "card 4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "+49 30 901820 44",
    "key AKIAIOSFODNN7EXAMPLE",
    "password = 'hunter2!x'",
]


@pytest.mark.parametrize("text", LEAKS)
def test_a_leak_is_found_and_taken_out(text: str) -> None:
    """The check names it, and finds nothing in what was scrubbed."""
    assert personal(text)
    assert personal(scrubbed(text)) == []


@pytest.mark.parametrize("text", ["x = '/data/acme/prices.csv'", "id = 4929123412341"])
def test_what_only_one_set_of_rules_knows_does_not_leave_either(text: str) -> None:
    """The rules that take out were in nobody's way: only the others were asked."""
    assert personal(text)
    assert personal(scrubbed(text)) == []


def test_a_long_word_that_may_be_a_key_does_not_leave() -> None:
    """Nobody knows that it is one, so it stays here."""
    assert personal("x = '" + "aB3" * 20 + "'")


def test_the_name_of_this_machine_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor its user's."""
    from daemon.learning import scrub

    monkeypatch.setattr(socket, "gethostname", lambda: "atlas-7")
    scrub._own_names.cache_clear()
    try:
        assert personal("copied from Atlas-7 by hand")
        assert "atlas-7" not in scrubbed("copied from atlas-7 by hand")
    finally:
        scrub._own_names.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        "for v1 in v2[1:]:\n    ...",
        "return max(0, v1 - v2) / 2.5",
        "def test_total():\n    assert total([1, 2, 3]) == 6\n",
        "x = {'a': 1, 'b': 2}",
        "import re, os.path",
        "y = a @ b\nassert 1.25 < 2.5",
    ],
)
def test_ordinary_code_passes(text: str) -> None:
    """A check that stopped everything would be switched off."""
    assert personal(text) == []
    assert scrubbed(text) == text
