"""Candidates a second of our screening beside mutmut's mutants a second, interleaved in one run.

    python -m benchmarks.screening [--rounds 3] [--only MODULE ...] [--candidates 800]

Same modules, tests, machine, base image (Python and pytest), one CPU's worth for each container,
one mutant at a time. mutmut is installed into a temporary folder that its container mounts; it is
measured, never used. What is compared, per module and round:

    mutmut     its run proper: start-up, generating, its statistics run and clean run excluded
    the same   the mutants that mutmut tested, screened by us: start-up and collecting excluded
    own        what the engine itself would screen first in that module, likewise

mutmut runs, for each mutant, only the tests that enter the mutated function, fastest first, and
stops at the first failure; ours runs all tests that touch the file, cheapest first, and stops at
the first failure, too. mutmut waits 15 s and more for a mutant that hangs, so the ratio is taken
without those (a line says what they cost). "all in" counts everything, from an installed tool and
a built image to the last verdict. Processor time is shown beside wall time, as other work on the
machine distorts only the latter.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.mutant_subjects import CONFTEST
from benchmarks.screening_modules import MODULES, written
from daemon.engines.search.candidates import Area, Candidate, candidates
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.edits import Edit, Piece
from daemon.engines.search.examine import Evidence, plan_of
from daemon.engines.search.program import Program
from daemon.engines.search.screening import Screener
from sandbox.trial import Bench, Limits, Module, Outcome, Run, Sandbox

MUTMUT = "mutmut==3.8.1"  # measured with this one
DRIVER = Path(__file__).with_name("mutmut_driver.py")


@dataclass(frozen=True)
class Pace:
    """How many were tried, in which time."""

    count: int
    wall_s: float
    cpu_s: float
    survived: int
    all_wall_s: float
    hung: int = 0
    hung_s: float = 0.0

    @property
    def rate(self) -> float:
        """A second of wall time, those that hung left out."""
        return (self.count - self.hung) / (self.wall_s - self.hung_s)

    @property
    def cpu_rate(self) -> float:
        """A second of the container's processor time, hanging ones included."""
        return self.count / self.cpu_s

    @property
    def all_in(self) -> float:
        """A second, everything included."""
        return self.count / self.all_wall_s


def main() -> None:
    """Measure every module and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--candidates", type=int, default=800)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mendd-screening-") as name:
        folder = Path(name)
        sandbox = Sandbox(
            docker_host=None, limits=Limits(), slots=1, state=folder / "state",
            progress=lambda line: print(line, file=sys.stderr),
        )  # fmt: skip
        try:
            image = sandbox._images.base()
            site = installed(image, folder / "site")
            for module in MODULES:
                if not asked.only or module in asked.only:
                    measure(module, Workplace(sandbox, image, site, folder), asked)
        finally:
            sandbox.prune(0)
            sandbox.close()


@dataclass(frozen=True)
class Workplace:
    """Where both are measured."""

    sandbox: Sandbox
    image: str
    site: Path
    folder: Path


def installed(image: str, site: Path) -> Path:
    """mutmut with its dependencies, for the image's Python, and the image's own pytest version."""
    ask = "import sys, pytest; print(*sys.version_info[:2], pytest.__version__)"
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", image, "python3", "-c", ask],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    major, minor, pytest = done.stdout.split()
    print(f"{MUTMUT}, Python {major}.{minor}, pytest {pytest}, {os.cpu_count()} cores, ", end="")
    print(time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--target", str(site), "--only-binary=:all:",
         "--python-version", f"{major}.{minor}", MUTMUT, f"pytest=={pytest}"],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return site


def measure(name: str, place: Workplace, asked: argparse.Namespace) -> None:
    """One module: both by turns, then its lines of the table."""
    root = place.folder / name
    package = written(name, root)
    bench = place.sandbox.prepare(Module(name=name, root=root))
    run = bench.run()
    hidden = [t for t, outcome in run.outcomes.items() if outcome is not Outcome.PASSED]
    if hidden:  # mutmut needs a green suite
        (root / "conftest.py").write_text(CONFTEST.format(hidden=json.dumps(hidden)))
        bench.close()
        bench = place.sandbox.prepare(Module(name=name, root=root))
        run = bench.run()
    found: dict[str, list[Pace]] = {"mutmut": [], "the same": [], "own": []}
    print(f"\n{name}: {len(run.outcomes)} tests, load {os.getloadavg()[0]:.1f}")
    for number in range(asked.rounds):
        pace, mutants = mutmut(root, package, place)
        found["mutmut"].append(pace)
        found["the same"].append(screened(bench, run, lambda m=mutants: same(root, m)))
        found["own"].append(screened(bench, run, lambda: own(root, package, asked.candidates)))
        rates = ", ".join(f"{name} {paces[-1].rate:.1f}" for name, paces in found.items())
        print(f"round {number + 1}: {rates} a second", file=sys.stderr, flush=True)
    bench.close()
    table(found)


def table(found: Mapping[str, Sequence[Pace]]) -> None:
    """Medians of the rounds, and ratios of rounds measured side by side."""
    head = "{:>9} {:>6} {:>9} {:>8} {:>11} {:>8} {:>7} {:>12} {:>10}"
    row = "{:>9} {:>6} {:>9.0%} {:>8.1f} {:>11.1f} {:>8.1f} {:>6.1f}x {:>11.1f}x {:>9.1f}x"
    names = "what tried survived a_second per_cpu_s all_in ratio cpu_ratio all_in_ratio"
    print(head.format(*names.split()))
    for name, paces in found.items():
        middle = statistics.median
        base = found["mutmut"]
        print(row.format(
            name, paces[0].count, paces[0].survived / paces[0].count,
            middle(p.rate for p in paces), middle(p.cpu_rate for p in paces),
            middle(p.all_in for p in paces),
            middle(p.rate / b.rate for p, b in zip(paces, base, strict=True)),
            middle(p.cpu_rate / b.cpu_rate for p, b in zip(paces, base, strict=True)),
            middle(p.all_in / b.all_in for p, b in zip(paces, base, strict=True)),
        ))  # fmt: skip
    hung = base[0]
    if hung.hung:
        print(f"{hung.hung} of mutmut's mutants hung: {hung.hung_s:.0f} s, left out of a_second")
    sys.stdout.flush()


# mutmut


def mutmut(root: Path, package: Sequence[str], place: Workplace) -> tuple[Pace, dict[str, Any]]:
    """One run of mutmut in a container of its own, on a copy in memory."""
    source = package[0].partition("/")[0]
    config = ["[mutmut]", f"source_paths={source}", "also_copy=", "    pytest.ini"]
    config += ["    conftest.py"] if (root / "conftest.py").exists() else []
    config += ["only_mutate=", *(f"    {name}" for name in package)]
    (place.folder / "setup.cfg").write_text("\n".join(config) + "\n")
    begin = "cp -r /in /copy/m && cp /setup.cfg /copy/m && cd /copy/m && exec python3 -B /driver.py"
    command = [
        "docker", "run", "--rm", "--network", "none", "--cpus", "1", "--init", "-e",
        "PYTHONPATH=/site", "--tmpfs", "/copy:exec", "-v", f"{place.site}:/site:ro", "-v",
        f"{root}:/in:ro", "-v", f"{DRIVER}:/driver.py:ro", "-v",
        f"{place.folder / 'setup.cfg'}:/setup.cfg:ro", place.image, "sh", "-c", begin,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not (said := [line for line in done.stdout.split("\n") if line.startswith('{"mutmut"')]):
        raise SystemExit(f"mutmut did not get to its end:\n{done.stdout[-3000:]}{done.stderr}")
    told = json.loads(said[-1])
    pace = Pace(
        count=told["tried"], wall_s=told["wall_s"], cpu_s=told["cpu_s"], survived=told["survived"],
        all_wall_s=told["all_wall_s"], hung=told["hung"], hung_s=told["hung_s"],
    )  # fmt: skip
    return pace, told["mutants"]


# ours


class Watched:
    """A bench whose guests' processor time is noted as they tell it."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.cpu_s = bench, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bench, name)

    def session(self, *values: Any, **named: Any) -> Any:
        """The same guest, overheard."""
        guest = self.bench.session(*values, **named)
        receive = guest.receive

        def overheard(timeout_s: float) -> dict[str, Any] | None:
            message = receive(timeout_s)
            if message is not None and "cpu_s" in message:
                self.cpu_s = float(message["cpu_s"])
            return message

        guest.receive = overheard  # type: ignore[method-assign]
        return guest


def screened(bench: Bench, run: Run, make: Any) -> Pace:
    """Candidates through one warm guest: all tests that touch their file, cheapest first."""
    watched = Watched(bench)
    began = time.monotonic()
    found: list[Candidate] = make()
    with Screener.open(watched, threading.Event(), time_s=1800.0) as screener:  # type: ignore[arg-type]
        deadline = Deadline.after(1800)
        seen = screener.spectrum(list(run.outcomes), cpu_s=1.0, wall_s=30.0, deadline=deadline)
        evidence = Evidence(failing=(), passing=tuple(s for s in seen if s.outcome == "passed"))
        files = {candidate.program.filename for candidate in found}
        plans = {name: plan_of((), (), evidence, {name}, run.durations) for name in files}
        list(screener.screen(found[:1], plans[found[0].program.filename], deadline))
        start, cpu_s, survived = time.monotonic(), watched.cpu_s, 0
        for name in sorted(files):
            mine = [c for c in found if c.program.filename == name]
            survived += sum(v.plausible for _, v in screener.screen(mine, plans[name], deadline))
        end = time.monotonic()
    return Pace(
        count=len(found), wall_s=end - start, cpu_s=watched.cpu_s - cpu_s, survived=survived,
        all_wall_s=time.monotonic() - began,
    )  # fmt: skip


def same(root: Path, mutants: Mapping[str, Sequence[str]]) -> list[Candidate]:
    """mutmut's mutants as candidates."""
    found = []
    for name, texts in mutants.items():
        program = Program(name, (root / name).read_text("utf-8"))
        found += [as_candidate(program, text) for text in texts]
    return found


def as_candidate(program: Program, text: str) -> Candidate:
    """A whole new text as one edit: what stands between the common beginning and end."""
    old = program.text
    begin = common(old, text)
    end = common(old[begin:][::-1], text[begin:][::-1])
    piece = Piece(begin=begin, end=len(old) - end, text=text[begin : len(text) - end])
    edit = Edit(pieces=(piece,), line=program.line_of(begin))
    return Candidate(program=program, edit=edit, score=1.0, function=None)


def common(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def own(root: Path, package: Sequence[str], most: int) -> list[Candidate]:
    """The first candidates of all functions, all lines alike suspicious."""
    areas = []
    for name in package:
        program = Program(name, (root / name).read_text("utf-8"))
        lines = dict.fromkeys(range(1, len(program.lines) + 1), 1.0)
        areas += [
            Area(program=program, function=node, suspicion=lines)
            for node in program.functions.values()
            if program.function_of(node) is None
        ]
    return list(islice(candidates(areas), most))


if __name__ == "__main__":
    main()
