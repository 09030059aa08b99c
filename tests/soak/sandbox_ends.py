"""How fast and how surely a container is gone: killed by us, or left behind by a killed daemon."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from daemon.desk.workshop import killed_all
from daemon.killswitch import KillSwitch, StopSignal
from sandbox.errors import SandboxError
from sandbox.trial import Sandbox
from tests.measuring import percentiles, processes_of
from tests.soak.check import Check, Row, Setting
from tests.trials import LIMITS, Trial, a_bench, a_sandbox, containers_of, until

KILLS, KILL_MOST_S = 20, 2.0
DAEMONS, SWEPT_MOST_S = 50, 10.0
OURS = 4  # init, harness, the keeper of the tests, and their worker
HEAD = "import os, signal, subprocess, time\n\n"
DEAF = "    for each in set(range(1, 65)) - {9, 19, 32, 33}: signal.signal(each, signal.SIG_IGN)\n"
LOOP = "    while True: pass\n"
BODIES = {
    "loop": (OURS, LOOP),
    "loop deaf to every signal": (OURS, DEAF + LOOP),
    "fork bomb": (
        LIMITS.pids - 4,
        "    while True:\n        try: os.fork()\n        except OSError: pass\n",
    ),
    "20 daemonised children": (
        OURS + 20,
        "    for _ in range(20): subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        + LOOP,
    ),
}


def kill_latency(setting: Setting) -> Iterator[Row]:
    """From the call, or the switch's file, to no process and no container."""
    with a_sandbox(setting.folder) as made:
        for what, (processes, body) in BODIES.items():
            yield kills(setting, made, what, processes, body, made.kill_all)
        path = setting.folder / "KILL"

        def thrown() -> None:
            path.unlink(missing_ok=True)
            switch = KillSwitch(path)
            StopSignal(switch, lambda: killed_all(made)).listen(signals=False)
            switch.throw("a check", "soak")

        yield kills(setting, made, "loop, by the switch's file", OURS, LOOP, thrown)


def kills(
    setting: Setting,
    made: Sandbox,
    what: str,
    processes: int,
    body: str,
    kill: Callable[[], object],
) -> Row:
    """One kind of tests, killed again and again."""
    text = f"{HEAD}def test_it():\n{body}"
    bench = a_bench(made, setting.folder, {"test_it.py": text}, test_timeout_s=60)
    seconds, broken = [], 0
    for number in range(times := setting.times(KILLS)):
        setting.say(f"{what} {number}")
        trial = Trial(made, bench, processes)
        time.sleep(setting.rng.uniform(0.1, 0.6))
        began = time.monotonic()
        kill()
        gone = until(lambda: not containers_of(made) and not processes_of(trial.container), 10)  # noqa: B023
        seconds.append(time.monotonic() - began)
        told = isinstance(trial.outcome(), SandboxError)
        broken += not gone or not told or seconds[-1] > KILL_MOST_S
    bench.close()
    return Row(what, times, broken, percentiles(seconds))


DAEMON = """
import sys
from pathlib import Path
from sandbox.trial import Limits, Module, Sandbox
state, module = map(Path, sys.argv[1:])
made = Sandbox(docker_host=None, limits=Limits(), slots=1, state=state, progress=lambda _: None)
print("swept", made.sweep(), flush=True)
if module.is_dir():
    bench = made.prepare(Module(name="m", root=module))
    print("ready", flush=True)
    while True:
        bench.warm([], 2)
        bench.run()
"""


def killed_daemon(setting: Setting) -> Iterator[Row]:
    """SIGKILL while containers are made, wait, run and go; a new process sweeps at its start."""
    module, state = setting.folder / "m", setting.folder / "state"
    module.mkdir()
    (module / "test_a.py").write_text("import time\n\ndef test_a(): time.sleep(0.3)\n")
    seconds, swept, broken, late = [], 0, 0, 0
    with a_sandbox(setting.folder) as made:
        for number in range(times := setting.times(DAEMONS)):
            setting.say(f"daemon {number}")
            with daemon(state, module) as first:
                assert first.stdout is not None
                while (line := first.stdout.readline()) != "ready\n":
                    assert line, "the daemon did not start"
                time.sleep(setting.rng.uniform(0, 2))
                first.kill()
            began = time.monotonic()
            with daemon(state, Path("/nowhere")) as second:
                swept += int(second.communicate()[0].split()[1])
            gone = until(lambda: not containers_of(made), SWEPT_MOST_S)
            seconds.append(time.monotonic() - began)
            broken += not gone
            time.sleep(0.5)  # what the engine was still asked to make comes late
            late += bool(containers_of(made))
    yield Row("containers gone after a restart", times, broken, percentiles(seconds))
    yield Row("nothing comes up behind the sweep", times, late, f"{swept} swept in all")


def daemon(state: Path, module: Path) -> subprocess.Popen[str]:
    """A process that tries one module for ever; without a module it only clears up."""
    return subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(state), str(module)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


CHECKS = (
    Check(
        "sandbox.kill-latency",
        "p95 0.5 s (quiet machine), never over 2 s; no process and no container left",
        kill_latency,
    ),
    Check(
        "sandbox.killed-daemon",
        "50 SIGKILLs at random moments: no container of ours 10 s after the restart",
        killed_daemon,
    ),
)
