"""The attack table (tests/attacks) run in real trial containers; CI and the soak run share it."""

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from docker.errors import APIError

from sandbox.errors import SandboxError
from sandbox.trial import Bench, Limits, Module, Outcome, Run, Sandbox
from tests.attacks import neighbour, table
from tests.attacks.attack import Attack
from tests.attacks.violent import VIOLENT, Violent, text

LIMITS = Limits(
    timeout_s=20, memory_mib=256, pids=64, tmpfs_mib=64, file_mib=16, nofile=128, output_kib=512
)  # small, so that they are soon met
GUEST = """
import pytest
from tests.attacks.{table} import ATTACKS

@pytest.mark.parametrize("attack", ATTACKS, ids=[str(n) for n in range(len(ATTACKS))])
def test_wall(attack):
    met = attack.tried()
    assert met == attack.held, f"MET {{met}}"
"""
HOLD = "def test_it():\n    from tests.attacks.neighbour import hold\n    hold()\n"
FILES = {
    "test_table.py": GUEST.format(table="table"),
    "test_neighbour.py": GUEST.format(table="neighbour"),
    "test_hold.py": HOLD,
    **{f"test_violent_{number}.py": text(each) for number, each in enumerate(VIOLENT)},
}
PLANTED = {"ANTHROPIC_API_KEY": "sk-ant-PLANTED", "HTTPS_PROXY": "http://u:PLANTED@proxy:1"}
PROXIES = {"default": {"httpProxy": "http://u:PLANTED@proxy:1", "noProxy": "PLANTED"}}


@dataclass(frozen=True)
class Met:
    """What an attack met, in words; `held` when it was the wall expected."""

    attack: Attack
    held: bool
    words: str


@contextmanager
def opened(folder: Path, limits: Limits = LIMITS) -> Iterator[Sandbox]:
    """A sandbox of its own below the folder; nothing of it stays."""
    made = Sandbox(
        docker_host=None, limits=limits, slots=2, state=folder / "state", progress=lambda _: None
    )
    try:
        yield made
    finally:
        made.close()
        made.sweep()
        made.prune(0)
        made.close()


@contextmanager
def bench(
    sandbox: Sandbox, root: Path, files: Mapping[str, str], **module: object
) -> Iterator[Bench]:
    """A module of these files, ready to run."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    made = sandbox.prepare(Module(name=root.name, root=root, **module))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


@contextmanager
def planted(folder: Path) -> Iterator[None]:
    """Secrets where a caller has them: its environment, its Docker client's configuration."""
    config = folder / "docker"
    config.mkdir()
    (config / "config.json").write_text(json.dumps({"proxies": PROXIES}))
    with patch.dict(os.environ, {**PLANTED, "DOCKER_CONFIG": str(config)}):
        yield


@contextmanager
def attackers(folder: Path, **module: object) -> Iterator[tuple[Sandbox, Bench]]:
    """A module that holds the tables, prepared by a caller with secrets."""
    root, compiled = folder / "attacks", shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(__file__).with_name("attacks"), root / "tests/attacks", ignore=compiled)
    with planted(folder), opened(folder) as sandbox, bench(sandbox, root, FILES, **module) as made:
        yield sandbox, made


def battery(made: Bench) -> list[Met]:
    """Every attack of the table in one container."""
    return list(read(made.run(only=["test_table.py"]), "test_table.py", table.ATTACKS))


def ended(made: Bench, number: int) -> Run:
    """How a run with this one of the violent tests ends; its output is not captured."""
    loud = made.with_command(("pytest", "-s"))
    try:
        return loud.run(only=[f"test_violent_{number}.py"], timeout_s=VIOLENT[number].timeout_s)
    finally:
        loud.close()


def as_called(violent: Violent, run: Run) -> bool:
    """Whether a run ended as it must; its test was collected, but nothing is FINISHED."""
    return run.ending == violent.ending and len(run.collected) == 1


def beside(made: Bench) -> list[Met]:
    """What a second container sees of the first; run it while `holder` holds."""
    return list(read(made.run(only=["test_neighbour.py"]), "test_neighbour.py", neighbour.ATTACKS))


@contextmanager
def holder(sandbox: Sandbox, made: Bench) -> Iterator[str]:
    """The id of a container whose test has left its marks and taken all processes it may."""
    stop, faults = threading.Event(), []

    def run() -> None:
        try:
            faults.append(made.run(only=["test_hold.py"], timeout_s=300, stop=stop).detail)
        except SandboxError as fault:
            faults.append(str(fault))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield full(sandbox, faults)
        assert thread.is_alive(), f"the holder ended early: {faults}"
    finally:
        stop.set()
        thread.join(30)


def full(sandbox: Sandbox, faults: list[str]) -> str:
    """Wait until a container of the sandbox has as many processes as it may."""
    docker = sandbox._docker
    while not faults:
        for found in docker.containers(f"mendd.state={sandbox._launcher.label}"):
            with contextlib.suppress(APIError):  # not started yet
                if len(docker.client.top(found)["Processes"] or ()) >= LIMITS.pids - 2:
                    return found
        time.sleep(0.05)
    raise AssertionError(f"nothing was held: {faults}")


def read(run: Run, file: str, attacks: Sequence[Attack]) -> Iterator[Met]:
    """A run's outcomes as what each attack met; a row without an outcome did not hold."""
    for number, attack in enumerate(attacks):
        name = f"{file}::test_wall[{number}]"
        outcome, message = run.outcomes.get(name), run.messages.get(name, "")
        if outcome is Outcome.PASSED:
            yield Met(attack, True, attack.held)
        else:
            yield Met(attack, False, told(message) or f"{run.ending} {run.detail}")


def told(message: str) -> str:
    """What a failed row says it met, or the exception that kept it from saying so."""
    shown = [line.removeprefix("E").strip() for line in message.splitlines() if line[:1] == "E"]
    met = [line.split("MET ", 1)[1] for line in shown if "MET " in line]
    return met[0] if met else " ".join(shown)
