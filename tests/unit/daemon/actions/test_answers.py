"""Answers stay within their cap, and are JSON."""

import json

import pytest

from daemon.actions.action import ActionError
from daemon.actions.answers import answer_text, cut, plain_text


def test_a_short_answer_is_given_whole() -> None:
    """Whatever values it holds."""
    answer = {"a": [1, None, True, "é"], "b": {"c": ("x",)}}

    assert json.loads(answer_text(answer)) == {"a": [1, None, True, "é"], "b": {"c": ["x"]}}


def test_long_texts_are_cut_until_it_fits() -> None:
    """Both ends are kept; what is missing is said."""
    answer = {"records": [{"diff": "a" * 50_000 + "z", "seq": number} for number in range(4)]}

    text = answer_text(answer, most=20_000)

    assert len(text) <= 20_000
    assert [each["seq"] for each in json.loads(text)["records"]] == [0, 1, 2, 3]
    assert "characters left out" in text
    assert 'z"' in text


def test_what_never_fits_is_refused_with_advice() -> None:
    """Thousands of small things."""
    with pytest.raises(ActionError, match="ask for less"):
        answer_text(list(range(100_000)), most=1_000)


def test_secrets_and_odd_characters_do_not_get_out() -> None:
    """Lone surrogates are no UTF-8, and would end the protocol."""
    text = answer_text({"x": "\ud800", "key": "sk-ant-api03-" + "a1B2" * 24})

    text.encode()
    assert "a1B2a1B2" not in text


KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkq\n" * 9 + "-----END PRIVATE KEY-----\n"
TOKEN = "ghp_" + "a1B2" * 9


@pytest.mark.parametrize("at", range(9_970, 10_001, 5))
def test_a_secret_is_hidden_before_a_text_is_cut(at: int) -> None:
    """Half of one was not known for a secret any more."""
    text = answer_text({"diff": "." * at + " " + TOKEN + " " + "." * 200_000})

    assert "a1B2" not in text
    assert "ghp_" not in text


def test_a_key_of_several_lines_is_hidden() -> None:
    """In JSON its line ends are escaped; in a report they are not."""
    assert "MIIEvQ" not in answer_text({"markdown": f"see\n{KEY}"})
    assert "MIIEvQ" not in plain_text(f"see\n{KEY}")


def test_a_cut_says_how_much() -> None:
    """Beginning and end."""
    assert cut("abc", 3) == "abc"
    assert cut("a" * 50 + "b" * 50, 10) == "aaaaa\n… 90 characters left out …\nbbbbb"
