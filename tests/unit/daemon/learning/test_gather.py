"""What becomes of patches on the whole road becomes recipes: wins, losses, harm."""

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.learning.book import RecipeBook
from daemon.learning.gather import lost
from daemon.learning.recipe import Recipe
from daemon.learning.retest import retest
from tests.fakes import LocalSandbox, ScriptedEngine
from tests.place import CODE, NOTE, REPORT, RIGHT, Place


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place that may show examples."""
    return Place(tmp_path, '[learning]\nshare = "examples"', monkeypatch)


def recipes(place: Place) -> list[Recipe]:
    """What the book holds."""
    return list(RecipeBook.open(place.shop.state).recipes.values())


def test_an_applied_patch_is_a_recipe_with_a_win(here: Place) -> None:
    """With its demonstration, as the function stands by itself."""
    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    (recipe,) = recipes(here)
    assert recipe.shape.before == "return sum(v1[1:])"
    assert recipe.shape.after == "return sum(v1)"
    assert (recipe.wins, recipe.losses, recipe.trust) == (1, 0, "own")
    assert recipe.demo is not None


def test_a_failure_that_comes_back_is_a_loss(here: Place) -> None:
    """The patch did not hold; one that a person took back is counted once, at the revert."""
    here.mend(ScriptedEngine(REPORT, [RIGHT]), note={**NOTE, "id": "n1"})
    here.file.write_text(CODE)
    here.mend(ScriptedEngine(REPORT, [RIGHT]), note={**NOTE, "timestamp": "2026-11-20T08:00:00Z"})

    (recipe,) = recipes(here)
    assert (recipe.wins, recipe.losses) == (1, 1)


def test_a_revert_is_a_loss_and_harm_is_recorded(here: Place) -> None:
    """More losses than wins retire the recipe; the trail says so, and an operator is told."""
    here.mend(ScriptedEngine(REPORT, [RIGHT]), note={**NOTE, "id": "n1"})
    here.order("revert", "n1")
    (recipe,) = recipes(here)
    assert (recipe.wins, recipe.losses) == (1, 1)
    for _ in range(2):
        lost({"recipe": recipe.id}, "it did not hold", here.shop)

    assert recipes(here)[0].trust == "retired"
    said = here.last("learned")
    assert (said["step"], said["recipe"]) == ("harm", recipe.id)


def test_what_came_from_elsewhere_is_tried_in_the_sandbox(here: Place, tmp_path: Path) -> None:
    """A demonstration that shows what it claims is believed, one that does not is retired."""
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    (own,) = recipes(here)
    assert own.demo is not None
    state = tmp_path / "elsewhere"
    good = replace(own, trust="untested", origin="ed25519:x", wins=0)
    lies = {
        "same": replace(own.demo, before=own.demo.after),
        "useless": replace(own.demo, after=own.demo.before),
        "broken": replace(own.demo, after="def total(:"),
    }
    with RecipeBook.changing(state) as book:
        book.put(good)
        for name, demo in lies.items():
            shape = replace(own.shape, before=name)
            book.put(replace(good, shape=shape, demo=demo))

    outcomes = retest(state, LocalSandbox(tmp_path / "copies9"), lambda _: None)  # type: ignore[arg-type]

    trusted = RecipeBook.open(state).trusted()
    assert [recipe.id for recipe in trusted] == [good.id]
    assert outcomes[good.id] == "tested"
    assert sum("its test" in words for words in outcomes.values()) == 3
