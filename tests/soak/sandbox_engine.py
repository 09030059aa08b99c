"""A Docker engine of our own: restarted under trials, and used a thousand times in a row."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from sandbox.trial import Ending, Outcome
from tests.installation import Installation, installation
from tests.measuring import memory_mib, percentiles
from tests.private_engine import PrivateEngine, private_engine
from tests.soak.check import Check, Row, Setting
from tests.soak.sandbox_dead import applied_once, waiting
from tests.trials import a_bench, a_sandbox, containers_of, impatient, until

RESTARTS, MOST_BREAK_S = 12, 8.0
THOUSAND, WARM_UP, MEMORY_MOST_MIB = 1000, 50, 10.0
SLOW = "import time\n\ndef test_slow():\n    time.sleep(1)\n"


def crashes(engine: PrivateEngine) -> None:
    """SIGKILL, and nobody starts it again for now."""
    engine.kill()


def crashes_and_returns(engine: PrivateEngine) -> None:
    """SIGKILL, and its supervisor starts it at once."""
    engine.kill()
    engine.start()


def restarts(engine: PrivateEngine) -> None:
    """`systemctl restart docker`: it ends its containers before it goes."""
    engine.stop()
    engine.start()


def engine_restart(setting: Setting) -> Iterator[Row]:
    """At a random moment of a mend; afterwards the next one works, and nothing is left."""
    with private_engine(setting.folder / "engine") as engine, impatient():
        for how in (crashes, crashes_and_returns, restarts):
            broken = waited = left = 0
            for number in range(times := setting.times(RESTARTS // 3)):
                setting.say(f"{how.__name__} {number}")
                folder = setting.folder / f"{how.__name__}-{number}"
                folder.mkdir()
                before = engine.layers()
                with installation(folder) as here:
                    interrupted, fine = mended_over(here, engine, how, setting)
                waited += interrupted
                broken += not fine
                left += bool(leftovers(engine, here, before))
            name = how.__name__.replace("_", " ")
            yield Row(f"the engine {name}", times, broken, f"{waited} interrupted")
            yield Row("then: processes, containers, layers left", times, left)


def mended_over(
    here: Installation,
    engine: PrivateEngine,
    how: Callable[[PrivateEngine], None],
    setting: Setting,
) -> tuple[bool, bool]:
    """Whether the break was met, and whether everything was as it must be all the same."""
    rest = f'[sandbox]\ndocker_host = "{engine.address}"'
    here.write("test_slow.py", SLOW)
    breaking = threading.Timer(setting.rng.uniform(0, MOST_BREAK_S), how, [engine])
    breaking.start()
    here.mend("timeout_s = 10", rest)
    interrupted, mended = waiting(here), applied_once(here)
    breaking.join()
    if not engine.answers():
        engine.start()
    here.now += timedelta(hours=1)
    here.work()
    return interrupted, (interrupted or mended) and applied_once(here)


def leftovers(engine: PrivateEngine, here: Installation, before: set[str]) -> list[str]:
    """What is still there once this installation's snapshots are removed."""
    containers = engine.containers()  # before anybody sweeps
    with a_sandbox(here.folder, docker_host=engine.address):
        pass
    until(lambda: not engine.processes(), 5)
    processes = [f"process {pid}" for pid in engine.processes()]
    return [*processes, *containers, *(engine.layers() - before)]


def thousand(setting: Setting) -> Iterator[Row]:
    """One after the other, each in a fresh container."""
    with (
        private_engine(setting.folder / "engine") as engine,
        a_sandbox(setting.folder, docker_host=engine.address) as made,
    ):
        bench = a_bench(made, setting.folder, {"test_a.py": "def test_a(): pass\n"})
        for _ in range(min(WARM_UP, setting.times(THOUSAND))):
            bench.run()
        until(lambda: not containers_of(made))
        layers, mounts, memory = engine.layers(), engine.mounts(), memories(engine)
        seconds, broken = [], 0
        for number in range(times := setting.times(THOUSAND)):
            setting.say(f"trial {number}")
            began = time.monotonic()
            run = bench.run()
            seconds.append(time.monotonic() - began)
            passed = list(run.outcomes.values()) == [Outcome.PASSED]
            broken += run.ending is not Ending.FINISHED or not passed
        yield Row("trials", times, broken, percentiles(seconds))
        until(lambda: not containers_of(made))
        left = [len(engine.containers()), len(engine.layers() - layers), engine.mounts() - mounts]
        names = ("containers", "layers", "mounts")
        told = ", ".join(f"{number} {name}" for number, name in zip(left, names, strict=True))
        yield Row("left behind", times, sum(left), told)
        for who, before, after in zip(("dockerd", "mendd"), memory, memories(engine), strict=True):
            grown = after - before
            figure = f"{before:.1f} MiB, then {grown:+.1f}"
            yield Row(f"memory of {who}", times, int(grown > MEMORY_MOST_MIB), figure)
        bench.close()


def memories(engine: PrivateEngine) -> tuple[float, float]:
    """Resident memory of the engine and of this process, in MiB."""
    gc.collect()
    return memory_mib(engine.pid), memory_mib()


CHECKS = (
    Check(
        "sandbox.engine-restart",
        "an outage, no attempt used up; the next mend works, nothing is left",
        engine_restart,
    ),
    Check(
        "sandbox.thousand",
        "1,000 trials in a row: nothing left, dockerd and mendd +10 MiB at most",
        thousand,
    ),
)
