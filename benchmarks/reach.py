"""Whether the templates can write the published fix at all, and how early: no test is run.

    python benchmarks/reach.py PATH ... [--half dev|held-out|all]

PATH is a collection (collection_forms.py) or a git repository (history_bugs.py). Every line of the
functions that the fix changes is taken as equally suspicious, so the place in the order is what
the priors alone would give. "one": a single edit is the fix, by AST, comments and docstrings
aside; "two": the fix falls apart into two separate changes, each a single edit; "none": neither,
though an edit in other words may still behave like the fix. The figures depend on nothing but the
code: quick, and the same on a busy machine.
"""

import argparse
import ast
import collections
import difflib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from collection_forms import bugs
from history_bugs import fixes, git, unworded

from daemon.engines.search.candidates import Area, edits_of
from daemon.engines.search.edits import applied
from daemon.engines.search.program import Program, Unparsable
from daemon.engines.search.templates import TEMPLATES

LOOSE = str.maketrans("", "", " \n()\"'")  # what may differ in texts of the same code
LATEST = 30_000  # edits looked at for one bug, those that lead to the same code counted each


def main() -> int:
    """Look at every bug and print a row for each, then the totals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("paths", nargs="+", type=Path, help="collections or git repositories")
    parser.add_argument("--half", choices=("dev", "held-out", "all"), default="all")
    parser.add_argument("--since", default="2016-01-01", help="for repositories")
    parser.add_argument("--show", action="store_true", help="the fixes out of reach, as diffs")
    asked = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    places: list[int] = []
    for path in asked.paths:
        for name, broken, right in pairs(path, asked):
            word, place, how = reach(broken, right)
            counts[word] += 1
            places += [place] if word == "one" else []
            print(f"{name:40} {word:5} {place or '':>6} {how}", flush=True)
            if word == "none" and asked.show:
                print("\n".join(difference(broken, right)))
    early = sum(place <= 1000 for place in places)
    print(", ".join(f"{n} {word}" for word, n in sorted(counts.items())), end="")
    print(f"; {sum(counts.values())} bugs, {early} of the single edits among the first 1000")
    return 0


def pairs(path: Path, asked: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Name, broken and right text of every file that a fix changes."""
    if not (path / "HEAD").exists() and not (path / ".git").exists():
        for bug in bugs(path):
            if asked.half in ("all", bug.half):
                yield bug.name, bug.buggy, bug.reference
        return
    for fix in fixes(path, asked.since):
        if asked.half in ("all", fix.half) and len(fix.sources) == 1:
            source = fix.sources[0]
            texts = [git(path, "show", f"{c}:{source}") for c in (fix.parent, fix.commit)]
            broken, right = (data.decode(errors="replace") for data in texts)
            yield f"{path.parent.name.partition('+')[2]} {fix.commit[:10]}", broken, right


def reach(broken: str, right: str) -> tuple[str, int, str]:
    """ "one", "two" or "none", the place in the order, and the templates."""
    try:
        broken, right = unworded(broken), unworded(right)
        if broken == right:
            return "same", 0, "only comments or docstrings differ"
        parts = list(changes(broken, right))
        whole = written(broken, right)
    except (SyntaxError, Unparsable) as fault:
        return "none", 0, f"{type(fault).__name__}: {fault}"[:80]
    if whole:
        return "one", *whole
    if len(parts) == 2:
        found = [written(broken, part) for part in parts]
        if all(found):
            return "two", 0, " and ".join(f"{f[1]} ({f[0]})" for f in found if f)
    return "none", 0, f"{len(parts)} changes"


def difference(broken: str, right: str) -> Iterator[str]:
    """The fix as a reader wants it."""
    lines = difflib.unified_diff(broken.splitlines(), right.splitlines(), n=2, lineterm="")
    yield from itertools.islice(lines, 2, 60)


def changes(broken: str, right: str) -> Iterator[str]:
    """The broken text with one of the separate changes made, for each."""
    old, new = broken.splitlines(keepends=True), right.splitlines(keepends=True)
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield "".join([*old[:a], *new[c:d], *old[b:]])


def written(broken: str, right: str) -> tuple[int, str] | None:
    """The first edit that is the right code: its place and template."""
    program = Program("module.py", broken)
    touched = touched_lines(broken, right)
    found = [each for area in areas(program, touched) for each in edits_of(area, TEMPLATES)]
    found.sort(key=lambda candidate: -candidate.score)
    goal = right.translate(LOOSE)
    for place, candidate in enumerate(found[:LATEST], 1):
        text = applied(broken, candidate.edit.pieces)
        if text.translate(LOOSE) == goal and same(text, right):
            return place, candidate.edit.template
    return None


def same(text: str, right: str) -> bool:
    """Whether both are the same code."""
    try:
        return ast.dump(ast.parse(text)) == ast.dump(ast.parse(right))
    except SyntaxError:
        return False


def touched_lines(broken: str, right: str) -> set[int]:
    """The lines that the fix changes, and those beside its insertions."""
    old, new = broken.splitlines(), right.splitlines()
    found: set[int] = set()
    for tag, a, b, _, _ in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            found |= set(range(a, b + 2))
    return found


def areas(program: Program, touched: set[int]) -> list[Area]:
    """The outermost functions with touched lines, else the module's own code."""
    found, rest = {}, set(touched)
    for function in program.functions.values():
        first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
        lines = set(range(first, (function.end_lineno or first) + 1))
        if lines & touched and program.function_of(function) is None:
            found[first] = Area(
                program=program,
                function=function,
                suspicion=dict.fromkeys(range(function.lineno, max(lines) + 1), 1.0),
            )
            rest -= lines
    if rest and not found:
        suspicion = dict.fromkeys(sorted(rest), 1.0)
        return [Area(program=program, function=None, suspicion=suspicion)]
    return list(found.values())


if __name__ == "__main__":
    sys.exit(main())
