"""What lies in the inbox is taken in once, and told once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from reflections.errors import InboxUnusable
from reflections.inbox import Inbox
from tests.place import Place


def test_a_file_that_cannot_be_moved_away_is_not_recorded_each_time(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's file in a sticky folder: each look, one a minute, wrote a record."""
    here = place()
    inbox = here.shop.settings.inbox_path
    inbox.mkdir(parents=True)
    (inbox / "odd.json").write_text("{")

    with monkeypatch.context() as sticky:

        def refuse(*_: object) -> None:
            raise InboxUnusable("odd.json cannot be moved out")

        sticky.setattr(Inbox, "reject", refuse)
        for _ in range(3):
            here.work()
    assert here.events() == ["unreadable"]

    here.work()

    assert here.events() == ["unreadable"]
    assert (inbox / "rejected" / "odd.json").exists()


@pytest.mark.parametrize("point", ["audit.trail.Trail.append", "reflections.inbox.Inbox.reject"])
def test_an_unreadable_file_is_recorded_once_whatever_a_crash_prevented(
    place: Callable[..., Place], point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk between the move and the record: it lay in rejected/, and no record said so."""
    here = place()
    inbox = here.shop.settings.inbox_path
    inbox.mkdir(parents=True)
    (inbox / "odd.json").write_text("{")

    with monkeypatch.context() as dying:

        def crash(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        dying.setattr(point, crash)
        with pytest.raises(KeyboardInterrupt):
            here.work()
    here.work()
    here.work()

    assert here.events() == ["unreadable"]
    assert (inbox / "rejected" / "odd.json").exists()


def test_an_ignored_note_whose_record_a_crash_prevented_is_recorded(
    place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the archive by then, and the file is read again."""
    here = place()
    here.drop({"task_summary": "greet", "outcome": "done", "reflection": "all went well"})

    with monkeypatch.context() as dying:

        def crash(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        dying.setattr("audit.trail.Trail.append", crash)
        with pytest.raises(KeyboardInterrupt):
            here.work()
    here.now += timedelta(seconds=5)
    here.work()
    here.work()

    assert here.events().count("ignored") == 1


def test_good_news_told_again_is_recorded_as_told_before(place: Callable[..., Place]) -> None:
    """Under another name: the file went, and no word was left of it."""
    here = place()
    for name in ("n.json", "again.json"):
        here.drop({"outcome": "all went well", "reflection": "all went well"}, name=name)
        here.now += timedelta(seconds=5)
        here.work()
    here.work()

    assert here.events().count("ignored") == 2
    assert "before" in here.last("ignored")["reason"]
    assert here.last("ignored")["source"] == "again.json"
