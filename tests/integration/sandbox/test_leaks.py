"""Secrets of the caller and of the target: none is seen inside, none rests in an image."""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from sandbox.trial import Bench, Sandbox
from tests.battery import bench, opened
from tests.planting import CONTROL, SCANNER, Planted, found, plant, value

pytestmark = pytest.mark.docker
OVERLAP = 200  # bytes of a chunk that are searched again with the next
Ground = tuple[Sandbox, Bench, Planted]


@pytest.fixture(scope="module", params=[True, False], ids=["copied tree", "read-only tree"])
def ground(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """A target with secrets in it and around it, prepared by a caller with secrets."""
    folder = tmp_path_factory.mktemp("leaks")
    target = folder / "target"
    planted = plant(folder, target, folder / "state")
    lines = f"pytest>=9,!=0.0.{secrets.randbelow(1 << 30)}\n"  # a layer that nobody else has
    files = {"test_scan.py": SCANNER, "requirements.txt": lines}
    module = {"writable_tree": request.param, "requirements": ("requirements.txt",)}
    with (
        patch.dict(os.environ, planted.environment),
        opened(folder) as sandbox,
        bench(sandbox, target, files, **module) as made,
    ):
        yield sandbox, made, planted


def test_enough_is_planted(ground: Ground) -> None:
    """Twenty were asked for."""
    assert len(ground[2].values) >= 60


def test_a_trial_sees_no_secret(ground: Ground) -> None:
    """Every file and environment that tested code can read; what is no secret is found."""
    run = ground[1].run()
    told = "".join(run.messages.values()) + run.output
    assert found(told) <= {value(CONTROL)}, told
    assert set(run.outcomes.values()) == {"passed"}, told


def test_a_trial_s_container_is_told_no_secret(ground: Ground) -> None:
    """What the engine knows of it, for anybody who may ask."""
    with ground[1].session({"mode": "echo"}) as session:
        session.receive(10)
        client = ground[0]._docker.client
        ids = ground[0]._docker.containers(f"mendd.state={ground[0]._launcher.label}")
        told = [client.inspect_container(each) for each in ids]
    assert told and found(json.dumps(told)) == set()


def test_an_image_holds_no_secret(ground: Ground) -> None:
    """Every layer's bytes, its settings and its history: dependencies and snapshot."""
    client, image = ground[0]._docker.client, ground[1].image_id
    told: list[Any] = [client.inspect_image(image), client.history(image)]
    assert found(json.dumps(told)) == set()
    assert in_layers(client, image) <= {value(CONTROL)}


def in_layers(client: Any, image: str) -> set[str]:
    """The planted values in an image as it would be saved."""
    seen: set[str] = set()
    rest = b""
    for chunk in client.get_image(image):
        seen |= found(rest + chunk)
        rest = chunk[-OVERLAP:]
    return seen


def test_a_dependency_layer_holds_no_secret(ground: Ground) -> None:
    """It is built with the host's proxies and index, which stay out of it."""
    sandbox, made, _ = ground
    root = Path(made.module.root)
    image = sandbox._images.dependencies(root, ("requirements.txt",), None)
    client = sandbox._docker.client
    told = client.inspect_image(image)
    try:
        assert found(json.dumps([told, client.history(image)])) == set()
        assert [each.split("=")[0] for each in told["Config"]["Env"]] == ["PATH"]
    finally:
        sandbox._docker.remove_image(image)  # unless the snapshot above needs it
