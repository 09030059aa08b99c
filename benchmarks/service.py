"""One bug through the real service, and the table a benchmark prints: what the benchmarks share."""

import argparse
import collections
import concurrent.futures
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ENDINGS = ("applied", "held", "rejected", "declined", "failed", "frozen", "ignored")
LIMITED = '''\
import functools
import signal

import pytest


def limited(test):
    """No test takes longer than four seconds."""

    def late(*_):
        raise TimeoutError("the test ran out of time")

    @functools.wraps(test)
    def run(*arguments, **named):
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, 4)
        try:
            return test(*arguments, **named)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    return run

'''


@dataclass(frozen=True)
class Result:
    """One bug's row."""

    name: str
    verdict: str
    seconds: float
    numbers: dict[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Ending:
    """How the service left one reflection."""

    event: str  # one of ENDINGS; "" when there is none
    data: dict[str, Any]
    numbers: dict[str, Any]
    seconds: float
    complaint: str = ""

    @property
    def reason(self) -> str:
        """Why it ended so."""
        return str(self.data.get("reason", ""))


def mend(folder: Path, note: str, target: str, time_s: float) -> Ending:
    """Drop one note and let the service work on folder/target until it is done.

    `target`: more lines for the configuration's target table. The search engine does the work.
    """
    inbox = folder / "state" / "inbox"
    inbox.mkdir(parents=True)
    reflection = {
        "timestamp": "2026-01-01T00:00:00Z", "task_summary": "A task.", "outcome": "failure",
        "reflection": note,
    }  # fmt: skip
    (inbox / "note.json").write_text(json.dumps(reflection))
    config = folder / "mendd.toml"
    config.write_text(
        'state = "state"\n\n[[target]]\nname = "program"\npath = "target"\nengine = "search"\n'
        f'git = "plain"\n{target}\n[search]\ntime_s = {float(time_s)}\n'
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli", "--config", str(config), "run", "--once"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    seconds = time.monotonic() - began
    events = trail(folder / "state" / "audit" / "trail.jsonl")
    numbers: dict[str, Any] = {}
    for event in events:
        numbers.update(event["data"].get("numbers") or {})
    last = next((e for e in reversed(events) if e["event"] in ENDINGS), None)
    if last is None:
        return Ending("", {}, numbers, seconds, done.stderr.strip()[-200:])
    return Ending(last["event"], last["data"], numbers, seconds)


def trail(path: Path) -> list[dict[str, Any]]:
    """The audit trail's records."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def options(parser: argparse.ArgumentParser) -> None:
    """What every such benchmark is told."""
    parser.add_argument("--jobs", type=int, default=1, help="bugs at the same time")
    parser.add_argument("--time-s", type=float, default=120.0, help="search.time_s")
    parser.add_argument("--keep", help="leave the targets and states in this folder")


def table(
    asked: argparse.Namespace, names: Iterable[str], measure: Callable[[str, Path], Result]
) -> list[Result]:
    """Measure each in a folder of its own, print a row as each is done, then the totals."""
    folder = Path(asked.keep or tempfile.mkdtemp(prefix="mendd-benchmark-"))
    began = time.monotonic()
    print(f"{'program':28} {'verdict':13} {'candidates':>10} {'a second':>8} {'seconds':>8}")
    results = []
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        work = [pool.submit(fresh, measure, name, folder / name) for name in names]
        for done in concurrent.futures.as_completed(work):
            result = done.result()
            results.append(result)
            candidates = result.numbers.get("candidates", "-")
            rate = result.numbers.get("candidates per second", "-")
            row = f"{result.name:28} {result.verdict:13} {candidates:>10} {rate:>8}"
            print(f"{row} {result.seconds:8.1f}  {result.note}", flush=True)
    totals(results, time.monotonic() - began)
    if not asked.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return results


def fresh(measure: Callable[[str, Path], Result], name: str, folder: Path) -> Result:
    """Measure in a new folder; what could not be measured is a row, too."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return measure(name, folder)
    except (OSError, SyntaxError, ValueError, subprocess.SubprocessError) as fault:
        return Result(name, "not measured", 0.0, note=f"{type(fault).__name__}: {fault}"[:110])


def totals(results: list[Result], seconds: float) -> None:
    """The last lines of the table."""
    counts = collections.Counter(result.verdict for result in results)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())), end="")
    print(f"; {len(results)} programs in {seconds:.0f} s")


def first_change(before: str, after: str) -> str:
    """The first line that is new."""
    known = set(before.split("\n"))
    return next((line.strip()[:70] for line in after.split("\n") if line not in known), "")


def visible(passed: list[bool]) -> set[int]:
    """Every second failing and every second passing test, beginning with the first.

    With one or two failing tests all of them are needed to show the failure at all.
    """
    good = [number for number, ok in enumerate(passed) if ok]
    bad = [number for number, ok in enumerate(passed) if not ok]
    return {*good[::2], *(bad if len(bad) <= 2 else bad[::2])}
