"""Receipts."""

from ledgerly.receipts import item_line, receipt, wrap


def test_words_are_put_into_lines():
    assert wrap("thank you and see you again", 15) == ["thank you and", "see you again"]


def test_a_line_may_be_full():
    assert wrap("fresh bread and butter", 11) == ["fresh bread", "and butter"]
    assert wrap("a b c", 3) == ["a b", "c"]


def test_a_line_is_never_too_full():
    assert wrap("aa bb", 4) == ["aa", "bb"]
    assert wrap("fresh bread", 10) == ["fresh", "bread"]


def test_a_long_word_has_its_own_line():
    assert wrap("one internationalisation two", 8) == ["one", "internationalisation", "two"]


def test_no_words_make_no_lines():
    assert wrap("   ", 10) == []


def test_amounts_stand_on_the_right():
    assert item_line("Tea", 450, 16) == "Tea         4.50"


def test_a_long_name_is_cut():
    assert item_line("Wholemeal bread", 320, 12) == "Wholeme 3.20"


def test_a_receipt_ends_with_its_total():
    assert receipt([("Tea", 450), ("Bread", 320)], width=16) == (
        "Tea         4.50\nBread       3.20\n----------------\nTotal       7.70"
    )
