"""The tools of a worker come from the settings, and the engine's address from where it is said."""

from pathlib import Path

import pytest

from daemon.config.config_file import load_settings
from daemon.desk import workshop
from daemon.settings import Settings


def settings(folder: Path, rest: str = "") -> Settings:
    (folder / "mendd.toml").write_text(f'[[target]]\nname = "a"\npath = "a"\n{rest}')
    return load_settings(folder / "mendd.toml")


@pytest.mark.parametrize(
    ("written", "environment", "used"),
    [
        ("", None, None),
        ("", "unix:///run/user/1/docker.sock", "unix:///run/user/1/docker.sock"),
        ("tcp://build:2375", "unix:///elsewhere.sock", "tcp://build:2375"),
    ],
)
def test_the_engine_is_the_settings_or_the_environments(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: str,
    environment: str | None,
    used: str | None,
) -> None:
    """`sandbox.docker_host` first, then $DOCKER_HOST, else the local socket."""
    asked: dict[str, object] = {}
    monkeypatch.setattr(workshop, "Sandbox", lambda **options: asked.update(options))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    if environment:
        monkeypatch.setenv("DOCKER_HOST", environment)
    rest = f'[sandbox]\ndocker_host = "{written}"\n' if written else ""

    workshop.open_sandbox(settings(tmp_path, rest), lambda _: None)

    assert asked["docker_host"] == used
