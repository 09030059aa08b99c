"""Tests what came from elsewhere, in the sandbox, before it is believed.

The demonstration has to be one of the recipe's own shape, and its test has to fail on `before` and
pass on `after`, in containers like any trial. A recipe without a demonstration stays untested until
a patch of its shape is proven here.
"""

import logging
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.killswitch import StopSignal
from daemon.learning.book import RecipeBook
from daemon.learning.demo import SUBJECT
from daemon.learning.recipe import Demo, Recipe
from daemon.learning.shapes import shape_of
from sandbox.errors import SandboxError
from sandbox.trial import Ending, Module, Outcome, Run, Sandbox

if TYPE_CHECKING:
    from daemon.desk.workshop import Workshop

log = logging.getLogger("mendd.learning")
TEST_S = 20.0
MOST = 10  # in one pass of a worker: notes do not wait long for strangers' recipes
LONGEST_S = 900.0
BAD = (Outcome.FAILED, Outcome.ERROR)


def try_recipes(shop: "Workshop") -> None:
    """Some of them, at the end of a worker's pass: nobody has to ask for it."""
    if shop.stop.asked() or not to_test(shop.state):
        return
    shop.beacon.work(None, None)
    shop.beacon.stage("recipes")
    try:
        with shop.beacon.beating(LONGEST_S):
            found = retest(shop.state, shop.sandbox, shop.beacon.detail, shop.stop, most=MOST)
        if found:
            shop.trail.append("learned", data={"step": "retested", "outcomes": found})
    except (SandboxError, OSError) as error:
        log.warning("imported recipes cannot be tried now: %s", error)


def to_test(state: Path) -> list[Recipe]:
    """The recipes that can be tried: untested, with a demonstration."""
    recipes = RecipeBook.open(state).recipes.values()
    return [each for each in recipes if each.trust == "untested" and each.demo is not None]


def retest(
    state: Path,
    sandbox: Sandbox,
    progress: Callable[[str], None],
    stop: StopSignal,
    *,
    most: int | None = None,
) -> dict[str, str]:
    """Untested recipes with a demonstration (`most` of them): tested or retired, by id.

    The book is written after each. Raises SandboxError: what could not be run stays untested; so
    does what is left once `stop` was asked for.
    """
    outcomes: dict[str, str] = {}
    for recipe in to_test(state)[:most]:
        progress(f"trying recipe {recipe.id}")
        trouble = trouble_with(recipe, sandbox, stop)
        if stop.asked():  # whatever broke, broke because we were told to stop
            break
        with RecipeBook.changing(state) as book:
            book.recipes[recipe.id] = replace(
                book.recipes.get(recipe.id, recipe), trust="retired" if trouble else "tested"
            )
        outcomes[recipe.id] = trouble or "tested"
    return outcomes


def trouble_with(recipe: Recipe, sandbox: Sandbox, stop: StopSignal) -> str | None:
    """Why the recipe is not to be believed, or None when its demonstration shows it."""
    demo = recipe.demo
    if demo is None or shape_of(demo.before, demo.after) != recipe.shape:
        return "its demonstration shows another edit than the recipe"
    return shown_wrong(demo, sandbox, stop)


def shown_wrong(demo: Demo, sandbox: Sandbox, stop: StopSignal) -> str | None:
    """Why the demonstration does not show what it claims, or None when it does."""
    with tempfile.TemporaryDirectory(prefix="mendd-recipe-") as folder:
        root = Path(folder)
        (root / f"{SUBJECT}.py").write_text(demo.before, "utf-8")
        (root / f"test_{SUBJECT}.py").write_text(demo.test, "utf-8")
        bench = sandbox.prepare(Module(name="recipe", root=root, requirements=("-",)))
        try:
            before = bench.run(timeout_s=TEST_S, stop=stop)
            changed = {f"{SUBJECT}.py": demo.after.encode()}
            after = bench.run(changed, timeout_s=TEST_S, stop=stop)
        finally:
            bench.close()
    return _complaint(before, after)


def _complaint(before: Run, after: Run) -> str | None:
    failing = [test for test, outcome in before.outcomes.items() if outcome in BAD]
    if not failing:
        return "its test does not fail on the code before"
    if after.ending is not Ending.FINISHED or not after.outcomes:
        return f"its test does not come to an end on the code after ({after.ending.value})"
    still = [test for test in failing if after.outcomes.get(test) is not Outcome.PASSED]
    broken = [test for test, outcome in after.outcomes.items() if outcome in BAD]
    return "its test does not pass on the code after" if still or broken else None
