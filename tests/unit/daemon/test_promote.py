"""A patch goes to its stage first and on from there after a quiet time, if it held."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.commands.overview import overview
from daemon.engines import Declined
from daemon.worker import work
from reflections.store import State, Store, Work
from tests.fakes import ScriptedEngine
from tests.place import CODE, FIXED, NOTE, REPORT, RIGHT, TESTS, Place

STAGE = 'stage_of = "prod"\npromote_after_h = 72\n[[target]]\nname = "prod"\npath = "prod"\n'


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """`shop` is the stage of `prod`; both have the same module."""
    prod = tmp_path / "prod"
    prod.mkdir()
    (prod / "shop.py").write_text(CODE)
    (prod / "test_shop.py").write_text(TESTS)
    return Place(tmp_path, STAGE, monkeypatch)


def prod(place: Place) -> str:
    """The real target's module."""
    return (place.folder / "prod" / "shop.py").read_text()


def mended(place: Place) -> str:
    """A note about prod is mended on the stage; the id of the work."""
    place.mend(ScriptedEngine(REPORT, [RIGHT]), note={**NOTE, "target": "prod", "id": "n1"})
    return "n1"


def later(place: Place, hours: float) -> None:
    """Time passes, and a worker looks."""
    place.now += timedelta(hours=hours)
    work(place.shop)


def test_a_patch_waits_on_the_stage_and_then_goes_on(stage: Place) -> None:
    """Applied on the stage, waiting, not a moment early; then proven again and applied."""
    mended(stage)

    assert stage.file.read_text() == FIXED
    assert prod(stage) == CODE
    (waiting,) = stage.shop.store.all()
    assert (waiting.kind, waiting.state) == ("promotion", State.WAITING)
    later(stage, 71)
    assert prod(stage) == CODE
    later(stage, 1.1)
    assert prod(stage) == FIXED
    assert not stage.shop.store.all()
    applied = list(stage.shop.trail.records(event="applied"))
    assert [record.target for record in applied] == ["shop", "prod"]
    assert applied[1].data["evidence"] == "proven"


def taken_back(place: Place) -> None:
    place.order("revert", "n1")


def back_again(place: Place) -> None:
    place.engines = [ScriptedEngine(Declined(category="not_a_bug", reason="no"), [])]
    place.drop({**NOTE, "target": "prod", "id": "n2", "timestamp": "2026-11-20T10:00:00Z"})
    place.work()


@pytest.mark.parametrize(
    ("meanwhile", "said"), [(taken_back, "was taken back"), (back_again, "came back")]
)
def test_what_did_not_hold_is_not_promoted(
    stage: Place, meanwhile: Callable[[Place], None], said: str
) -> None:
    """A person's revert or the failure's return ends it, with the reason."""
    mended(stage)
    meanwhile(stage)
    later(stage, 73)

    assert prod(stage) == CODE
    assert said in stage.last("declined")["reason"]


def test_what_does_not_hold_on_the_real_target_is_rejected(stage: Place) -> None:
    """It is proven on the module as it is there: another code, another verdict."""
    mended(stage)
    other = CODE.replace("return sum(prices[1:])", "return sum(p for p in prices[1:])")
    (stage.folder / "prod" / "shop.py").write_text(other)
    later(stage, 73)

    assert prod(stage) == other
    assert "but not here" in stage.last("rejected")["reason"]


def test_the_real_target_has_the_last_word(
    stage: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own autonomy holds the patch; approving it applies it there."""
    (tmp_path / "again").mkdir()
    (tmp_path / "prod").rename(tmp_path / "again" / "prod")
    place = Place(tmp_path / "again", f'{STAGE}autonomy = "propose"\n', monkeypatch)
    mended(place)
    later(place, 73)
    (held,) = place.shop.store.all()
    assert held.state is State.HELD

    place.order("approve", held.id)

    assert prod(place) == FIXED


def test_a_crash_before_the_work_was_closed_loses_no_promotion(
    stage: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patch landed on the stage and nothing more: recovery opens what was owed, once."""

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("daemon.worker.close_work", crash)
        with pytest.raises(KeyboardInterrupt):
            mended(stage)
    work(stage.shop)
    work(stage.shop)

    (waiting,) = stage.shop.store.all()
    assert waiting.kind == "promotion"
    later(stage, 73)
    assert prod(stage) == FIXED


def test_a_crash_while_a_promotion_is_opened_loses_none(
    stage: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored without its patch and its time, it was due at once and declined."""
    update = Store.update

    def crash(self: Store, work: Work, **changes: Any) -> Work:
        if work.kind == "promotion":
            raise KeyboardInterrupt
        return update(self, work, **changes)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "update", crash)
        with pytest.raises(KeyboardInterrupt):
            mended(stage)
    work(stage.shop)
    (waiting,) = stage.shop.store.all()
    assert waiting.state is State.WAITING
    later(stage, 73)

    assert prod(stage) == FIXED


def test_a_note_without_a_target_means_the_real_one(stage: Place) -> None:
    """And so is worked on on its stage; the folder of the stage named means the stage."""
    stage.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert stage.file.read_text() == FIXED


def test_a_patch_held_on_the_stage_is_shown_where_it_would_land(
    stage: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note is about prod, but approving it changes the stage: the status said prod."""
    (tmp_path / "again").mkdir()
    (tmp_path / "prod").rename(tmp_path / "again" / "prod")
    place = Place(tmp_path / "again", f'autonomy = "propose"\n{STAGE}', monkeypatch)
    mended(place)

    (shown,) = overview(place.shop.settings, place.now)["work"]

    assert (shown["state"], shown["target"]) == ("held", "shop")
