"""Floods and exhausted memory: cut off, told as what they are, and paid for by nobody else."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from sandbox.errors import SandboxError
from sandbox.trial import Bench, Ending, Outcome, Run, Sandbox
from tests.measuring import disk_mib, forget_peak, memory_mib, percentiles
from tests.private_engine import PrivateEngine, private_engine
from tests.soak.check import Check, Row, Setting
from tests.trials import LIMITS, a_bench, a_sandbox, containers_of, until

FLOODS, GONE_MOST_S = 20, 2.0
MEMORY_MOST_MIB, DISK_MOST_MIB = 16.0, 2.0
WRITE = "import os\n\nfor _ in range({chunks}): os.write({fd}, {byte!r} * (1 << 16))\n"
HARMLESS = {"test_a.py": "def test_a(): pass\n"}


@dataclass(frozen=True)
class Flood:
    """What is written, how much of it, and how the run has to end."""

    what: str
    byte: bytes
    mib: int
    ending: Ending
    output_kib: int = LIMITS.output_kib


CUT = Flood("1 GiB, cut at 1 MiB", b"x", 1024, Ending.FLOODED)
OTHERS = (
    Flood("32 MiB of newlines, cut", b"\n", 32, Ending.FLOODED),
    Flood("64 MiB of NULs, cut", b"\0", 64, Ending.FLOODED),
    Flood("32 MiB of newlines, let through", b"\n", 32, Ending.FINISHED, 40 << 10),
    Flood("64 MiB of NULs, let through", b"\0", 64, Ending.FINISHED, 80 << 10),
)


@dataclass
class Cost:
    """What a kind of flood took from others."""

    engine: PrivateEngine
    setting: Setting
    seconds: list[float] = field(default_factory=list)
    memory: float = 0.0
    broken: int = 0

    def __post_init__(self) -> None:
        self._disk = self.on_disk()

    def on_disk(self) -> float:
        """The engine's data and our state."""
        return disk_mib(self.engine.data, self.setting.folder / "state")

    def count(self, made: Sandbox, flood: Callable[[], bool]) -> None:
        """One flood; it says whether it ended as it should. From then on its removal is timed."""
        forget_peak()
        before = memory_mib()
        right = flood()
        began = time.monotonic()
        gone = until(lambda: not containers_of(made), 10)
        self.seconds.append(time.monotonic() - began)
        self.memory = max(self.memory, memory_mib(field="VmHWM") - before)
        self.broken += not right or not gone or self.seconds[-1] > GONE_MOST_S

    def row(self, what: str) -> Row:
        """The row; too much memory or disk breaks it as well."""
        disk = self.on_disk() - self._disk
        broken = self.broken + (self.memory > MEMORY_MOST_MIB) + (disk > DISK_MOST_MIB)
        figure = (
            f"gone {percentiles(self.seconds)}, memory +{self.memory:.1f}, disk {disk:+.1f} MiB"
        )
        return Row(what, len(self.seconds), broken, figure)


def floods(setting: Setting) -> Iterator[Row]:
    """On an engine of its own, so that what its disk gains is theirs."""
    with private_engine(setting.folder / "engine") as engine:
        yield from read_floods(setting, engine, CUT, setting.times(FLOODS))
        for flood in OTHERS:
            yield from read_floods(setting, engine, flood, setting.times(FLOODS // 4))
        yield unread_floods(setting, engine)


def read_floods(setting: Setting, engine: PrivateEngine, flood: Flood, times: int) -> Iterator[Row]:
    """Trials whose output is read as ever."""
    limits = replace(LIMITS, output_kib=flood.output_kib)
    with a_sandbox(setting.folder, docker_host=engine.address, limits=limits) as made:
        text = WRITE.format(chunks=flood.mib * 16, fd=1, byte=flood.byte)
        bench = a_bench(made, setting.folder, {"flood.py": text}, command=("python3", "flood.py"))
        bench.run()  # what the first one costs is not the flood's
        until(lambda: not containers_of(made))
        cost = Cost(engine, setting)
        for number in range(times):
            setting.say(f"{flood.what} {number}")
            cost.count(made, lambda: bench.run().ending is flood.ending)
        bench.close()
        yield cost.row(flood.what)


def unread_floods(setting: Setting, engine: PrivateEngine) -> Row:
    """A guest that floods while nobody reads, ended by `kill_all`."""
    writes = WRITE.format(chunks=1 << 14, fd=4, byte=b'{"k":1}\n').replace(
        "\n\n", "\n\ndef flood():\n    "
    )
    text = writes + "\n\nimport threading\nthreading.Thread(target=flood, daemon=True).start()\n"
    job = {"mode": "screen", "arguments": [], "memory_mib": 128, "module_path": True}
    with a_sandbox(setting.folder, docker_host=engine.address) as made:
        bench = a_bench(made, setting.folder, {"test_a.py": text + HARMLESS["test_a.py"]})
        cost = Cost(engine, setting)
        for number in range(setting.times(FLOODS // 4)):
            setting.say(f"unread {number}")
            with bench.session(job) as session:
                time.sleep(3)
                began = time.monotonic()
                cost.count(made, lambda: made.kill_all() == 1)
                cost.seconds[-1] = time.monotonic() - began
                cost.broken += cost.seconds[-1] > GONE_MOST_S
                session.close()
        bench.close()
        return cost.row("unread, ended by kill_all")


HUGE = "bytearray(600 << 20)"
FILL = "    for n in range(2): open(f'/tmp/{n}', 'wb').write(bytes(%d << 20))\n"
HEAD = "import subprocess, sys\n\ndef test_it():\n"
HUNGRY = {
    "the tests' own process": HEAD + f"    {HUGE}\n",
    "a child whose exit code nobody reads": HEAD
    + f"    subprocess.run([sys.executable, '-c', '{HUGE}'])\n",
    "a child of its own session, test passes": HEAD
    + f"    subprocess.Popen([sys.executable, '-c', '{HUGE}'], start_new_session=True).wait()\n",
    "tmpfs and memory together": HEAD + FILL % 30 + "    bytearray(220 << 20)\n",
    "tmpfs full": HEAD + FILL % 60,
}
EXIT_0 = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', '{HUGE}'])\nsys.exit(0)\n"
HUNGER = 20  # of each kind; with the command six kinds, 120 in all


def out_of_memory(setting: Setting) -> Iterator[Row]:
    """Never passed, and always told as the limit that it met."""
    with a_sandbox(setting.folder) as made:
        for what, text in HUNGRY.items():
            bench = a_bench(made, setting.folder, {"test_it.py": text})
            yield starved(setting, bench, what, no_space if what == "tmpfs full" else no_memory)
        command = ("python3", "check.py")
        bench = a_bench(made, setting.folder, {"check.py": EXIT_0}, command=command)
        yield starved(setting, bench, "a command that ends with 0", no_memory)


def starved(setting: Setting, bench: Bench, what: str, right: Callable[[Run], bool]) -> Row:
    """One kind, again and again."""
    broken, seen = 0, set()
    for number in range(times := setting.times(HUNGER)):
        setting.say(f"{what} {number}")
        try:
            run = bench.run()
        except SandboxError as fault:
            broken += 1
            seen.add(f"{type(fault).__name__}: {fault}")
            continue
        broken += not right(run)
        seen.add("a test that failed for want of space" if no_space(run) else run.ending.value)
    bench.close()
    return Row(what, times, broken, "told: " + ", ".join(sorted(seen)))


def no_memory(run: Run) -> bool:
    """Told as memory."""
    return run.ending is Ending.OUT_OF_MEMORY


def no_space(run: Run) -> bool:
    """A failed test that names the reason: the limit is met before memory's is."""
    told = run.messages.get("test_it.py::test_it", "")
    return Outcome.PASSED not in run.outcomes.values() and "No space left on device" in told


CHECKS = (
    Check(
        "sandbox.floods",
        "cut, removed within 2 s; our memory +16 MiB at most, host disk +2 MiB at most",
        floods,
    ),
    Check("sandbox.out-of-memory", "always told as a resource limit, never passed", out_of_memory),
)
