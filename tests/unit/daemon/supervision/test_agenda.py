"""What calls for a worker, and what has already been looked at."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.supervision.agenda import Agenda, due_time

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def agenda(tmp_path: Path) -> Agenda:
    """An empty inbox and a state folder."""
    (tmp_path / "inbox" / "rejected").mkdir(parents=True)
    return Agenda(inbox=tmp_path / "inbox", state=tmp_path)


def test_nothing_calls_in_empty_folders(agenda: Agenda, tmp_path: Path) -> None:
    """Nor do folders that are not there."""
    assert not agenda.waiting(NOW)
    assert not Agenda(inbox=tmp_path / "a", state=tmp_path / "b").waiting(NOW)


@pytest.mark.parametrize("name", [".hidden.json", "note.json.tmp", "note.part"])
def test_unfinished_files_do_not_call(agenda: Agenda, tmp_path: Path, name: str) -> None:
    """Their writers will rename them."""
    (tmp_path / "inbox" / name).touch()

    assert not agenda.waiting(NOW)


def test_strange_files_call_for_the_worker_to_reject_them(agenda: Agenda, tmp_path: Path) -> None:
    """A link or a fifo is not opened here, only seen."""
    os.mkfifo(tmp_path / "inbox" / "fifo.json")
    (tmp_path / "inbox" / "link.json").symlink_to("/nowhere")

    assert agenda.waiting(NOW)


def test_what_a_worker_saw_and_left_calls_again_only_when_it_changes(
    agenda: Agenda, tmp_path: Path
) -> None:
    """Or when asked to."""
    note = tmp_path / "inbox" / "half.json"
    note.write_text("{")
    agenda.worker_starts(NOW)
    agenda.worker_ended(NOW)

    assert not agenda.waiting(NOW)
    assert agenda.left_behind
    note.write_text("{ more")
    assert agenda.waiting(NOW)
    agenda.worker_starts(NOW)
    agenda.worker_ended(NOW)
    agenda.call_again()
    assert agenda.waiting(NOW)


def test_what_came_while_a_worker_ran_calls(agenda: Agenda, tmp_path: Path) -> None:
    """It may have come after the worker had read the folder."""
    agenda.worker_starts(NOW)
    (tmp_path / "inbox" / "late.json").touch()
    agenda.worker_ended(NOW)

    assert agenda.waiting(NOW)


def test_an_order_calls_by_itself(agenda: Agenda, tmp_path: Path) -> None:
    """Also where files wait for the crontab's time."""
    (tmp_path / "inbox" / "note.json").touch()
    assert not agenda.orders(NOW)
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "1.json").touch()

    assert agenda.orders(NOW)


def test_work_calls_when_it_is_due(agenda: Agenda, tmp_path: Path) -> None:
    """Not before, and not again when a worker leaves it due."""
    (tmp_path / "due.json").write_text(f'{{"next": "{NOW.isoformat()}"}}')

    assert not agenda.waiting(NOW - timedelta(seconds=1))
    assert agenda.waiting(NOW)
    agenda.worker_starts(NOW)
    (tmp_path / "due.json").write_text(f'{{"next": "{(NOW).isoformat()}"}}')
    agenda.worker_ended(NOW)
    assert not agenda.waiting(NOW)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"next": null}', None),
        ('{"next": "2026-11-20T12:00:00Z"}', NOW),
        ('{"next": "2026-11-20T12:00:00"}', NOW),
        ("{", datetime.min.replace(tzinfo=UTC)),
        ("[]", datetime.min.replace(tzinfo=UTC)),
        ('{"next": 5}', datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_the_due_time_in_doubt_is_now(
    tmp_path: Path, content: str, expected: datetime | None
) -> None:
    """A start too many is cheap; work forgotten is lost."""
    (tmp_path / "due.json").write_text(content)

    assert due_time(tmp_path) == expected
