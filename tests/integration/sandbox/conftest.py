"""A real sandbox for a session, and modules made of a few files."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from sandbox.trial import Bench, Limits, Module, Sandbox
from tests.battery import LIMITS

MakeBench = Callable[..., Bench]


@pytest.fixture(scope="session")
def sandbox(
    real_sandbox: Callable[[Limits], AbstractContextManager[Sandbox]],
) -> Iterator[Sandbox]:
    """With small limits, so that they are soon met."""
    with real_sandbox(LIMITS) as made:
        yield made


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
