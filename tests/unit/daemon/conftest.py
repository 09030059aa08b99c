"""A place to mend in, for every test of the worker's road."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.trail import verify
from tests.place import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    """Makes a Place with extra lines for its target."""
    made: list[Place] = []

    def make(target: str = "") -> Place:
        made.append(Place(tmp_path, target, monkeypatch))
        return made[-1]

    yield make
    for each in made:
        assert verify(each.shop.state / "audit" / "trail.jsonl").ok
        each.shop.store.close()
