"""Bug collections as people publish them, read into one neutral shape."""

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Bug:
    """A broken program, the right one, and statements that each test it."""

    name: str
    function: str
    buggy: str
    reference: str
    tests: tuple[str, ...]  # statements; every name of the program is imported for them
    setup: str = ""  # statements before each

    @property
    def half(self) -> str:
        """ "dev" or "held-out", by the name alone, so that nobody chooses."""
        return "dev" if hashlib.sha256(self.name.encode()).digest()[0] % 2 else "held-out"


def bugs(path: Path) -> list[Bug]:
    """The bugs of a collection, by its form.

    A `.jsonl` file holds either our own rows (the fields of `Bug`) or HumanEvalPack's (OctoPack);
    a folder is Refactory's `data` (Hu et al., ASE 2019: student programs).
    """
    if path.is_dir():
        return list(refactory(path))
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [humaneval(row) if "buggy_solution" in row else own(row) for row in rows]


def own(row: dict[str, Any]) -> Bug:
    """A row in our own form."""
    return Bug(**{**row, "tests": tuple(row["tests"])})


def humaneval(row: dict[str, Any]) -> Bug:
    """A row of HumanEvalPack; every assertion of its `check` function becomes a test."""
    check = next(n for n in ast.parse(row["test"]).body if isinstance(n, ast.FunctionDef))
    parameter = check.args.args[0].arg
    tests, setup = [], []
    if parameter != row["entry_point"]:
        setup.append(f"{parameter} = {row['entry_point']}")
    for node in check.body:
        if not any(isinstance(n, ast.Assert) for n in ast.walk(node)):
            setup.append(ast.unparse(node))
        elif any(isinstance(n, ast.Name) and n.id == parameter for n in ast.walk(node)):
            tests.append(ast.unparse(node))
    return Bug(
        name=row["task_id"].replace("/", "-"),
        function=row["entry_point"],
        buggy=row["prompt"].lstrip("\n") + row["buggy_solution"],
        reference=row["prompt"].lstrip("\n") + row["canonical_solution"],
        tests=tuple(tests),
        setup="\n".join(setup),
    )


def refactory(path: Path) -> Iterator[Bug]:
    """Students' wrong answers to five exercises; the call and the expected text of each test."""
    for question in sorted(path.glob("question_*")):
        shared = question / "code" / "global.py"
        before = shared.read_text() + "\n\n" if shared.exists() else ""
        reference = before + (question / "code" / "reference" / "reference.py").read_text()
        tests = []
        for given in sorted((question / "ans").glob("input_*.txt")):
            expected = given.with_name(given.name.replace("input", "output")).read_text().strip()
            tests.append(f"assert {given.read_text().strip()} == {expected}")
        for file in sorted((question / "code" / "wrong").glob("*.py")):
            buggy = before + file.read_text().replace("\r\n", "\n")
            function = tests[0].removeprefix("assert ").partition("(")[0]
            yield Bug(file.stem, function, buggy, reference, tuple(tests))
