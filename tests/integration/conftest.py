"""Real containers: a sandbox, and a whole installation."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from sandbox.errors import EngineUnavailable
from sandbox.trial import Limits, Sandbox
from tests.installation import Installation, installation

OpenSandbox = Callable[[Limits], AbstractContextManager[Sandbox]]


@pytest.fixture(scope="session")
def real_sandbox(tmp_path_factory: pytest.TempPathFactory) -> OpenSandbox:
    """Opens the engine on this machine; without one: failed under CI, else skipped."""

    @contextmanager
    def opened(limits: Limits) -> Iterator[Sandbox]:
        state = tmp_path_factory.mktemp("state")
        made = Sandbox(
            docker_host=None, limits=limits, slots=2, state=state, progress=lambda _: None
        )
        try:
            made.sweep()
        except EngineUnavailable as fault:
            if os.environ.get("CI"):
                pytest.fail(f"CI must have a Docker engine: {fault}")
            pytest.skip(f"no Docker engine: {fault}")
        yield made
        made.close()
        left = made.sweep()
        made.prune(0)
        made.close()
        assert left == 0, f"{left} containers were left behind"

    return opened


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    """A shop with one bug."""
    with installation(tmp_path) as here:
        yield here
