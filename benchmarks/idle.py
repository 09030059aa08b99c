"""What an idle service costs, how long `mendd --help` takes, and how fast the kill switch acts.

    python benchmarks/idle.py [seconds]

Everything is measured in one run on real processes: the supervisor with a stand-in worker, and
`mendd --help` beside an interpreter that does nothing. Ratios carry over to other machines, the
plain figures do not.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
CONFIG = 'state = "."\n[[target]]\nname = "example"\npath = "."\n'
SERVE = (
    "import json, sys; from pathlib import Path; from daemon.service import serve;"
    "sys.exit(serve(Path(sys.argv[1]), worker_command=json.loads(sys.argv[2])))"
)
WORKER = """
import json, os, pathlib, signal, sys, time
state = pathlib.Path(sys.argv[1])
if "--settle" in sys.argv:
    (state / "settled").touch()
elif any(state.joinpath("inbox").iterdir()):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (state / "worker").write_text(str(os.getpid()))
    time.sleep(3600)
"""
RUNS = 21
SWITCH_RUNS = 10
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    with service() as (process, _):
        time.sleep(3)
        print(f"idle supervisor: {rss_mib(process.pid):.1f} MiB resident, ", end="")
        print(f"{threads(process.pid)} threads, {cpu_percent(process.pid, seconds):.2f} % CPU")
    bare, with_help = side_by_side(
        [sys.executable, "-I", "-c", ""],
        [sys.executable, "-m", "daemon.cli", "--help"],
    )
    print(f"mendd --help: {with_help:.0f} ms, {with_help / bare:.1f} x a bare interpreter", end=" ")
    print(f"({bare:.0f} ms); medians of {RUNS}")
    quiet = sorted(kill_switch_ms() for _ in range(SWITCH_RUNS))
    print(
        f"kill switch to worker gone (it ignores SIGTERM): {quiet[0][0]:.0f} to"
        f" {quiet[-1][0]:.0f} ms; to leftovers cleared: at most {max(s for _, s in quiet):.0f} ms;"
        f" {SWITCH_RUNS} runs"
    )


@contextlib.contextmanager
def service() -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A running supervisor and its state folder."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        (state / "mendd.toml").write_text(CONFIG)
        (state / "worker.py").write_text(WORKER)
        command = [sys.executable, "-I", "-S", str(state / "worker.py"), str(state)]
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(state / "mendd.toml"), json.dumps(command)],
            cwd=HOME,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait(lambda: (state / "audit" / "trail.jsonl").exists())
            yield process, state
        finally:
            process.terminate()
            process.wait()


def kill_switch_ms() -> tuple[float, float]:
    """From the switch to no worker, and to the clearing-up worker having done its work."""
    with service() as (_, state):
        time.sleep(0.5)
        (state / "inbox" / "note.json").write_text("{}")
        wait((state / "worker").exists)
        wait(lambda: (state / "worker").read_text())
        worker = Path("/proc") / (state / "worker").read_text()
        thrown = time.perf_counter()
        (state / "KILL").touch()
        wait(lambda: not worker.exists())
        gone = time.perf_counter()
        wait((state / "settled").exists)
        return (gone - thrown) * 1000, (time.perf_counter() - thrown) * 1000


def side_by_side(*commands: list[str]) -> list[float]:
    """Median milliseconds of each command, run in turns."""
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(RUNS):
        for command, taken in zip(commands, times, strict=True):
            begun = time.perf_counter()
            subprocess.run(command, cwd=HOME, stdout=subprocess.DEVNULL, check=True)
            taken.append((time.perf_counter() - begun) * 1000)
    return [statistics.median(taken) for taken in times]


def cpu_percent(pid: int, seconds: float) -> float:
    """Processor time used while the service idles, in percent of one core."""
    before = cpu_s(pid)
    time.sleep(seconds)
    return (cpu_s(pid) - before) / seconds * 100


def cpu_s(pid: int) -> float:
    """User and system time; from schedstat, whose unit is a nanosecond, where it is there."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except OSError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mib(pid: int) -> float:
    """Resident memory."""
    return int(status(pid, "VmRSS")) / 1024


def threads(pid: int) -> str:
    """How many threads it has."""
    return status(pid, "Threads")


def status(pid: int, name: str) -> str:
    """One value of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(name))


def wait(holds: Callable[[], object]) -> None:
    """Until it holds; ten seconds are far too long."""
    end = time.monotonic() + 10
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the service did not do what was waited for")
        time.sleep(0.001)


if __name__ == "__main__":
    main()
