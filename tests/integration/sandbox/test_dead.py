"""The engine or the container goes in the middle: always an exception, never a test result."""

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import capsule, container
from sandbox.errors import EngineUnavailable, SandboxDied, SandboxError
from sandbox.trial import Bench, Limits, Module, Sandbox
from tests.wire import Wire, a_wire

pytestmark = [
    pytest.mark.docker,
    # The Docker SDK leaves the sockets of broken connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HANGS = "import time\n\ndef test_hangs():\n    time.sleep(60)\n"
FLOOD = """\
import os, threading

def flood():
    while True: os.write(4, b'{"more": 1}\\n' * 1000)

threading.Thread(target=flood, daemon=True).start()

def test_a(): pass
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of patience instead of a minute; what is tested is the answer."""
    monkeypatch.setattr(capsule, "QUIET_S", 0.5)
    monkeypatch.setattr(container, "ANSWER_TIMEOUT_S", 2)


@contextmanager
def bench_behind(wire: Wire, folder: Path, text: str) -> Iterator[Bench]:
    """One module, whose containers are reached over the wire."""
    (folder / "m").mkdir()
    (folder / "m" / "test_a.py").write_text(text)
    state = folder / "state"
    made = [
        Sandbox(docker_host=host, limits=Limits(), slots=1, state=state, progress=lambda _: None)
        for host in (wire.address, None)
    ]
    bench = made[0].prepare(Module(name="m", root=folder / "m"))
    try:
        yield bench
    finally:
        bench.close()
        wire.cut()
        made[1].sweep()
        made[1].prune(0)
        for each in made:
            each.close()
        gc.collect()


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("cut", EngineUnavailable),
        ("refuse", EngineUnavailable),
        ("freeze", EngineUnavailable),
        ("sever", SandboxDied),
        ("mute", SandboxDied),
    ],
)
def test_an_engine_that_breaks_under_a_trial(tmp_path: Path, how: str, error: type) -> None:
    """Whatever the wire does, it is not read as a test that hangs or a suite that crashes."""
    with a_wire() as wire, bench_behind(wire, tmp_path, HANGS) as bench:
        wire.cut_at, wire.how = wire.starts + 1, getattr(wire, how)

        with pytest.raises(error):
            bench.run(timeout_s=2)


@pytest.mark.parametrize(("how", "error"), [("freeze", EngineUnavailable), ("mute", SandboxDied)])
def test_an_engine_that_falls_silent_in_a_session(
    tmp_path: Path, how: str, error: type[SandboxError]
) -> None:
    """Who waits for the guest learns that nobody will answer, and why."""
    with a_wire() as wire, bench_behind(wire, tmp_path, HANGS) as bench:
        wire.cut_at, wire.how = wire.starts + 1, getattr(wire, how)

        with bench.session({"mode": "echo"}, timeout_s=2) as session, pytest.raises(error):
            while session.receive(5.0) is not None or session.ending is None:
                pass


def test_a_build_whose_container_is_gone_is_no_slow_build(sandbox: Sandbox) -> None:
    """Removed by the kill switch while pip ran in it: an error of the sandbox's own family."""
    with pytest.raises(SandboxDied, match="waiting for a build container"):
        sandbox._docker.wait("nosuchcontainer", 5)


def test_a_flood_that_nobody_reads_does_not_hold_up_the_kill_switch(
    bench_of: Any, sandbox: Sandbox
) -> None:
    """The engine cannot kill a container while its stream is stuck: it is ended first.

    Seen: a kill that took until the session was closed by its owner.
    """
    bench = bench_of({"test_a.py": FLOOD})
    job = {"mode": "screen", "arguments": [], "memory_mib": 128, "module_path": True}
    with bench.session(job) as session:
        assert session.receive(20.0) is not None
        time.sleep(2)  # until every buffer on the way is full

        killing = threading.Thread(target=sandbox.kill_all, daemon=True)
        killing.start()
        killing.join(20)

        assert not killing.is_alive()
        assert sandbox.running() == 0
