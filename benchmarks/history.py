"""Mends bugs of a real project, taken from its own history, through the real service.

    python benchmarks/history.py REPO [COMMIT ...] [--half dev|held-out|all] [--since 2016-01-01]

REPO is a git repository of a pure-Python project with a pytest suite and no dependencies (never
part of this one). A bug is a small fix (history_bugs.py) with its parent's source and the fix's
tests, of which at least one fails before and passes after. Of several failing test functions every
second is held back. The note says which test fails and how it ended. What was applied is
"exact" (the upstream code again, by AST), "correct" (every test that passes upstream passes, held
back or not) or "wrong"; where no test was held back ("all shown"), read a "correct" one yourself.
Everything runs in containers, the project's own code too.
"""

import argparse
import ast
import contextlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from history_bugs import Fix, export, fixes, functions, git, unworded, without
from service import Ending, Result, first_change, mend, options, table

from sandbox.trial import Limits, Module, Sandbox

QUICK_S = 20  # a whole suite that takes longer makes way for the test files the fix touched


@dataclass(frozen=True)
class Bug:
    """A fix as a task."""

    fix: Fix
    command: tuple[str, ...]
    good: frozenset[str]  # tests that pass upstream
    failing: tuple[str, ...]  # of these, those that fail without the fix
    message: str


def main() -> int:
    """Find the bugs, mend them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("repository", type=Path, help="a git repository")
    parser.add_argument("commits", nargs="*", help="beginnings of commit ids; default: all")
    parser.add_argument("--half", choices=("dev", "held-out", "all"), default="all")
    parser.add_argument("--since", default="2016-01-01")
    parser.add_argument("--most", type=int, default=1000, help="fixes looked at, newest first")
    options(parser)
    asked = parser.parse_args()
    found = [fix for fix in fixes(asked.repository, asked.since) if asked.half in ("all", fix.half)]
    wanted = tuple(asked.commits)
    chosen = {f.commit[:10]: f for f in found if not wanted or f.commit.startswith(wanted)}
    names = list(chosen)[: asked.most]
    state = Path(tempfile.mkdtemp(prefix="mendd-history-"))
    sandbox = Sandbox(
        docker_host=None, limits=Limits(timeout_s=60), slots=asked.jobs, state=state,
        progress=lambda _: None,
    )  # fmt: skip
    try:
        results = table(
            asked, names, lambda name, folder: measure(asked, chosen[name], sandbox, folder)
        )
    finally:
        sandbox.close()
        shutil.rmtree(state, ignore_errors=True)
    return 0 if not any(result.verdict == "wrong" for result in results) else 1


def measure(asked: argparse.Namespace, fix: Fix, sandbox: Sandbox, folder: Path) -> Result:
    """One fix: is it a bug that a test shows, and does mendd mend it?"""
    name = fix.commit[:10]
    upstream, target = folder / "upstream", folder / "target"
    export(asked.repository, fix.commit, upstream)
    export(asked.repository, fix.commit, target)
    before = {s: git(asked.repository, "show", f"{fix.parent}:{s}") for s in fix.sources}
    for source, data in before.items():
        (target / source).write_bytes(data)
    bug = shown_by_tests(fix, sandbox, upstream, target)
    if bug is None:
        return Result(name, "not shown", 0.0, note=fix.subject[:80])
    held = hold_back(target, bug)
    note = f"{bug.failing[0]} fails: {bug.message}"
    lines = f"tests = {list(bug.command)!r}\nedit = {list(fix.sources)!r}\nrequirements = ['-']\n"
    ending = mend(folder, note, lines, asked.time_s)
    return judged(bug, ending, sandbox, folder, f"{'all shown' if not held else 'held back'}")


def shown_by_tests(fix: Fix, sandbox: Sandbox, upstream: Path, target: Path) -> Bug | None:
    """The bug, if some test fails because of it; the whole suite where that is quick."""
    files = tuple(t for t in fix.tests if (target / t).exists() and "conftest" not in t)
    narrow = ("python", "-m", "pytest", "-o", "addopts=", *files)
    command = narrow[:5]
    run = outcomes(sandbox, upstream, command)
    if run is None or run[1] > QUICK_S or not any(t.startswith(files) for t in run[0]):
        command = narrow
        run = outcomes(sandbox, upstream, command)
    broken = outcomes(sandbox, target, command)
    if run is None or broken is None:
        raise ValueError("the suite did not run to its end")
    good = frozenset(test for test, word in run[0].items() if word == "passed")
    failing = tuple(t for t, word in broken[0].items() if word != "passed" and t in good)
    if not failing or len(good) > 10 * len(broken[0]):
        return None
    return Bug(fix, command, good, failing, broken[2].get(failing[0], "")[-200:])


def outcomes(
    sandbox: Sandbox, root: Path, command: tuple[str, ...]
) -> tuple[dict[str, str], float, dict[str, str]] | None:
    """Outcome by test, seconds, messages; None when the tests could not run to their end."""
    module = Module(name="history", root=root, command=command, requirements=())
    with contextlib.closing(sandbox.prepare(module)) as bench:
        run = bench.run()
    if not run.outcomes or run.ending != "finished":
        return None
    words = {test: str(outcome.value) for test, outcome in run.outcomes.items()}
    return words, run.seconds, dict(run.messages)


def hold_back(target: Path, bug: Bug) -> bool:
    """Take every second failing test function out of the tests mendd sees."""
    bare = list(dict.fromkeys(test.partition("[")[0] for test in bug.failing))
    hidden = bare[1::2]
    for file in {test.partition("::")[0] for test in hidden}:
        names = {tuple(t.split("::")[1:]) for t in hidden if t.partition("::")[0] == file}
        path = target / file
        text = path.read_text()
        known = {place for place, _ in functions(ast.parse(text))}
        if names <= known:
            path.write_text(without(text, names))
    return bool(hidden)


def judged(bug: Bug, ending: Ending, sandbox: Sandbox, folder: Path, how: str) -> Result:
    """The row of a bug whose reflection came to an end."""
    name, seconds, numbers = bug.fix.commit[:10], ending.seconds, ending.numbers
    about = f"[{bug.fix.lines} lines] {bug.fix.subject[:50]} | {how}"
    if not ending.event:
        return Result(name, "failed", seconds, numbers, f"{about} | {ending.complaint[-80:]}")
    if ending.event not in ("applied", "held"):
        note = f"{about} | {ending.event}: {ending.reason[:100]}"
        return Result(name, "none", seconds, numbers, note)
    if ending.event == "held":
        diffs = (ending.data.get("diff", ""), *ending.data.get("rival_diffs", ()))
        worth = [verdict(bug, sandbox, folder, diff) for diff in diffs[:4]]
        return Result(name, "held", seconds, numbers, f"{about} | {', '.join(worth)}")
    word = verdict(bug, sandbox, folder, None)
    new = [
        first_change((folder / "upstream" / s).read_text(), (folder / "target" / s).read_text())
        for s in bug.fix.sources
    ]
    return Result(name, word, seconds, numbers, f"{about} | {' '.join(new)}")


def verdict(bug: Bug, sandbox: Sandbox, folder: Path, diff: str | None) -> str:
    """What the target's sources are worth, a held diff applied to them if there is one."""
    upstream, full = folder / "upstream", folder / "full"
    shutil.rmtree(full, ignore_errors=True)
    shutil.copytree(upstream, full)
    for source in bug.fix.sources:
        shutil.copy(folder / "target" / source, full / source)
    if diff:
        command = ["patch", "-s", "-p1", "--no-backup-if-mismatch"]
        done = subprocess.run(command, cwd=full, input=diff, text=True, check=False)
        if done.returncode != 0:
            return "?"
    texts = [[(place / s).read_text() for s in bug.fix.sources] for place in (full, upstream)]
    if [unworded(text) for text in texts[0]] == [unworded(text) for text in texts[1]]:
        return "exact"
    run = outcomes(sandbox, full, bug.command)
    after = run[0] if run else {}
    return "correct" if all(after.get(test) == "passed" for test in bug.good) else "wrong"


if __name__ == "__main__":
    sys.exit(main())
