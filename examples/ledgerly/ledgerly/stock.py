"""What the shop has, and where: the store room and the shelves."""

from collections import Counter


class NotEnough(Exception):
    """More was asked for than there is."""


class Stock:
    """Counts of items by place."""

    def __init__(self) -> None:
        self._places: dict[str, Counter[str]] = {}

    def count(self, item: str, place: str) -> int:
        """How many there are in one place."""
        return self._places.get(place, Counter())[item]

    def total(self, item: str) -> int:
        """How many there are anywhere."""
        return sum(place[item] for place in self._places.values())

    def deliver(self, item: str, count: int, place: str = "store room") -> None:
        """Goods come in."""
        self._places.setdefault(place, Counter())[item] += count

    def sell(self, item: str, count: int, place: str = "shelf") -> None:
        """Goods go out. Raises NotEnough."""
        if self.count(item, place) < count:
            raise NotEnough(f"{count} x {item} wanted, {self.count(item, place)} on {place}")
        self._places[place][item] -= count

    def move(self, item: str, count: int, source: str, destination: str) -> None:
        """Goods change their place. Raises NotEnough and moves nothing then."""
        self.sell(item, count, source)
        self.deliver(item, count, destination)

    def restock(self, item: str, count: int) -> None:
        """Bring goods from the store room to the shelf. Raises NotEnough."""
        self.move(item, count, "shelf", "store room")

    def to_order(self, minimum: dict[str, int]) -> dict[str, int]:
        """What is missing to have at least `minimum` of each item, in the order of names."""
        missing = {item: least - self.total(item) for item, least in sorted(minimum.items())}
        return {item: count for item, count in missing.items() if count > 0}
