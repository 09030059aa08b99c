"""Tests that misbehave on purpose: every one ends with the right name, and harms nothing.

What they may not reach at all stands in tests/attacks (test_walls.py).
"""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.errors import SandboxError
from sandbox.launch import state_label
from sandbox.trial import Ending, Limits, Outcome, Sandbox

pytestmark = pytest.mark.docker


def outcome_of(bench_of: Any, body: str, **module: Any) -> tuple[Any, str]:
    """Run one test with this body; the run and the test's message."""
    text = "import ctypes, os, socket, subprocess, sys, time\n\ndef test_it():\n"
    text += "".join(f"    {line}\n" for line in body.strip().splitlines())
    run = bench_of({"test_it.py": text}, **module).run()
    return run, run.messages.get("test_it.py::test_it", "")


def assert_passes(bench_of: Any, body: str, **module: Any) -> None:
    """The body's own assertions hold inside."""
    run, message = outcome_of(bench_of, body, **module)
    assert run.outcomes == {"test_it.py::test_it": Outcome.PASSED}, (
        message + run.output + run.detail
    )
    assert run.ending is Ending.FINISHED


ALLOWED = {
    "multiprocessing": """
import multiprocessing
with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]""",
    "threads and subprocesses": """
import threading
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True)
assert done.stdout == b"1\\n" """,
    "asyncio and loopback": """
import asyncio
async def main():
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""; writer.close(); server.close()
asyncio.run(main())""",
    "shared memory": """
from multiprocessing import shared_memory
memory = shared_memory.SharedMemory(create=True, size=4096); memory.close(); memory.unlink()""",
    "a fixed hash seed": """
assert os.environ["PYTHONHASHSEED"] == "0" and not sys.flags.hash_randomization
assert not sys.flags.isolated and sys.dont_write_bytecode""",
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_a_test_may_do(bench_of: Any, what: str) -> None:
    """The walls do not get in the way of ordinary suites."""
    assert_passes(bench_of, ALLOWED[what])


def test_a_writable_tree_can_be_written(bench_of: Any) -> None:
    """Beside, over, and away."""
    body = """
open("new.txt", "w").write("x"); open("test_it.py", "a").write("#")
os.mkdir("d"); os.unlink("new.txt")"""
    assert_passes(bench_of, body, writable_tree=True)


def test_a_read_only_tree_cannot(bench_of: Any) -> None:
    """Neither at the snapshot's files nor at changed ones."""
    body = """
for name in ("new.txt", "test_it.py"):
    try: open(name, "a")
    except OSError: pass
    else: raise AssertionError(name)"""
    assert_passes(bench_of, body, writable_tree=False)


def test_an_output_flood_is_cut_off(bench_of: Any) -> None:
    """Past pytest's capture, on the real descriptor; the container is gone soon after."""
    text = "import os\ndef test_it():\n    while True: os.write(1, b'x' * 65536)\n"
    run = bench_of({"test_it.py": text}, command=("pytest", "-s")).run()
    assert run.ending is Ending.FLOODED
    assert len(run.output) <= 64 << 10


def test_a_fork_bomb_is_held_and_ended(bench_of: Any, sandbox: Sandbox) -> None:
    """By the limit on processes, then by the time limit."""
    text = """
import os
def test_it():
    while True:
        try: os.fork()
        except OSError: pass
"""
    started = time.monotonic()
    run = bench_of({"test_it.py": text}).run(timeout_s=2)
    assert run.ending is Ending.TIMED_OUT
    sandbox._launcher.undertaker.close()
    assert sandbox._docker.containers(f"mendd.state={sandbox._launcher.label}") == []
    assert time.monotonic() - started < 60  # not a speed test: only that it comes to an end


def test_daemonised_children_do_not_outlive_the_run(bench_of: Any, sandbox: Sandbox) -> None:
    """A run ends when its main process ends, whoever still holds its output."""
    body = """
for _ in range(5):
    subprocess.Popen(["sleep", "600"], start_new_session=True)"""
    assert_passes(bench_of, body)


RESULT = (
    """{"k":"test","id":"%s","p":"call","o":"passed","sub":null,"n":1,"x":false,"s":0,"m":""}"""
)
FORGERIES = {
    "unknown id": f"os.write(4, {RESULT % 'x'!r}.encode() + b'\\n')",
    "not JSON": "os.write(4, b'hello\\n')",
    "NaN": """os.write(4, b'{"k":"finish","exit":NaN,"stopped":null}\\n')""",
    "deep nesting": "os.write(4, b'[' * 200000 + b'\\n')",
    "early last word": """os.write(4, b'{"k":"finish","exit":0,"stopped":null}\\n'); os._exit(0)""",
    "second result": f"os.write(4, {RESULT % 'test_it.py::test_it'!r}.encode() + b'\\n')",
    "last word before the end": """os.write(4, b'{"k":"finish","exit":0,"stopped":null}\\n')""",
    "a long line": "os.write(4, b'x' * (2 << 20))",
    "endless reports": """
while True: os.write(4, b'{"k":"begun"}\\n' * 1000)""",
    "every assertion passes": """
import _pytest.runner
_pytest.runner.pytest_runtest_call = None
from _pytest.reports import TestReport
old = TestReport.from_item_and_call.__func__
def forged(cls, item, call):
    call.excinfo = None
    return old(cls, item, call)
TestReport.from_item_and_call = classmethod(forged)
assert 0""",
}  # fmt: skip


@pytest.mark.parametrize("what", FORGERIES)
def test_forged_reports_are_named(bench_of: Any, what: str) -> None:
    """Whatever is written to the report pipe by the tested code."""
    run, _ = outcome_of(bench_of, FORGERIES[what])
    assert run.ending is Ending.FORGED, (run.ending, run.detail, run.output)
    assert run.detail


def test_pytest_cut_short_is_no_finished_run(bench_of: Any) -> None:
    """pytest.exit ends the session with tests left over."""
    run, _ = outcome_of(bench_of, "import pytest; pytest.exit('enough', 0)")
    assert run.ending in (Ending.FORGED, Ending.CRASHED)


def test_sys_exit_in_a_test_is_a_failure(bench_of: Any) -> None:
    """As pytest has it."""
    run, _ = outcome_of(bench_of, "sys.exit(0)")
    assert run.outcomes == {"test_it.py::test_it": Outcome.FAILED}


def test_hostile_junit_files_are_not_read(bench_of: Any) -> None:
    """Links, fifos, document types: the exit code stands alone."""
    for make in (
        "os.symlink('/etc/passwd', 'o.xml')",
        "os.mkfifo('o.xml')",
        "open('o.xml', 'w').write('<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>')",
        "open('o.xml', 'w').write('<a' * 100000)",
    ):
        bench = bench_of(
            {"c.py": f"import os\n{make}\n"}, command=("python3", "c.py"), junit_xml="o.xml"
        )
        assert bench.run().outcomes == {"exit code": Outcome.PASSED}


ORPHAN = """
import sys
from pathlib import Path
from sandbox.trial import Limits, Module, Sandbox
made = Sandbox(docker_host=None, limits=Limits(), slots=1, state=Path(sys.argv[1]), progress=print)
bench = made.prepare(Module(name="orphan", root=Path(sys.argv[2])))
bench.warm([], 1)
bench._warm[0][1].result()
bench._launch({}).capsule.begin(bench._job("test_x", (), None, (), 300), 300)
print("running", flush=True)
sys.stdin.read()
"""


def test_a_killed_daemon_leaves_no_container_running(sandbox: Sandbox, tmp_path: Path) -> None:
    """Running and waiting containers end by themselves when nobody listens; the sweep removes."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "test_a.py").write_text("import time\ndef test_a(): time.sleep(300)\n")
    state = tmp_path / "state"
    daemon = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(state), str(tmp_path / "m")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert daemon.stdout is not None and daemon.stdin is not None
    assert daemon.stdout.readline() == "running\n"
    label = f"mendd.state={state_label(state)}"
    assert len(sandbox._docker.containers(label)) == 2
    daemon.kill()
    daemon.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(
        (sandbox._docker.state(each) or {}).get("Running")
        for each in sandbox._docker.containers(label)
    ):
        time.sleep(0.1)
    states = [sandbox._docker.state(each) for each in sandbox._docker.containers(label)]
    assert [state and state["Running"] for state in states] == [False, False]
    swept = Sandbox(
        docker_host=None, limits=Limits(), slots=1, state=state, progress=lambda _: None
    )
    assert swept.sweep() == 2
    swept.close()


def test_kill_all_ends_running_trials(bench_of: Any, sandbox: Sandbox) -> None:
    """A fork bomb, a loop that ignores signals, a flood: none is left."""
    text = """
import os, signal
def test_it():
    for number in range(1, 32):
        if number not in (9, 19, 32, 33): signal.signal(number, signal.SIG_IGN)
    while True:
        try: os.fork()
        except OSError: os.write(1, b"x" * 100)
"""
    bench = bench_of({"test_it.py": text}, command=("pytest", "-s"))
    found: list[BaseException] = []

    def run() -> None:
        try:
            bench.run()
        except SandboxError as fault:
            found.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    label = f"mendd.state={sandbox._launcher.label}"
    while not sandbox._docker.containers(label):
        time.sleep(0.05)
    time.sleep(0.3)
    assert sandbox.kill_all() == 1
    deadline = time.monotonic() + 20  # its own trial may be removing it at the same moment
    while sandbox._docker.containers(label) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sandbox._docker.containers(label) == []
    thread.join(20)
    assert not thread.is_alive()
