"""What judges a patch cannot be named by one, nor anything outside the module."""

import random
from pathlib import Path

from tests import escaping
from tests.soak.judge import gate_of


def test_no_spelling_of_a_frozen_or_foreign_file_is_let_through(tmp_path: Path) -> None:
    """110 of each; the whole count and the layers below run in `make soak`."""
    root = tmp_path / "module"
    root.mkdir()
    escaping.laid_out(root)
    rng = random.Random(7)  # noqa: S311 -- repeatable on purpose

    attempts = [*escaping.frozen(rng, 110), *escaping.escapes(rng, root, 110)]

    assert [each for each in attempts if gate_of(each.name, root, rng) != "scope"] == []
