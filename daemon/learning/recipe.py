"""A recipe: an edit that won, in a form that helps with the next bug and may be shown to others."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from daemon.learning.shapes import MOST_CHARS, Shape

Kind = Literal["bug", "performance"]
Trust = Literal["own", "untested", "tested", "retired"]
TRUSTED: tuple[Trust, ...] = ("own", "tested")
FEWEST = 3  # outcomes before a recipe can be found harmful
MOST_DEMO = 20_000
_WORDS = re.compile(r"[\w .,:;()%+/*<>='\"-]{0,200}")
_ID = re.compile(r"[0-9a-f]{16}")


class NotARecipe(ValueError):
    """The value is none; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A small module and its test, by which anybody can try the recipe: fails before, passes after.

    `before` and `after` are the text of `subject.py`, `test` of `test_subject.py`.
    """

    before: str
    after: str
    test: str


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One edit's shape with its record. `wins` and `losses` are this installation's own."""

    kind: Kind
    shape: Shape
    template: str  # the search engine's, or ""
    evidence: str  # "proven", "reproduced", or the gain of a metric in percent
    trust: Trust = "own"
    origin: str = ""  # the key of the installation it came from; "" for our own
    wins: int = 0
    losses: int = 0
    demo: Demo | None = None

    @property
    def id(self) -> str:
        """Sixteen characters over kind and shape: the same edit anywhere has the same id."""
        whole = json.dumps([self.kind, self.shape.before, self.shape.after])
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def harmful(self) -> bool:
        """Whether it failed more often than it held."""
        return self.losses >= FEWEST and self.losses > self.wins

    def counted(self, *, won: bool) -> "Recipe":
        """The same after one more outcome here; one that won here is trusted from then on."""
        if won:
            trust: Trust = "tested" if self.trust == "untested" else self.trust
            return replace(self, wins=self.wins + 1, trust=trust)
        lost = replace(self, losses=self.losses + 1)
        return replace(lost, trust="retired") if lost.harmful else lost

    def words(self) -> str:
        """For a prompt: what was there, what took its place, how that went."""
        before = self.shape.before or "(nothing)"
        after = self.shape.after or "(nothing)"
        record = f"held {self.wins} times, failed {self.losses} times"
        return f"{self.kind} ({self.evidence}; {record})\nbefore:\n{before}\nafter:\n{after}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `recipe_from` reads them back."""
        return {**asdict(self), "id": self.id}


def recipe_from(value: Any) -> Recipe:
    """A recipe as `to_json` wrote it, from a file that anybody may have written.

    Raises NotARecipe for a missing or odd member, a text that is too long, or an id that is not
    the one of its shape.
    """
    try:
        recipe = _read(value)
    except (KeyError, TypeError, AttributeError) as error:
        raise NotARecipe(f"a member is missing or odd: {error}") from None
    if value.get("id") != recipe.id or not _ID.fullmatch(recipe.id):
        raise NotARecipe("its id is not the one of its shape")
    return recipe


def _read(value: Mapping[str, Any]) -> Recipe:
    shape = Shape(
        before=_text(value["shape"]["before"], MOST_CHARS),
        after=_text(value["shape"]["after"], MOST_CHARS),
    )
    demo = value["demo"]
    return Recipe(
        kind=_one_of(value["kind"], "bug", "performance"),
        shape=shape,
        template=_plain(value["template"]),
        evidence=_plain(value["evidence"]),
        trust=_one_of(value["trust"], "own", "untested", "tested", "retired"),
        origin=_plain(value["origin"]),
        wins=_count(value["wins"]),
        losses=_count(value["losses"]),
        demo=None
        if demo is None
        else Demo(**{name: _text(demo[name], MOST_DEMO) for name in ("before", "after", "test")}),
    )


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise NotARecipe(f"a text is no text, or longer than {most} characters")
    return value


def _plain(value: Any) -> str:
    if not isinstance(value, str) or not _WORDS.fullmatch(value):
        raise NotARecipe(f"{value!r:.80} is not plain words")
    return value


def _one_of(value: Any, *choices: Any) -> Any:
    if value not in choices:
        raise NotARecipe(f"{value!r:.80} is none of {', '.join(choices)}")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1_000_000:
        raise NotARecipe(f"{value!r:.80} is no count")
    return value
