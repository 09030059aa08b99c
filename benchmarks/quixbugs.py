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
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from service import LIMITED, Result, first_change, mend, options, table, visible

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


def main() -> int:
    """Run the programs asked for and print the table."""
    asked = arguments()
    names = asked.names or programs(asked.path)
    results = table(asked, names, lambda name, folder: measure(asked, name, folder))
    return 0 if not any(result.verdict == "wrong" for result in results) else 1


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("path", type=Path, help="a checkout of jkoppel/QuixBugs")
    parser.add_argument("names", nargs="*", help="programs; default: all")
    options(parser)
    return parser.parse_args()


def programs(path: Path) -> list[str]:
    """The names of all programs."""
    found = sorted(file.stem for file in (path / "correct_python_programs").glob("*.py"))
    return [name for name in found if name != "node" and not name.endswith("_test")]


def measure(asked: argparse.Namespace, name: str, folder: Path) -> Result:
    """Make the target, let the service work, judge what it did."""
    target = folder / "target"
    target.mkdir()
    hidden = make_target(asked.path, name, target)
    before = (target / f"{name}.py").read_text()
    ending = mend(folder, f"{name} misbehaves.", f'edit = ["{name}.py"]', asked.time_s)
    seconds, numbers = ending.seconds, ending.numbers
    after = (target / f"{name}.py").read_text()
    if not ending.event:
        return Result(name, "failed", seconds, numbers, ending.complaint)
    if ending.event == "held":
        return Result(name, "held", seconds, numbers, ending.reason[:110])
    if ending.event != "applied" or before == after:
        return Result(name, "none", seconds, numbers, f"{ending.event}: {ending.reason[:110]}")
    verdict = judge(asked.path, name, target / f"{name}.py", hidden)
    note = first_change(before, after)
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


if __name__ == "__main__":
    sys.exit(main())
