"""Secrets of the caller and of the target: none is seen inside, none rests in an image."""

from collections.abc import Iterator

import pytest

from tests.leaking import LOOKS, Ground, ground

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module", params=[True, False], ids=["copied tree", "read-only tree"])
def here(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """Sixty secrets, in both ways of giving tests a tree."""
    with ground(tmp_path_factory.mktemp("leaks"), writable=request.param) as made:
        assert len(made.planted.values) >= 60
        yield made


@pytest.mark.parametrize("look", LOOKS)
def test_no_secret_is(here: Ground, look: str) -> None:
    """Found by name where there is one."""
    assert LOOKS[look](here) == set()
