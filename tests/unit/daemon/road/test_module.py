"""A target as the sandbox gets to know it."""

from pathlib import Path

import pytest

from daemon.road.module import module_of
from daemon.settings import TargetSettings


@pytest.mark.parametrize(
    ("named", "asked"),
    [((), None), (("dev.txt",), ("dev.txt",)), (("-",), ())],
)
def test_requirements_are_named_found_or_none(
    named: tuple[str, ...], asked: tuple[str, ...] | None
) -> None:
    """Nothing named: the sandbox looks for them itself; "-" says that there is nothing to find."""
    target = TargetSettings(name="shop", path=Path("/srv/shop"), requirements=named)

    assert module_of(target).requirements == asked
