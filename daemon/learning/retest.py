"""Tests what came from elsewhere, in the sandbox, before it is believed.

The demonstration's test has to fail on `before` and pass on `after`, in containers like any trial.
A recipe without a demonstration stays untested until a patch of its shape is proven here.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from daemon.learning.book import RecipeBook
from daemon.learning.demo import SUBJECT
from daemon.learning.recipe import Demo
from sandbox.trial import Ending, Module, Outcome, Run, Sandbox

TEST_S = 20.0
BAD = (Outcome.FAILED, Outcome.ERROR)


def retest(state: Path, sandbox: Sandbox, progress: Callable[[str], None]) -> dict[str, str]:
    """Every untested recipe with a demonstration: tested or retired; what came of it by id.

    The book is written after each. Raises SandboxError: what could not be run stays untested.
    """
    outcomes: dict[str, str] = {}
    for recipe in RecipeBook.open(state).recipes.values():
        if recipe.trust == "untested" and recipe.demo is not None:
            progress(f"trying recipe {recipe.id}")
            trouble = shown_wrong(recipe.demo, sandbox)
            with RecipeBook.changing(state) as book:
                book.recipes[recipe.id] = replace(
                    book.recipes.get(recipe.id, recipe), trust="retired" if trouble else "tested"
                )
            outcomes[recipe.id] = trouble or "tested"
    return outcomes


def shown_wrong(demo: Demo, sandbox: Sandbox) -> str | None:
    """Why the demonstration does not show what it claims, or None when it does."""
    with tempfile.TemporaryDirectory(prefix="mendd-recipe-") as folder:
        root = Path(folder)
        (root / f"{SUBJECT}.py").write_text(demo.before, "utf-8")
        (root / f"test_{SUBJECT}.py").write_text(demo.test, "utf-8")
        bench = sandbox.prepare(Module(name="recipe", root=root, requirements=("-",)))
        try:
            before = bench.run(timeout_s=TEST_S)
            after = bench.run({f"{SUBJECT}.py": demo.after.encode()}, timeout_s=TEST_S)
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
