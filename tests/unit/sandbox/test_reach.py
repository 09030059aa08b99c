"""Who may speak to the engine, and what that makes of them."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.container import Docker
from sandbox.errors import EngineUnavailable
from sandbox.reach import members, reach, user_ids

ROOTFUL: dict[str, Any] = {"SecurityOptions": ["name=seccomp,profile=default"]}
REMAPPED: dict[str, Any] = {"SecurityOptions": ["name=seccomp,profile=default", "name=userns"]}
ROOTLESS: dict[str, Any] = {"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Path]:
    """A socket like the engine's."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        yield path


@pytest.mark.parametrize(
    ("mode", "info", "ok", "words"),
    [
        (0o660, ROOTFUL, None, "is root on this machine, mendd included"),
        (0o660, REMAPPED, None, "is root on this machine, mendd included"),
        (0o600, ROOTFUL, None, "is root on this machine, mendd included"),
        (0o666, ROOTFUL, False, "every user of this machine"),
        (0o602, ROOTFUL, False, "every user of this machine"),
        (0o660, ROOTLESS, True, "not root"),
        (0o666, ROOTLESS, False, "the engine's user"),
    ],
)
def test_a_socket_by_its_mode(
    door: Path, mode: int, info: dict[str, Any], ok: bool | None, words: str
) -> None:
    """The docker group is root, remapped or not; open to all is a fault; rootless is the way."""
    door.chmod(mode)
    found = reach(f"unix://{door}", info)
    assert found.ok is ok and words in found.detail
    assert bool(found.remedy) is not (ok is True)
    assert ("rootless" in found.remedy) is (ok is None)
    assert ("the group" in found.detail) is (mode == 0o660 and ok is None)


def test_the_group_s_members_are_named(door: Path) -> None:
    """Those whose first group it is, too."""
    door.chmod(0o660)
    os.chown(door, -1, os.getgid())
    named = members(os.getgid())
    assert named and named in reach(f"unix://{door}", ROOTFUL).detail
    assert members(4_000_000_000) == "nobody in it now"


@pytest.mark.parametrize(
    ("address", "ok"),
    [
        ("tcp://10.0.0.5:2375", False), ("http://engine.example:2375", False),
        ("tcp://127.0.0.1:2375", None), ("tcp://localhost:2375", None), ("tcp://[::1]:2375", None),
        ("tcp://0.0.0.0:2375", False), ("ssh://mendd@engine.example", True),
    ],
)  # fmt: skip
def test_an_address_in_the_network(address: str, ok: bool | None) -> None:
    """Neither encrypted nor asked who it is; on this machine alone it is only weak."""
    found = reach(address, ROOTFUL)
    assert found.ok is ok and address in found.detail
    assert bool(found.remedy) is not (ok is True)


@pytest.mark.parametrize(
    "warning",
    [
        "WARNING: API is accessible on http://0.0.0.0:2375 without encryption.\n  Access to the "
        "remote API is equivalent to root access on the host.",
        "[DEPRECATION NOTICE]: API is accessible on http://0.0.0.0:2375 without TLS client "
        "verification.",
    ],
)
def test_an_engine_that_answers_anybody_is_a_fault(door: Path, warning: str) -> None:
    """By its own word, whatever way mendd takes to it."""
    door.chmod(0o600)
    info = {**ROOTFUL, "Warnings": ["WARNING: No swap limit support", warning]}
    found = reach(f"unix://{door}", info)
    assert found.ok is False and "http://0.0.0.0:2375" in found.detail and found.remedy


def test_a_socket_that_cannot_be_looked_at_is_weak(tmp_path: Path) -> None:
    """It may be one of another machine, passed through."""
    found = reach(f"unix://{tmp_path}/none.sock", ROOTFUL)
    assert found.ok is None and "No such file" in found.detail and found.remedy


@pytest.mark.parametrize(
    ("info", "taken", "ok"),
    [
        (ROOTFUL, [0, 1000, 65534], True), (ROOTFUL, [0, 10001], None),
        (ROOTFUL, [10064], None), (ROOTFUL, [10065], True),
        (REMAPPED, [10001], True), (ROOTLESS, [10001], True),
    ],
)  # fmt: skip
def test_user_ids_of_tested_code(info: dict[str, Any], taken: list[int], ok: bool | None) -> None:
    """An account of the host with the same number would own what tested code leaves."""
    found = user_ids(info, range(10001, 10065), taken)
    assert found.ok is ok and bool(found.remedy) is not (ok is True)


@pytest.mark.parametrize(
    "text", ['{"auths": {"r": {"auth": "x"}}}', '{"auths": {"r": {"auth": 1}}}']
)
def test_broken_settings_of_docker_s_client_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Not a traceback: the SDK reads them, and raises what it meets."""
    (tmp_path / "config.json").write_text(text)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(EngineUnavailable, match="settings of Docker's client"):
        Docker(f"unix://{tmp_path}/none.sock").version()
