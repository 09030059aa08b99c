from duplicates.find import distinct, duplicates
from duplicates.payments import Payment

A, B, C = Payment("a", 1), Payment("b", 2), Payment("a", 1)


def test_nothing_twice():
    assert duplicates([A, B]) == []


def test_one_twice():
    assert duplicates([A, B, C]) == [A]


def test_thrice_counts_twice():
    assert duplicates([A, C, A]) == [A, A]


def test_another_amount_is_another_payment():
    assert duplicates([A, Payment("a", 2)]) == []


def test_distinct_keeps_the_order():
    assert distinct([B, A, C, B]) == [B, A]


def test_distinct_of_nothing():
    assert distinct([]) == []
