"""Payments as values."""


class Payment:
    """One payment; equal when reference and amount are."""

    compared = 0  # how often any two were compared

    def __init__(self, reference, amount):
        self.reference = reference
        self.amount = amount

    def __eq__(self, other):
        Payment.compared += 1
        return (self.reference, self.amount) == (other.reference, other.amount)

    def __hash__(self):
        return hash((self.reference, self.amount))
