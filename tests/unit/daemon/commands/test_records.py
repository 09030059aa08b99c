"""What commands read from a trail of several files is what they read from one."""

import pytest

from audit.files import closed_files
from audit.trail import Rotation, Trail
from daemon.commands.records import (
    last_records,
    newest_records,
    record_numbered,
    records_since,
    reflection_ids,
    trail_size,
)
from tests.terminal import Home

COUNT = 40


@pytest.fixture
def long(home: Home) -> Home:
    """Forty records of eight reflections in several files."""
    trail = Trail(home.trail.path, rotation=Rotation(mib=1500 / (1 << 20)))
    for number in range(COUNT):
        trail.append("trial", reflection=f"r-{number // 5}", target="shop", data={"n": number})
    assert len(closed_files(trail.path)) > 4
    return home


def test_records_are_found_by_number(long: Home) -> None:
    """In whichever file they stand."""
    path = long.trail.path

    found = [record_numbered(path, number) for number in range(1, COUNT + 1)]
    assert [record and record.data["n"] for record in found] == list(range(COUNT))
    assert record_numbered(path, 0) is None
    assert record_numbered(path, COUNT + 1) is None


def test_the_last_records_and_all_ids(long: Home) -> None:
    """From the end, over the border of a file and to the very beginning."""
    path = long.trail.path

    for count in (1, 7, COUNT, COUNT + 9):
        numbers = [record.data["n"] for record in last_records(path, count)]
        assert numbers == list(range(COUNT))[-count:]
    assert [r.data["n"] for r in newest_records(path, ["trial"], 3)] == [39, 38, 37]
    assert reflection_ids(path) == [f"r-{number}" for number in range(8)]


def test_what_was_appended_since_is_found_after_a_file_was_closed(long: Home) -> None:
    """The place counts over all files."""
    start = trail_size(long.settings)
    trail = Trail(long.trail.path, rotation=Rotation(mib=1e-6))
    for _ in range(3):
        trail.append("started")

    assert [each.event for each in records_since(long.settings, start)] == ["started"] * 3
    assert records_since(long.settings, trail_size(long.settings)) == []


def test_the_command_lists_shows_and_checks_them(long: Home) -> None:
    """As an operator would."""
    assert len(long.json("audit", "list", "--last", "0")["records"]) == COUNT
    assert len(long.json("audit", "show", "r-0")["records"]) == 5
    assert long.json("audit", "show", "3")["records"][0]["seq"] == 3
    assert long.json("audit", "verify")["records"] == COUNT

    closed = closed_files(long.trail.path)[1]
    closed.write_bytes(closed.read_bytes().replace(b'"target":"shop"', b'"target":"shoq"', 1))
    said = long.mendd("audit", "verify", code=1)
    assert "(line 1): its content does not match its hash" in said
    assert f"in {closed.name}" in said
