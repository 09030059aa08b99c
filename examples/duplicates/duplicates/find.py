"""Finds what was booked twice."""


def duplicates(payments):
    """Every payment that equals an earlier one, in order; a third time counts again."""
    found = []
    for position, payment in enumerate(payments):
        for other in range(len(payments)):
            if other < position and payments[other] == payment:
                found.append(payment)
                break
    return found


def distinct(payments):
    """The payments without those booked twice, in order."""
    kept = []
    for payment in payments:
        if payment not in kept:
            kept.append(payment)
    return kept
