"""Bundles: what leaves is signed and harmless, what comes in is checked and not believed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.learning.bundle import BadBundle, pack, unpack
from daemon.learning.keys import BadKey, own_key, public_text
from daemon.learning.recipe import Demo
from daemon.learning.shapes import Shape
from tests.unit.daemon.learning.test_recipes import RECIPE

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HELD = replace(RECIPE, wins=2)


def test_a_bundle_goes_from_one_to_the_other(tmp_path: Path) -> None:
    """Signed here, taken in there: untested, with its origin and without its record."""
    key = own_key(tmp_path)
    packed = pack([HELD], key, now=NOW)

    (taken,) = unpack(packed.data, [public_text(key)])

    assert taken.shape == HELD.shape
    assert (taken.trust, taken.origin) == ("untested", public_text(key))
    assert (taken.wins, taken.losses) == (0, 0)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (RECIPE, "has not held"),
        (replace(HELD, losses=2), "has not held"),
        (replace(HELD, trust="tested", origin="ed25519:x"), "only what was learnt here"),
        (replace(HELD, shape=Shape(before="", after="v1('ada@example.org')")), "a mail address"),
        (
            replace(HELD, demo=Demo(before="x = '/home/ada/x'", after="", test="")),
            "a path of a machine",
        ),
    ],
)
def test_what_may_not_leave_is_kept_back_with_the_reason(
    tmp_path: Path, recipe: Any, said: str
) -> None:
    """Not proven here, not ours, or something personal in it."""
    packed = pack([recipe], own_key(tmp_path), now=NOW)

    assert packed.count == 0
    assert said in packed.kept_back[recipe.id]


def edited(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The bundle after somebody had it in their hands."""
    document = json.loads(data)
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["recipes"][0].update(evidence="9000 percent"), "changed on the way"),
        (lambda d: d.update(recipes=[]), "changed on the way"),
        (lambda d: d.update(signature="AAAA"), "changed on the way"),
        (lambda d: d.update(signature=7), "no text"),
        (lambda d: d.update({"from": "ed25519:AAAA"}), "does not name"),
        (lambda d: d.update(format="other"), "format"),
        (lambda d: d.pop("signature"), "cannot be read"),
        (lambda d: d.update(created=1e400), "cannot be read"),
    ],
)
def test_a_bundle_that_was_tampered_with_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    """Content, signature, sender, form."""
    key = own_key(tmp_path)
    data = edited(pack([HELD], key, now=NOW).data, change)

    with pytest.raises(BadBundle, match=said):
        unpack(data, [public_text(key)])


def test_a_stranger_is_refused_whatever_they_sign(tmp_path: Path) -> None:
    """A good signature of a key nobody trusts is worth nothing."""
    stranger = own_key(tmp_path / "stranger")

    with pytest.raises(BadBundle, match="does not name"):
        unpack(pack([HELD], stranger, now=NOW).data, [public_text(own_key(tmp_path / "own"))])


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"null", b"[" * 100_000, b"x" * (5 << 20)])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    """Whatever the bytes are."""
    with pytest.raises(BadBundle):
        unpack(data, [])


def test_the_key_stays_the_same_and_is_nobodys_business(tmp_path: Path) -> None:
    """Made once, readable by its owner only; a broken one is told."""
    first = public_text(own_key(tmp_path))
    path = tmp_path / "learning.key"

    assert public_text(own_key(tmp_path)) == first
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"short")
    with pytest.raises(BadKey, match="move it away"):
        own_key(tmp_path)
