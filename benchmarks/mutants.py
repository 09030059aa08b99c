"""Seeds bugs into the example modules, lets the search engine mend them, and counts per template.

    python benchmarks/mutants.py [--count 40] [--seed 1] [--time-s 60]

Every second test is held back from the engine and judges the patch afterwards, together with the
original code: "exact" is the original again (by AST), "passes" differs from it but all held-back
tests pass, "wrong" fails one of them. Seeding and mending both use the templates, so the rates
compare templates with each other; they say little about bugs in the wild.
"""

import argparse
import ast
import collections
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from daemon.engines import Baseline, BugReport, Case, Proposal
from daemon.engines.search.candidates import Area, candidates
from daemon.engines.search.edits import applied
from daemon.engines.search.engine import SearchEngine
from daemon.engines.search.program import Program
from daemon.settings import SearchSettings
from reflections.note import Reflection
from sandbox.patch import patched
from sandbox.trial import Limits, Module, Sandbox

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("ledgerly", "parcels")


@dataclass(frozen=True)
class Mutant:
    """One seeded bug."""

    module: Path
    filename: str
    original: str
    text: str
    function: str
    template: str


class Tree:
    """A read-only look at a folder; tests may not be edited."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files = tuple(sorted(str(p.relative_to(root)) for p in root.rglob("*.py")))

    def read(self, filename: str) -> bytes | None:
        """The bytes of a file."""
        return (self._root / filename).read_bytes() if filename in self.files else None

    def text(self, filename: str) -> str | None:
        """The text of a file."""
        data = self.read(filename)
        return None if data is None else data.decode()

    def may_edit(self, filename: str) -> bool:
        """Everything but tests."""
        return filename in self.files and "test" not in filename


def main() -> int:
    """Seed, mend, count."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time-s", type=float, default=60.0)
    asked = parser.parse_args()
    state = Path(tempfile.mkdtemp(prefix="mutants-"))
    sandbox = Sandbox(
        docker_host=None, limits=Limits(timeout_s=60), slots=2, state=state,
        progress=lambda _: None,
    )  # fmt: skip
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    began = time.monotonic()
    try:
        for number, mutant in enumerate(mutants(asked.seed)):
            if sum(counts["all"].values()) >= asked.count:
                break
            verdict, by = measure(mutant, sandbox, state / f"m{number}", asked.time_s)
            if verdict != "not shown":
                counts["all"][verdict] += 1
                counts[f"seeded: {mutant.template}"][verdict] += 1
                counts[f"mended by: {by}"][verdict] += by != ""
                print(f"{verdict:10} {mutant.template:32} {mutant.function:24} {by}", flush=True)
    finally:
        sandbox.close()
        shutil.rmtree(state, ignore_errors=True)
    report(counts, time.monotonic() - began)
    return 0


def report(counts: dict[str, collections.Counter[str]], seconds: float) -> None:
    """One line per template, then the totals."""
    for name in sorted(counts, key=lambda name: (name == "all", name)):
        row = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts[name].items()))
        print(f"{name:48} {row}")
    print(f"{seconds:.0f} s")


def mutants(seed: int) -> Iterator[Mutant]:
    """Edits of the example modules, the templates in turn, in an order the seed decides."""
    found: dict[str, list[Mutant]] = collections.defaultdict(list)
    for module in (ROOT / "examples" / name for name in MODULES):
        for file in sorted((module / module.name).glob("*.py")):
            program = Program(str(file.relative_to(module)), file.read_text())
            for candidate in candidates(everything(program)):
                text = applied(program.text, candidate.edit.pieces)
                found[candidate.edit.template].append(
                    Mutant(module, program.filename, program.text, text,
                           candidate.function or "", candidate.edit.template)
                )  # fmt: skip
    rng = random.Random(seed)  # noqa: S311
    for each in found.values():
        rng.shuffle(each)
    while any(found.values()):
        for name in sorted(found):
            if found[name]:
                yield found[name].pop()


def everything(program: Program) -> list[Area]:
    """All functions, all lines alike."""
    lines = dict.fromkeys(range(1, len(program.lines) + 1), 1.0)
    return [
        Area(program=program, function=node, suspicion=lines)
        for name, node in program.functions.items()
        if "." not in name or program.function_of(node) is None
    ]


def measure(mutant: Mutant, sandbox: Sandbox, folder: Path, time_s: float) -> tuple[str, str]:
    """Mend one mutant: the verdict, and the template of the patch."""
    before = outcomes(mutant.module)
    full, shown = folder / "full", folder / "shown"
    for copy in (full, shown):
        shutil.copytree(mutant.module, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / mutant.filename).write_text(mutant.text)
    hold_back(shown)
    good = {test for test, ok in before.items() if ok}
    if all(outcomes(full).get(test) for test in good):
        return "not shown", ""
    bench = sandbox.prepare(Module(name="mutant", root=shown))
    try:
        run = bench.run()
        broken = [t for t in run.outcomes if t in good and run.outcomes[t] in ("failed", "error")]
        if not broken or not run.outcomes:
            return "not shown", ""
        source = Tree(shown)
        baseline = Baseline(outcomes=run.outcomes, flaky=(), run=run)
        case = Case(
            reflection=Reflection(
                id="m", timestamp=datetime(2026, 1, 1, tzinfo=UTC), task_summary="A task.",
                outcome="failure", reflection=f"`{mutant.function}` misbehaves.", test=broken[0],
            ),
            source=source, bench=bench, baseline=lambda: baseline, check_report=lambda _: None,
            check_patch=lambda _: None, progress=lambda _: None, stop=threading.Event(),
        )  # fmt: skip
        session = SearchEngine(SearchSettings(time_s=time_s)).open(case)
        found = session.diagnose()
        answer = session.propose(found, None) if isinstance(found, BugReport) else found
    finally:
        bench.close()
    if not isinstance(answer, Proposal):
        return "none", ""
    by = re.findall(r"\(([^()]*)\)\. The line's", answer.patch.rationale)
    if answer.rivals:
        return "held", by[-1] if by else ""
    for name, data in patched(answer.patch, source.read).items():
        (full / name).write_bytes(data)
    return judged(mutant, full, good), by[-1] if by else ""


def judged(mutant: Mutant, full: Path, good: set[str]) -> str:
    """What the patched copy is worth."""
    text = (full / mutant.filename).read_text()
    if ast.dump(ast.parse(text)) == ast.dump(ast.parse(mutant.original)):
        return "exact"
    after = outcomes(full)
    return "passes" if all(after.get(test) for test in good) else "wrong"


def outcomes(folder: Path) -> dict[str, bool]:
    """Which tests of a folder pass, on this machine."""
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-v", "--timeout=10"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = re.findall(r"^(\S+::.*?) (PASSED|FAILED|ERROR)", done.stdout, re.MULTILINE)
    return {test: word == "PASSED" for test, word in found}


def hold_back(folder: Path) -> None:
    """Take every second test out of each test file."""
    for file in sorted(folder.rglob("test_*.py")):
        lines = file.read_text().split("\n")
        tests = [
            node
            for node in ast.parse("\n".join(lines)).body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
        ]
        for node in reversed(tests[1::2]):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            del lines[first - 1 : node.end_lineno]
        file.write_text("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
