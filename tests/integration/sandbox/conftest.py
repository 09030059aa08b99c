"""A real sandbox for a session, and modules made of a few files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.errors import EngineUnavailable
from sandbox.trial import Bench, Limits, Module, Sandbox

LIMITS = Limits(
    timeout_s=20, memory_mib=256, pids=64, tmpfs_mib=64, file_mib=16, nofile=128, output_kib=512
)
MakeBench = Callable[..., Bench]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The engine on this machine; without one: failed under CI, else skipped."""
    state = tmp_path_factory.mktemp("state")
    made = Sandbox(docker_host=None, limits=LIMITS, slots=2, state=state, progress=lambda _: None)
    try:
        made.sweep()
    except EngineUnavailable as fault:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have a Docker engine: {fault}")
        pytest.skip(f"no Docker engine: {fault}")
    yield made
    made.close()
    left = made.sweep()
    made.close()
    assert left == 0, f"{left} containers were left behind"


@pytest.fixture
def bench_of(sandbox: Sandbox, tmp_path: Path) -> Iterator[MakeBench]:
    """Makes a bench from files; further arguments go to Module."""
    benches: list[Bench] = []

    def make(files: dict[str, str], **module: Any) -> Bench:
        root = tmp_path / f"module{len(benches)}"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        benches.append(sandbox.prepare(Module(name=root.name, root=root, **module)))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()
        sandbox._docker.remove_image(bench.image_id)  # unless a neighbour uses the same tree
