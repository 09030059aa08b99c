"""Address labels."""


def label(name: str, street: str, city: str, postcode: str) -> str:
    """Three lines, the town in capitals as the sorting machine wants it."""
    return f"{name}\n{street}\n{postcode} {city.upper()}"
