"""Trials beside a bare `docker run` of the same suite on the same tree, interleaved in one run.

    python benchmarks/trial.py [--rounds N] [--files N ...]

Prints medians and ratios; the targets are at most 1.1 cold and 0.6 warm, at 10 files and at 10,000.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sandbox.trial import Bench, Ending, Limits, Module, Sandbox

CHANGE = {"pkg/core.py": b"def up(x):\n    return 1 + x\n"}
TESTS = 15
SUITE = """import pytest
from pkg.core import up
@pytest.mark.parametrize("i", range(5))
def test_up(i): assert up(i) == i + 1
"""


def make_tree(root: Path, files: int) -> None:
    """A package, three test files, and as many further modules as asked for."""
    for folder in ("pkg", "tests"):
        (root / folder).mkdir(parents=True)
    (root / "pkg" / "__init__.py").write_text("")
    (root / "pkg" / "core.py").write_text("def up(x):\n    return x + 1\n")
    for number in range(3):
        (root / "tests" / f"test_{number}.py").write_text(SUITE)
    for number in range(files - 5):
        folder = root / "more" / f"part_{number // 100}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"module_{number}.py").write_text(f"value = {number}\n" * 30)


def timed(action: Callable[[], object]) -> float:
    """Seconds an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def trial(bench: Bench) -> None:
    """One trial, which must be a good one."""
    run = bench.run(CHANGE)
    if run.ending is not Ending.FINISHED or len(run.outcomes) != TESTS:
        raise SystemExit(f"the trial went wrong: {run.ending} {run.detail}\n{run.output}")


def bare(root: Path, image: str) -> None:
    """What a person would type."""
    mount = f"{root}:/m:ro"
    command = ["docker", "run", "--rm", "-v", mount, "-w", "/m", image]
    subprocess.run([*command, "python3", "-m", "pytest", "-q"], check=True, capture_output=True)


def wait_warm(bench: Bench) -> None:
    """Start a container ahead, and wait until it waits: an engine thinks for longer than that."""
    bench.warm(CHANGE)
    stream = bench._warm[0][1].result().capsule._stream
    while stream is not None and b"ready" not in stream._frames:
        time.sleep(0.05)
        stream.look()
    time.sleep(0.2)


def measure(sandbox: Sandbox, folder: Path, files: int, writable: bool, rounds: int) -> list[str]:
    """One row of the table."""
    root = folder / f"tree{files}"
    if not root.exists():
        make_tree(root, files)
    module = Module(name=f"bench{files}", root=root, writable_tree=writable)
    snapshot = timed(lambda: sandbox.prepare(module).close())
    again = timed(lambda: sandbox.prepare(module).close())
    bench, image = sandbox.prepare(module), sandbox._images.base()
    times: dict[str, list[float]] = {"bare": [], "cold": [], "warm": []}
    for _ in range(rounds):
        times["bare"].append(timed(lambda: bare(root, image)))
        times["cold"].append(timed(lambda: trial(bench)))
        wait_warm(bench)
        times["warm"].append(timed(lambda: trial(bench)))
    bench.close()
    median = {name: statistics.median(values) for name, values in times.items()}
    cold, warm = median["cold"] / median["bare"], median["warm"] / median["bare"]
    return [
        str(files), "copy" if writable else "read-only", *(f"{median[n]:.3f}" for n in times),
        f"{cold:.2f}", f"{warm:.2f}", f"{snapshot:.2f}", f"{again:.3f}",
    ]  # fmt: skip


def main() -> None:
    """Measure every size in both ways of giving a tree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--files", type=int, nargs="*", default=[10, 1000, 10_000])
    asked = parser.parse_args()
    row = "{:>7} {:>10} {:>8} {:>8} {:>8} {:>10} {:>10} {:>10} {:>8}"
    names = "files tree bare_s cold_s warm_s cold/bare warm/bare snapshot_s again_s"
    print(row.format(*names.split()))
    with tempfile.TemporaryDirectory(prefix="mendd-bench-") as folder:
        sandbox = Sandbox(
            docker_host=None, limits=Limits(), slots=2, state=Path(folder) / "state",
            progress=lambda line: print(line, file=sys.stderr),
        )  # fmt: skip
        for files in asked.files:
            for writable in (True, False):
                found = measure(sandbox, Path(folder), files, writable, asked.rounds)
                print(row.format(*found), flush=True)
        sandbox.close()


if __name__ == "__main__":
    main()
