"""What it costs to send a parcel."""

BANDS = ((1_000, 449), (2_000, 549), (5_000, 699), (10_000, 949))  # grams up to, cents


def postage(grams: int) -> int:
    """Cents for a parcel of this weight. Raises ValueError when it is too heavy, or no weight."""
    if grams <= 0:
        raise ValueError("a parcel weighs something")
    for limit, cents in BANDS:
        if grams <= limit:
            return cents
    raise ValueError(f"{grams} g is more than a parcel may weigh")
