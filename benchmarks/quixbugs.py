"""Mends the QuixBugs programs through the real service and says how many came out right.

    python benchmarks/quixbugs.py PATH [NAME ...] [--jobs N] [--time-s S] [--keep FOLDER]

PATH is a checkout of jkoppel/QuixBugs (MIT; never part of this repository). Every program becomes
a target of its own with a part of its test cases and a one-line reflection that says only which
function misbehaves; `mendd run --once` does the rest, with the search engine, in containers. The
other part of the cases, and random inputs, judge what was applied against the reference
(quixbugs_judge.py). What a held patch would have been worth is judged too, but counts as held.
"""

import argparse
import ast
import collections
import concurrent.futures
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
JUDGE = Path(__file__).with_name("quixbugs_judge.py")
SLOW = {  # the suite itself skips these: minutes for the right program
    "knapsack": lambda given: given[0] > 100_000,
    "levenshtein": lambda given: len(given[0]) > 15,
}
CALL = {"flatten": "list({})", "kheapsort": "list({})"}
EXPECTED = {
    "hanoi": "[tuple(step) for step in expected]",
    "sqrt": "pytest.approx(expected, abs=given[-1])",
}
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
CONFIG = """\
state = "state"

[[target]]
name = "program"
path = "target"
engine = "search"
git = "plain"
edit = ["{name}.py"]

[search]
time_s = {time_s}
"""


@dataclass(frozen=True)
class Result:
    """One program's row."""

    name: str
    verdict: str  # "correct", "wrong", "held (right)", "held (wrong)", "none", "failed"
    seconds: float
    numbers: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def main() -> int:
    """Run the programs asked for and print the table."""
    asked = arguments()
    names = asked.names or programs(asked.path)
    folder = Path(asked.keep or tempfile.mkdtemp(prefix="quixbugs-"))
    began = time.monotonic()
    print(f"{'program':28} {'verdict':13} {'candidates':>10} {'a second':>8} {'seconds':>8}")
    results = []
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        work = {pool.submit(measure, asked, name, folder / name): name for name in names}
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
    return 0 if not any(result.verdict == "wrong" for result in results) else 1


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("path", type=Path, help="a checkout of jkoppel/QuixBugs")
    parser.add_argument("names", nargs="*", help="programs; default: all")
    parser.add_argument("--jobs", type=int, default=1, help="programs at the same time")
    parser.add_argument("--time-s", type=float, default=120.0, help="search.time_s")
    parser.add_argument("--keep", help="leave the targets and states in this folder")
    return parser.parse_args()


def totals(results: list[Result], seconds: float) -> None:
    """The last lines of the table."""
    counts = collections.Counter(result.verdict for result in results)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())), end="")
    print(f"; {len(results)} programs in {seconds:.0f} s")


def programs(path: Path) -> list[str]:
    """The names of all programs."""
    found = sorted(file.stem for file in (path / "correct_python_programs").glob("*.py"))
    return [name for name in found if name != "node" and not name.endswith("_test")]


def measure(asked: argparse.Namespace, name: str, folder: Path) -> Result:
    """Make the target, let the service work, judge what it did."""
    shutil.rmtree(folder, ignore_errors=True)
    target = folder / "target"
    target.mkdir(parents=True)
    hidden = make_target(asked.path, name, target)
    inbox = folder / "state" / "inbox"
    inbox.mkdir(parents=True)
    note = {"timestamp": "2026-01-01T00:00:00Z", "task_summary": "A task.", "outcome": "failure"}
    note["reflection"] = f"{name} misbehaves."
    (inbox / "note.json").write_text(json.dumps(note))
    config = folder / "mendd.toml"
    config.write_text(CONFIG.format(name=name, time_s=float(asked.time_s)))
    before = (target / f"{name}.py").read_text()
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli", "--config", str(config), "run", "--once"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    seconds = time.monotonic() - began
    events = trail(folder / "state" / "audit" / "trail.jsonl")
    numbers = {}
    for event in events:
        numbers.update(event["data"].get("numbers") or {})
    last = next((e for e in reversed(events) if e["event"] in ENDINGS), None)
    if last is None:
        return Result(name, "failed", seconds, numbers, done.stderr.strip()[-200:])
    after = (target / f"{name}.py").read_text()
    return judged(asked.path, name, folder, last, (before, after), hidden, seconds, numbers)


ENDINGS = ("applied", "held", "rejected", "declined", "failed", "frozen", "ignored")


def judged(
    path: Path, name: str, folder: Path, last: dict[str, Any], texts: tuple[str, str],
    hidden: list[Any], seconds: float, numbers: dict[str, Any],
) -> Result:  # fmt: skip
    """The row of a program whose reflection came to a verdict."""
    before, after = texts
    reason = str(last["data"].get("reason", ""))[:110]
    if last["event"] == "held":
        return Result(name, "held", seconds, numbers, reason)
    if last["event"] != "applied" or before == after:
        return Result(name, "none", seconds, numbers, f"{last['event']}: {reason}")
    verdict = judge(path, name, folder / "target" / f"{name}.py", hidden)
    changed = [new for new in after.split("\n") if new not in before.split("\n")]
    note = changed[0].strip()[:70] if changed else ""
    if verdict == "equal":
        return Result(name, "correct", seconds, numbers, note)
    return Result(name, "wrong", seconds, numbers, f"{note} | {verdict[:120]}")


def judge(path: Path, name: str, repaired: Path, hidden: list[Any]) -> str:
    """What the judge says: "equal", or where the two differ."""
    reference = path / "correct_python_programs" / f"{name}.py"
    node = path / "python_programs" / "node.py"
    command = [sys.executable, str(JUDGE), name, str(repaired), str(reference), str(node)]
    try:
        done = subprocess.run(
            command, input=json.dumps(hidden), capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "the judge ran out of time"
    return done.stdout.strip() or done.stderr.strip()[-200:]


def trail(path: Path) -> list[dict[str, Any]]:
    """The audit trail's records."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def make_target(path: Path, name: str, target: Path) -> list[Any]:
    """Write the program and the visible tests; the held-back cases."""
    shutil.copy(path / "python_programs" / f"{name}.py", target)
    cases = json_cases(path, name)
    file = target / f"test_{name}.py"
    if cases is not None:
        file.write_text(case_tests(name, cases))
        shown = visible(outcomes(target))
        file.write_text(case_tests(name, [c for i, c in enumerate(cases) if i in shown]))
        return [case for i, case in enumerate(cases) if i not in shown]
    shutil.copy(path / "python_programs" / "node.py", target)
    text = (path / "python_testcases" / f"test_{name}.py").read_text()
    file.write_text(graph_tests(text, None))
    file.write_text(graph_tests(text, visible(outcomes(target))))
    return []


def json_cases(path: Path, name: str) -> list[Any] | None:
    """The cases of a program that has them as data."""
    file = path / "json_testcases" / f"{name}.json"
    if not file.exists():
        return None
    cases = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    cases = [[given if isinstance(given, list) else [given], value] for given, value in cases]
    slow = SLOW.get(name, lambda _: False)
    return [case for case in cases if not slow(case[0])]


def case_tests(name: str, cases: list[Any]) -> str:
    """A test file over cases."""
    call = CALL.get(name, "{}").format(f"{name}(*given)")
    rows = "".join(f"    {case!r},\n" for case in cases)
    return (
        f"{LIMITED}from {name} import {name}\n\nCASES = [\n{rows}]\n\n\n"
        f"@pytest.mark.parametrize('given, expected', CASES)\n@limited\n"
        f"def test_{name}(given, expected):\n"
        f"    assert {call} == {EXPECTED.get(name, 'expected')}\n"
    )


def graph_tests(text: str, shown: set[int] | None) -> str:
    """The suite's own hand-written tests, limited in time, those not shown left out."""
    text = re.sub(
        r"if pytest\.use_correct:\n.*\nelse:\n    from python_programs\.(\w+) import",
        r"from \1 import", text,
    )  # fmt: skip
    lines = text.split("\n")
    tests = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    for number, node in reversed(list(enumerate(tests))):
        if shown is not None and number not in shown:
            del lines[node.lineno - 1 : node.end_lineno]
        else:
            lines.insert(node.lineno - 1, "@limited")
    return LIMITED + "\n".join(line for line in lines if line != "import pytest")


def outcomes(target: Path) -> list[bool]:
    """Which tests the broken program passes, in order."""
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-v"]
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
    found = re.findall(r"^test_\S+::.* (PASSED|FAILED)", done.stdout, re.MULTILINE)
    return [word == "PASSED" for word in found]


def visible(passed: list[bool]) -> set[int]:
    """Every second failing and every second passing test, beginning with the first.

    With one or two failing tests all of them are needed to show the failure at all.
    """
    good = [number for number, ok in enumerate(passed) if ok]
    bad = [number for number, ok in enumerate(passed) if not ok]
    return {*good[::2], *(bad if len(bad) <= 2 else bad[::2])}


if __name__ == "__main__":
    sys.exit(main())
