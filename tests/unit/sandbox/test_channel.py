"""Hostile reports: nothing in them is taken for a result, and reading them has an end."""

import pytest

from tests.channel import OURS, SHARED, Attempt, measured

PROCESSOR_S = 20  # far more than it takes; a reader that hangs is killed
PEAK_MIB = 64


@pytest.fixture(scope="module")
def seen() -> tuple[list[Attempt], int]:
    """Every attempt, in a process that ends if it must; the public suite where it is present."""
    return measured([OURS, *([SHARED] if SHARED.is_dir() else [])], PROCESSOR_S)


def test_nothing_hostile_is_accepted(seen: tuple[list[Attempt], int]) -> None:
    """Must-fail JSON as a line and as a value, odd streams, odd files in a report's place."""
    hostile = [each for each in seen[0] if each.kind not in ("must-parse object", "endless")]
    assert [each for each in hostile if each.accepted] == []
    assert len(hostile) >= 2 * 13 + 33 + 20


def test_good_json_is_read(seen: tuple[list[Attempt], int]) -> None:
    """So that a reader that refuses everything does not pass."""
    good = [each for each in seen[0] if each.kind == "must-parse object"]
    assert good and all(each.accepted for each in good)


def test_endless_reports_come_to_an_end(seen: tuple[list[Attempt], int]) -> None:
    """Good lines without number are read in time that grows with their number, no faster."""
    assert [each.name for each in seen[0] if each.kind == "endless"] == [
        "subtests without end", "repeats without end", "promises without end",
    ]  # fmt: skip


def test_reading_takes_bounded_memory(seen: tuple[list[Attempt], int]) -> None:
    """The peak of the process that read them all."""
    assert seen[1] <= PEAK_MIB
