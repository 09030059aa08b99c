"""Prints how many comparisons a day's payments take: the same number on every machine."""

from duplicates.find import distinct, duplicates
from duplicates.payments import Payment

PAYMENTS = [Payment(f"r{number * 7 % 90}", number % 5) for number in range(120)]

Payment.compared = 0
twice = duplicates(PAYMENTS)
print(f"duplicates: {len(twice)}")
print(f"comparisons: {Payment.compared}")

Payment.compared = 0
once = distinct(PAYMENTS)
print(f"distinct: {len(once)}")
print(f"distinct comparisons: {Payment.compared}")
