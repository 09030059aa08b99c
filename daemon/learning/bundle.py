"""Recipes on their way between installations: one signed JSON document.

Signed is the canonical form (RFC 8785) of everything but `signature`. What leaves holds shapes and,
where the settings allow it, demonstrations; no names, no record of ours but how often it held. What
comes in is data of strangers: size, signature, trust and every member are checked before use.
"""

import base64
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daemon.learning.keys import BadKey, holds, public_text
from daemon.learning.recipe import NotARecipe, Recipe, recipe_from
from daemon.learning.scrub import personal

FORMAT = "mendd recipes 1"
MOST_BYTES = 4 << 20
MOST_RECIPES = 1_000


class BadBundle(Exception):
    """The document is no bundle we may use; the message says why. Nothing of it was taken in."""


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A bundle ready to leave, and what was kept back with the reason."""

    data: bytes
    count: int
    kept_back: dict[str, str]  # recipe id -> why


def pack(recipes: Sequence[Recipe], key: Ed25519PrivateKey, *, now: datetime) -> Packed:
    """Sign what may leave: recipes that held here, checked for anything personal or secret."""
    kept_back: dict[str, str] = {}
    leaving = []
    for recipe in recipes:
        why = _stays(recipe)
        if why:
            kept_back[recipe.id] = why
        else:
            leaving.append(_bare(recipe))
    document: dict[str, Any] = {
        "format": FORMAT,
        "from": public_text(key),
        "created": now.astimezone(UTC).isoformat(timespec="seconds"),
        "recipes": leaving[:MOST_RECIPES],
    }
    signature = key.sign(rfc8785.dumps(document))
    signed = {**document, "signature": base64.b64encode(signature).decode("ascii")}
    data = json.dumps(signed, indent=1, sort_keys=True).encode("ascii")
    return Packed(data=data, count=len(document["recipes"]), kept_back=kept_back)


def unpack(data: bytes, trusted: Collection[str]) -> list[Recipe]:
    """The recipes of a bundle, all `untested`, with its sender as origin. Raises BadBundle."""
    if len(data) > MOST_BYTES:
        raise BadBundle(f"it is larger than {MOST_BYTES >> 20} MiB")
    try:
        document = json.loads(data)
        signature = document.pop("signature")
        sender, recipes = document["from"], document["recipes"]
        if document["format"] != FORMAT or not isinstance(recipes, list):
            raise BadBundle(f"it is not of the format {FORMAT!r}")
        signed = rfc8785.dumps(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadBundle(f"it cannot be read: {str(error)[:200]}") from None
    _check_sender(sender, signature, signed, trusted)
    if len(recipes) > MOST_RECIPES:
        raise BadBundle(f"it holds more than {MOST_RECIPES} recipes")
    try:
        return [_taken(each, sender) for each in recipes]
    except NotARecipe as error:
        raise BadBundle(f"one of its recipes is none: {error}") from None


def _check_sender(sender: Any, signature: Any, signed: bytes, trusted: Collection[str]) -> None:
    if not isinstance(sender, str) or not isinstance(signature, str):
        raise BadBundle("its sender or signature is no text")
    if sender not in trusted:
        raise BadBundle(
            f"it is from {sender[:80]}, which learning.trust does not name; "
            "ask that installation for 'mendd learning key' and compare"
        )
    try:
        good = holds(sender, signature, signed)
    except BadKey as error:
        raise BadBundle(str(error)) from None
    if not good:
        raise BadBundle("its signature does not fit: it was changed on the way")


def _stays(recipe: Recipe) -> str | None:
    """Why a recipe does not leave, or None."""
    if recipe.trust != "own":
        return "only what was learnt here is passed on"
    if recipe.wins == 0 or recipe.losses >= recipe.wins:
        return "it has not held here"
    texts = [recipe.shape.before, recipe.shape.after]
    if recipe.demo:
        texts += [recipe.demo.before, recipe.demo.after, recipe.demo.test]
    found = personal("\n".join(texts))
    return f"it holds {', '.join(found)}" if found else None


def _bare(recipe: Recipe) -> dict[str, Any]:
    return replace(recipe, origin="", trust="own").to_json()


def _taken(value: Any, sender: str) -> Recipe:
    """A stranger's recipe: their record is not ours."""
    return replace(recipe_from(value), trust="untested", origin=sender, wins=0, losses=0)
