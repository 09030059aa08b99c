"""Where a planted secret could be seen from inside a trial, or rest in an image."""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sandbox.trial import Bench, Sandbox
from tests.battery import bench, opened
from tests.planting import CONTROL, SCANNER, Planted, found, plant, value

OVERLAP = 200  # bytes of a chunk that are searched again with the next
NO_SECRET = {value(CONTROL)}


@dataclass(frozen=True)
class Ground:
    """A target with secrets in it and around it, prepared by a caller with secrets."""

    sandbox: Sandbox
    bench: Bench
    planted: Planted

    @property
    def client(self) -> Any:
        """The engine's."""
        return self.sandbox._docker.client


@contextmanager
def ground(folder: Path, *, writable: bool) -> Iterator[Ground]:
    """Prepared below the folder, with a dependency layer that nobody else has."""
    target = folder / "target"
    planted = plant(folder, target, folder / "state")
    wanted = f"pytest>=9,!=0.0.{secrets.randbelow(1 << 30)}\n"
    files = {"test_scan.py": SCANNER, "requirements.txt": wanted}
    module = {"writable_tree": writable, "requirements": ("requirements.txt",)}
    with patch.dict(os.environ, planted.environment), opened(folder) as sandbox:
        with bench(sandbox, target, files, **module) as made:
            yield Ground(sandbox, made, planted)
            layer = dependency_layer(Ground(sandbox, made, planted))
        sandbox.prune(0)
        sandbox._docker.remove_image(layer)


def inside(here: Ground) -> set[str]:
    """Every file and environment that tested code can read; the file that is no secret is."""
    run = here.bench.run()
    told = "".join(run.messages.values()) + run.output
    if set(run.outcomes.values()) == {"passed"}:
        return found(told) - NO_SECRET
    return found(told) - NO_SECRET or {f"the search did not run: {run.ending} {told[-2000:]}"}


def told_to_the_engine(here: Ground) -> set[str]:
    """What the engine says of a trial's container to anybody who asks."""
    with here.bench.session({"mode": "echo"}) as session:
        session.receive(10)
        ids = here.sandbox._docker.containers(f"mendd.state={here.sandbox._launcher.label}")
        told = [here.client.inspect_container(each) for each in ids]
    return found(json.dumps(told)) if told else {"no container was seen"}


def in_the_snapshot(here: Ground) -> set[str]:
    """Every layer's bytes, its settings and its history."""
    image = here.bench.image_id
    seen = settings(here, image)
    rest = b""
    for chunk in here.client.get_image(image):
        seen |= found(rest + chunk)
        rest = chunk[-OVERLAP:]
    missing = set() if NO_SECRET & seen or here.bench.writable else {"the layers were not searched"}
    return seen - NO_SECRET | missing


def in_the_dependency_layer(here: Ground) -> set[str]:
    """It is built with the host's proxies and index, which stay out of it."""
    image = dependency_layer(here)
    names = [each.split("=")[0] for each in here.client.inspect_image(image)["Config"]["Env"]]
    return settings(here, image) | ({f"variables {names}"} if names != ["PATH"] else set())


def dependency_layer(here: Ground) -> str:
    """Its id."""
    root = Path(here.bench.module.root)
    return here.sandbox._images.dependencies(root, ("requirements.txt",), None)


def settings(here: Ground, image: str) -> set[str]:
    """What an image is said to be, and how it came about."""
    return found(json.dumps([here.client.inspect_image(image), here.client.history(image)]))


LOOKS: dict[str, Callable[[Ground], set[str]]] = {
    "seen by tested code": inside,
    "told to the engine": told_to_the_engine,
    "in the snapshot's layers": in_the_snapshot,
    "in the dependency layer": in_the_dependency_layer,
}
