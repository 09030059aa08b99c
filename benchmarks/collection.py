"""Mends a collection of bugs the engine was not tuned to, through the real service, and judges it.

    python benchmarks/collection.py PATH [NAME ...] [--half dev|held-out|all] [--per-100 N]

PATH is a collection in a form that collection_forms.py knows; none is part of this repository.
Every second failing and every second passing test of a program is shown to mendd (all failing ones
if there are one or two), with a one-line note that says only which function misbehaves. The others
judge what was applied or offered: "exact" is the reference again (by AST), "correct" passes every
test and agrees with the reference on inputs near the tests' own (collection_judge.py), "differs"
passes every test but disagrees there (some of those inputs may be outside of what the function is
for, so read these), "wrong" fails a test.
"""

import argparse
import ast
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

from collection_forms import Bug, bugs
from service import LIMITED, Ending, Result, first_change, mend, options, table, visible

JUDGE = Path(__file__).with_name("collection_judge.py")
MODULE = "program"
LATE_S = 120


def main() -> int:
    """Run the bugs asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("path", type=Path, help="a collection")
    parser.add_argument("names", nargs="*", help="bugs; default: all")
    parser.add_argument("--half", choices=("dev", "held-out", "all"), default="all")
    parser.add_argument("--per-100", type=float, default=100.0, help="a share, by the name's hash")
    options(parser)
    asked = parser.parse_args()
    known = {bug.name: bug for bug in bugs(asked.path)}
    names = asked.names or [
        name
        for name, bug in known.items()
        if asked.half in ("all", bug.half) and share(name) < asked.per_100
    ]
    results = table(asked, names, lambda name, folder: measure(known[name], folder, asked.time_s))
    return 0 if not any(result.verdict == "wrong" for result in results) else 1


def share(name: str) -> float:
    """A number from 0 to 100 that only the name decides, not the one its half comes from."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[1:4], "big") * 100 / (1 << 24)


def measure(bug: Bug, folder: Path, time_s: float) -> Result:
    """Make the target, let the service work, judge what it did."""
    target, full = folder / "target", folder / "full"
    for place in (target, full):
        place.mkdir()
    every = set(range(len(bug.tests)))
    write(full, bug.reference, bug, every)
    sound = {number for number, ok in outcomes(full).items() if ok}
    write(full, bug.buggy, bug, sound)
    before = outcomes(full)
    order = sorted(sound)
    if all(before.get(number) for number in order):
        return Result(bug.name, "not shown", 0.0, note="the broken program passes every test")
    shown = {order[place] for place in visible([before.get(n, False) for n in order])}
    write(target, bug.buggy, bug, shown)
    ending = mend(folder, f"{bug.function} misbehaves.", f'edit = ["{MODULE}.py"]', time_s)
    return judged(bug, ending, folder, sound)


def judged(bug: Bug, ending: Ending, folder: Path, sound: set[int]) -> Result:
    """The row of a bug whose reflection came to an end."""
    if not ending.event:
        return Result(bug.name, "failed", ending.seconds, ending.numbers, ending.complaint)
    if ending.event not in ("applied", "held"):
        note = f"{ending.event}: {ending.reason[:110]}"
        return Result(bug.name, "none", ending.seconds, ending.numbers, note)
    if ending.event == "held":
        worth = [
            verdict(bug, text, folder / "full", sound)[0] if text else "?"
            for diff in (ending.data.get("diff", ""), *ending.data.get("rival_diffs", ()))
            for text in [patched(bug.buggy, diff, folder)]
        ]
        note = f"{ending.reason[:40]}: {', '.join(worth)}"
        return Result(bug.name, "held", ending.seconds, ending.numbers, note)
    after = (folder / "target" / f"{MODULE}.py").read_text()
    word, note = verdict(bug, after, folder / "full", sound)
    note = f"{first_change(bug.buggy, after)}{note}"
    return Result(bug.name, word, ending.seconds, ending.numbers, note)


def verdict(bug: Bug, text: str, full: Path, sound: set[int]) -> tuple[str, str]:
    """What a repaired program is worth: see above, and more about it."""
    if ast.dump(ast.parse(text)) == ast.dump(ast.parse(bug.reference)):
        return "exact", ""
    write(full, text, bug, sound)
    after = outcomes(full)
    failed = sorted(number for number in sound if not after.get(number))
    if failed:
        return "wrong", f" | fails: {bug.tests[failed[0]][:90]}"
    said = difference(bug, full)
    return ("differs", f" | ≠ {said}") if said else ("correct", "")


def difference(bug: Bug, full: Path) -> str:
    """On how many inputs near the tests' own a program and the reference disagree."""
    (full / "reference.py").write_text(bug.reference)
    given = json.dumps({"function": bug.function, "tests": bug.tests})
    try:
        done = subprocess.run(
            [sys.executable, str(JUDGE), f"{MODULE}.py", "reference.py"], cwd=full, input=given,
            capture_output=True, text=True, check=False, timeout=LATE_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "the judge ran out of time"
    said = done.stdout.strip()
    return "" if said in ("equal", "nothing compared") else said or done.stderr[-80:]


def patched(text: str, diff: str, folder: Path) -> str:
    """The program with a held diff in place; nothing where it does not fit."""
    file = folder / f"{MODULE}.py"
    file.write_text(text)
    done = subprocess.run(
        ["patch", "-s", "-p1", "--no-backup-if-mismatch"], cwd=folder, input=diff, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    return file.read_text() if done.returncode == 0 else ""


def write(place: Path, text: str, bug: Bug, shown: set[int]) -> None:
    """The program and the tests of these numbers."""
    (place / f"{MODULE}.py").write_text(text)
    parts = [LIMITED, f"from {MODULE} import *\n"]
    for number in sorted(shown):
        body = "\n".join(filter(None, (bug.setup, bug.tests[number])))
        lines = "".join(f"    {line}\n" for line in body.split("\n"))
        parts.append(f"\n\n@limited\ndef test_{number}():\n{lines}")
    (place / f"test_{MODULE}.py").write_text("".join(parts))


def outcomes(place: Path) -> dict[int, bool]:
    """Which tests pass on this machine, by number."""
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-v", "--tb=no"]
    try:
        done = subprocess.run(
            command, cwd=place, capture_output=True, text=True, check=False, timeout=LATE_S
        )
    except subprocess.TimeoutExpired:
        return {}
    found = re.findall(r"::test_(\d+) (PASSED|FAILED|ERROR)", done.stdout)
    return {int(number): word == "PASSED" for number, word in found}


if __name__ == "__main__":
    sys.exit(main())
