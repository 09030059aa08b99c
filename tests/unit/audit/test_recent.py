"""The newest records are found from the end, whatever stands before them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit import recent
from audit.recent import newest_first, since
from audit.trail import Trail

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


class Clock:
    """A minute later with each look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    """Thirty records, applied and held in turns."""
    made = Trail(tmp_path / "trail.jsonl", clock=Clock())
    for number in range(30):
        made.append("held" if number % 2 else "applied", data={"n": number, "pad": "ä" * 50})
    return made


@pytest.mark.parametrize("block", [7, 100, 1000, 1 << 20])
def test_the_newest_come_first_whatever_the_blocks(
    trail: Trail, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No record is lost, cut or doubled where two blocks meet."""
    monkeypatch.setattr(recent, "BLOCK", block)

    both = newest_first(trail.path, {"held", "applied"})
    assert [record.data["n"] for record in both] == list(range(29, -1, -1))
    assert [record.data["n"] for record in newest_first(trail.path, {"held"})][:2] == [29, 27]


def test_half_a_line_and_foreign_lines_are_passed_over(trail: Trail) -> None:
    """What a crash left at the end, and what is no record, hide nothing before them."""
    with trail.path.open("ab") as file:
        file.write(b'{"event":"held"}\n{"event":"held", half')

    assert next(newest_first(trail.path, {"held"})).data["n"] == 29


def test_a_window_ends_where_it_should(trail: Trail, tmp_path: Path) -> None:
    """In order, from the moment on, bounded; a missing trail is empty."""
    last_five = since(trail.path, START + timedelta(minutes=26), {"held", "applied"}, most=100)

    assert [record.data["n"] for record in last_five] == [25, 26, 27, 28, 29]
    assert len(since(trail.path, START, {"held", "applied"}, most=3)) == 3
    assert since(tmp_path / "none", START, {"held"}, most=3) == []
