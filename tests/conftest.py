"""What every test may rely on: the Docker rule, and a clock that stands still."""

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need Docker skip with a reason on a laptop without it, and run under CI.

    Under CI they are never skipped: without an engine they fail, so absence is never success.
    """
    needing = [item for item in items if item.get_closest_marker("docker")]
    if not needing or os.environ.get("CI") or engine_answers():
        return
    for item in needing:
        item.add_marker(pytest.mark.skip(reason="no Docker engine answers; set CI=1 to insist"))


def engine_answers() -> bool:
    """Whether a Docker engine can be reached from here."""
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@pytest.fixture
def now() -> datetime:
    """A moment to work with."""
    return datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_secrets_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test may meet a real key or a real configuration."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("MENDD_CONFIG", raising=False)
    yield
