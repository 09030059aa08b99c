"""The book of recipes: `state/recipes.json`, replaced whole; what it holds came out of the trail.

Losing it loses no record: it is knowledge, and a broken file is set aside and told, never read.
"""

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from audit.durable import make_folder, write_whole
from daemon.learning.recipe import TRUSTED, Kind, NotARecipe, Recipe, recipe_from
from daemon.learning.shapes import Shape

log = logging.getLogger("mendd.learning")
MOST_RECIPES = 2_000
MOST_BYTES = 64 << 20
LEAST_SEEN = 2  # outcomes of a template before it weighs
STRONGEST = 1.25  # a prior is never raised or lowered further than by this factor


@dataclass
class RecipeBook:
    """All recipes by id, and the file they stand in."""

    path: Path
    recipes: dict[str, Recipe] = field(default_factory=dict)

    @classmethod
    def open(cls, state: Path) -> "RecipeBook":
        """The book of a state folder; empty where there is none yet."""
        path = state / "recipes.json"
        try:
            if path.stat().st_size > MOST_BYTES:
                raise NotARecipe("the file is too large")
            found = [recipe_from(each) for each in json.loads(path.read_bytes())]
        except FileNotFoundError:
            return cls(path)
        except (NotARecipe, ValueError, TypeError, RecursionError) as error:
            aside = path.with_suffix(".broken")
            path.replace(aside)
            log.warning("%s cannot be read (%s); it is kept as %s", path, error, aside.name)
            return cls(path)
        return cls(path, {recipe.id: recipe for recipe in found})

    @classmethod
    @contextlib.contextmanager
    def changing(cls, state: Path) -> "Iterator[RecipeBook]":
        """The book for a change, written at the end; one process at a time. Raises OSError."""
        make_folder(state)
        handle = os.open(state / ".recipes.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            book = cls.open(state)
            yield book
            book.save()
        finally:
            os.close(handle)

    def save(self) -> None:
        """Write it whole; of too many, those with the best record stay."""
        kept = sorted(self.recipes.values(), key=_rank)[:MOST_RECIPES]
        data = json.dumps([recipe.to_json() for recipe in kept], ensure_ascii=True)
        write_whole(self.path, data.encode())

    def put(self, recipe: Recipe) -> None:
        """Take a recipe in; one that is known keeps its own record and trust.

        A stranger's demonstration is no part of what is believed, let alone of what we sign.
        """
        known = self.recipes.get(recipe.id)
        if known is None:
            self.recipes[recipe.id] = recipe
        elif known.demo is None and (recipe.trust == "own" or known.trust == "untested"):
            self.recipes[recipe.id] = replace(known, demo=recipe.demo)

    def outcome(self, id_: str, *, won: bool) -> Recipe | None:
        """Count one more outcome; the recipe if this outcome retired it."""
        known = self.recipes.get(id_)
        if known is None:
            return None
        now = self.recipes[id_] = known.counted(won=won)
        return now if now.trust == "retired" != known.trust else None

    def trusted(self, kind: Kind | None = None) -> list[Recipe]:
        """The recipes that may be believed, the best record first."""
        found = (r for r in self.recipes.values() if r.trust in TRUSTED)
        return sorted((r for r in found if kind in (None, r.kind)), key=_rank)

    def hints(self, kind: Kind, text: str, most: int = 5) -> tuple[str, ...]:
        """The trusted recipes whose `before` shares most with a code, in words for a prompt."""
        near = [(_likeness(recipe.shape, text), recipe) for recipe in self.trusted(kind)]
        likely = sorted((each for each in near if each[0] > 0), key=lambda each: -each[0])
        return tuple(recipe.words() for _, recipe in likely[:most])

    def weights(self) -> dict[str, float]:
        """By search template: the factor for its prior, from its record here (Laplace's rule).

        (wins + 1) / (outcomes + 2) against one half, within 1/STRONGEST and STRONGEST; only
        outcomes of this installation count, and none below LEAST_SEEN outcomes.
        """
        counts: dict[str, list[int]] = {}
        for recipe in self.recipes.values():
            if recipe.template:
                count = counts.setdefault(recipe.template, [0, 0])
                count[0] += recipe.wins
                count[1] += recipe.losses
        return {
            name: max(1 / STRONGEST, min(STRONGEST, 2 * (wins + 1) / (wins + losses + 2)))
            for name, (wins, losses) in sorted(counts.items())
            if wins + losses >= LEAST_SEEN
        }


def _rank(recipe: Recipe) -> tuple[bool, int, int, str]:
    return recipe.trust not in TRUSTED, recipe.losses - recipe.wins, recipe.losses, recipe.id


def _likeness(shape: Shape, text: str) -> int:
    """How many of the shape's own words (builtins, methods, keywords) stand in the code."""
    words = set(_words([shape.before]))
    return len(words & set(_words([text])))


def _words(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        for word in text.replace("(", " ").replace(".", " ").replace(":", " ").split():
            if word.isidentifier() and not (word[0] == "v" and word[1:].isdigit()):
                yield word
