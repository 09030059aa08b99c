"""Tests that misbehave on purpose: every one ends with the right name, and harms nothing."""

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


REFUSED = {
    "network": """
for where in (("10.0.0.1", 80), ("172.17.0.1", 80), ("192.0.2.1", 53)):
    sock = socket.socket(); sock.settimeout(2)
    try: sock.connect(where)
    except OSError as fault: assert fault.errno == 101, fault
    else: raise AssertionError("reached " + where[0])""",
    "name lookup": """
try: socket.getaddrinfo("example.org", 80)
except socket.gaierror: pass
else: raise AssertionError("resolved")""",
    "odd socket families": """
for family, kind in ((40, 1), (38, 5), (17, 3), (16, 3), (2, 3)):
    try: socket.socket(family, kind, 1 if family == 2 else 0)
    except PermissionError: pass
    else: raise AssertionError(f"family {family} opens")""",
    "system calls": """
libc = ctypes.CDLL(None, use_errno=True)
numbers = dict(ptrace=101, io_uring_setup=425, memfd_create=319, unshare=272, mount=165, bpf=321,
    setns=308, keyctl=250, userfaultfd=323, process_vm_readv=310, kcmp=312, pidfd_getfd=438,
    personality=135, perf_event_open=298, open_by_handle_at=304, shmget=29, add_key=248,
    init_module=175, kexec_load=246, reboot=169, vmsplice=278, memfd_secret=447, landlock=444)
for name, number in numbers.items():
    ctypes.set_errno(0)
    got = libc.syscall(number, 0xffffffff if name == "personality" else 0, 0, 0, 0, 0)
    assert (got, ctypes.get_errno()) == (-1, 1), (name, got, ctypes.get_errno())""",
    "harness memory and streams": """
mine, others = os.getuid(), 0
for pid in filter(str.isdigit, os.listdir("/proc")):
    if os.stat(f"/proc/{pid}").st_uid == mine: continue
    others += 1
    for name in ("mem", "environ", "fd/1", "root/etc/passwd", "maps"):
        try: open(f"/proc/{pid}/{name}", "rb").read(1)
        except OSError as fault: assert fault.errno in (1, 13), fault
        else: raise AssertionError(f"opened {name} of {pid}")
    try: os.kill(int(pid), 0)
    except PermissionError: pass
    else: raise AssertionError("may signal " + pid)
assert others >= 2""",
    "privileges": """
status = open("/proc/self/status").read()
assert "CapEff:\\t0000000000000000" in status and "CapPrm:\\t0000000000000000" in status
assert "CapBnd:\\t00000000000000e0" in status and "NoNewPrivs:\\t1" in status
assert "Seccomp:\\t2" in status
assert os.getuid() == os.getgid() >= 10001 and os.getgroups() in ([], [os.getgid()])
for call in (os.setuid, os.setgid):
    try: call(0)
    except PermissionError: pass
    else: raise AssertionError("became root")""",
    "root file system": """
for path in ("/x", "/etc/passwd", "/etc/hosts", "/mendd/x", "/usr/x", "/proc/sys/kernel/hostname",
    "/sys/x", "/mendd/mendd_guest/plugin.py", "/etc/resolv.conf"):
    try: open(path, "ab")
    except OSError: pass
    else: raise AssertionError("wrote " + path)""",
    "programs in tmpfs": """
import shutil
for folder in ("/tmp", "/module", "/dev/shm"):
    try: shutil.copy("/bin/true", folder + "/prog")
    except OSError: continue
    os.chmod(folder + "/prog", 0o755)
    try: subprocess.run([folder + "/prog"])
    except PermissionError: pass
    else: raise AssertionError("ran from " + folder)""",
    "file size": """
import errno, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open("/tmp/big", "wb") as file: file.truncate(1 << 40)
except OSError as fault: assert fault.errno == errno.EFBIG
else: raise AssertionError("1 TiB")""",
    "tmpfs size and inodes": """
import errno
try:
    for number in range(100):
        with open(f"/tmp/f{number}", "wb") as file: file.write(bytes(8 << 20))
except OSError as fault: assert fault.errno == errno.ENOSPC and number == 7 or number == 8, number
else: raise AssertionError("800 MiB")
for name in os.listdir("/tmp"):
    if name.startswith("f"): os.unlink("/tmp/" + name)
try:
    for number in range(40000): open(f"/tmp/i{number}", "wb").close()
except OSError as fault: assert fault.errno == errno.ENOSPC
else: raise AssertionError("40000 inodes")""",
    "open files": """
held = []
try:
    while True: held.append(os.open("/dev/null", 0))
except OSError as fault: assert fault.errno == 24 and len(held) < 128
for each in held: os.close(each)""",
    "environment": """
allowed = {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED", "COVERAGE_FILE", "USER", "LOGNAME", "PYTEST_CURRENT_TEST", "LC_CTYPE",
    "PYTEST_VERSION"}
assert set(os.environ) <= allowed, set(os.environ) - allowed
assert not os.path.exists("/var/run/docker.sock") and not os.path.exists("/run/docker.sock")""",
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_test_may_not_do(bench_of: Any, what: str) -> None:
    """Every attempt is refused with the error that shows which wall held."""
    assert_passes(bench_of, REFUSED[what])


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


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        ("os._exit(0)", Ending.CRASHED),
        ("os._exit(1)", Ending.CRASHED),
        ("os.kill(os.getpid(), 9)", Ending.CRASHED),
        ("ctypes.string_at(0)", Ending.CRASHED),
        ("bytearray(600 << 20)", Ending.OUT_OF_MEMORY),
        (
            "subprocess.run([sys.executable, '-c', 'bytearray(600 << 20)'])",
            Ending.OUT_OF_MEMORY,
        ),
    ],
)
def test_every_violent_end_has_its_name(bench_of: Any, body: str, ending: Ending) -> None:
    """None of them is FINISHED, and none an exception."""
    run, _ = outcome_of(bench_of, body)
    assert run.ending is ending, run.detail
    assert run.collected == ("test_it.py::test_it",)


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
