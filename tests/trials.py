"""Real trials for the checks that break, flood and count them."""

import contextlib
import gc
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker

from sandbox import capsule, container
from sandbox.errors import SandboxError
from sandbox.trial import Bench, Limits, Module, Run, Sandbox
from tests.measuring import processes_of

LIMITS = Limits(
    timeout_s=60, memory_mib=256, pids=64, tmpfs_mib=64, file_mib=64, nofile=128, output_kib=1024
)
PATIENCE_S = 30.0


@contextlib.contextmanager
def a_sandbox(
    folder: Path, *, docker_host: str | None = None, limits: Limits = LIMITS, slots: int = 2
) -> Iterator[Sandbox]:
    """A sandbox with its state in `folder`, of which nothing is left in the end."""
    made = Sandbox(
        docker_host=docker_host, limits=limits, slots=slots, state=folder / "state",
        progress=lambda _: None,
    )  # fmt: skip
    try:
        yield made
    finally:
        made.close()
        with contextlib.suppress(SandboxError):
            made.sweep()
            made.prune(0)
        made.close()
        gc.collect()  # what the Docker SDK left unclosed


def a_bench(made: Sandbox, folder: Path, files: Mapping[str, str], **module: Any) -> Bench:
    """A module of these files, prepared."""
    root = folder / f"module-{secrets.token_hex(4)}"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return made.prepare(Module(name=root.name, root=root, **module))


def containers_of(made: Sandbox) -> list[str]:
    """Its containers, running or not, as the engine itself tells: not by the product's words."""
    with contextlib.closing(docker.APIClient(made._docker.host, version="auto")) as engine:
        label = f"mendd.state={made._launcher.label}"
        return [each["Id"] for each in engine.containers(all=True, filters={"label": label})]


class Trial:
    """A trial that runs in a thread of its own."""

    def __init__(self, made: Sandbox, bench: Bench, processes: int) -> None:
        """Returns once its container has that many processes."""
        self.told: Run | SandboxError | None = None
        self._bench = bench
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.container = ""
        if not until(lambda: len(self._processes(made)) >= processes):
            raise AssertionError(f"the trial does not get under way: {self.told}")

    def _run(self) -> None:
        try:
            self.told = self._bench.run()
        except SandboxError as fault:
            self.told = fault

    def _processes(self, made: Sandbox) -> list[int]:
        found = containers_of(made)
        self.container = found[0] if found else ""
        return processes_of(self.container) if found else []

    def outcome(self) -> Run | SandboxError | None:
        """How it ended; None when it does not."""
        self._thread.join(PATIENCE_S)
        return None if self._thread.is_alive() else self.told


def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Wait for it; whether it came."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Seconds of patience with the engine instead of a minute: what is looked at is the answer."""
    before = capsule.QUIET_S, container.ANSWER_TIMEOUT_S
    capsule.QUIET_S, container.ANSWER_TIMEOUT_S = 0.5, 2
    try:
        yield
    finally:
        capsule.QUIET_S, container.ANSWER_TIMEOUT_S = before
