"""How long parcels are on their way."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Delivery:
    """One parcel; `arrived` is None while it is on its way."""

    sent: datetime.date
    arrived: datetime.date | None = None


def days_on_the_way(delivery: Delivery, today: datetime.date) -> int:
    """Days from sending to arrival, or to today when it has not arrived."""
    return ((delivery.arrived or today) - delivery.sent).days


def average_days(deliveries: Iterable[Delivery]) -> float | None:
    """Mean days from sending to arrival of what has arrived; None when nothing has."""
    days = [(each.arrived - each.sent).days for each in deliveries if each.arrived]
    return sum(days) / len(days)
