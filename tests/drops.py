"""Notes of every kind about a module of small files, and what has to become of each."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FRUITS = ("apple", "berry", "cherry", "damson", "elder", "fig", "grape", "hazel")
CODE = "def price(count):\n    return count - {n}\n\n\ndef twice(count):\n    return 2 * count\n"
TESTS = (
    "from {fruit} import price, twice\n\n\n"
    "def test_price():\n    assert price(5) == {sum}\n\n\n"
    "def test_none():\n    assert price(0) == {n}\n\n\n"
    "def test_twice():\n    assert twice(4) == 8\n"
)
KINDS = ("right", "second", "pair", "wrong", "decline", "rivals", "ignored", "double", "unreadable")
ENDINGS = {
    "right": "applied", "second": "applied", "pair": "applied", "double": "applied",
    "wrong": "rejected", "decline": "declined", "ignored": "ignored", "rivals": "held",
}  # fmt: skip


def number(fruit: str) -> int:
    """What a fruit's price differs by."""
    return 11 + FRUITS.index(fruit)


def code(fruit: str, *, mended: bool = False) -> str:
    """Its file, with the bug or without."""
    text = CODE.format(n=number(fruit))
    return text.replace("count - ", "count + ") if mended else text


@dataclass(frozen=True)
class Drop:
    """A note of one kind about one fruit; of the kind `pair` also about the fruit after it."""

    kind: str
    fruit: str

    @property
    def fruits(self) -> tuple[str, ...]:
        """Whose files the right patch changes."""
        both = (self.fruit, FRUITS[FRUITS.index(self.fruit) + 1])
        return both if self.kind == "pair" else (self.fruit,)

    @property
    def notes(self) -> list[dict[str, str]]:
        """What is dropped: two notes on one failure where it is told twice."""
        if self.kind == "ignored":
            return [
                {"task_summary": f"count {self.fruit}", "outcome": "done", "reflection": "fine"}
            ]
        one = {
            "task_summary": f"{self.kind} {self.fruit}",
            "outcome": f"failed: the price of {self.fruit} is wrong",
            "reflection": f"price in {self.fruit}.py takes away",
        }
        if self.kind != "double":
            return [one]
        return [{**one, "id": f"{self.fruit}-{each}"} for each in ("first", "again")]

    @property
    def file(self) -> tuple[str, str]:
        """The file's name and its text."""
        if self.kind == "unreadable":
            return f"{self.fruit}.json", '{"task_summary": '
        return f"{self.fruit}.jsonl", "".join(json.dumps(note) + "\n" for note in self.notes)


def some_drops(rng: random.Random, most: int) -> list[Drop]:
    """A few notes of different kinds about different fruits."""
    left, drops = list(FRUITS[::2]), []
    for kind in rng.sample(KINDS, min(most, len(left))):
        drops.append(Drop(kind, left.pop(rng.randrange(len(left)))))
    return drops


def about(drop: Drop, note: Mapping[str, Any]) -> bool:
    """Whether a stored note is this one."""
    return bool(note["task_summary"] == drop.notes[0]["task_summary"])
