"""Bugs of a real project from its own history: small fixes that came with a test."""

import ast
import hashlib
import io
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FIX = re.compile(
    r"\b(fix\w*|bugs?|bugfix|issues?|crash\w*|wrong|incorrect\w*|regressions?|broken|handle)\b",
    re.IGNORECASE,
)
TEST = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|[^/]*_tests?\.py$|tests?\.py$|conftest\.py$)")
NO_SOURCE = re.compile(r"(^|/)(setup|conf|docs?|examples?|benchmarks?|tools?|version)(\.py$|/)")
MOST_LINES = 14  # changed lines of source, added and removed together


@dataclass(frozen=True)
class Fix:
    """A commit that repairs something."""

    commit: str
    parent: str
    subject: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]
    lines: int

    @property
    def half(self) -> str:
        """ "dev" or "held-out", by the commit alone."""
        return "dev" if hashlib.sha256(self.commit.encode()).digest()[0] % 2 else "held-out"


def fixes(repository: Path, since: str) -> Iterator[Fix]:
    """Commits whose message speaks of a fix: one or two small source changes, and a test."""
    log = git(
        repository, "log", "--no-merges", f"--since={since}", "--numstat", "--no-renames",
        "--format=%x00%H %P%x01%s%x01%b%x02",
    ).decode(errors="replace")  # fmt: skip
    for entry in log.split("\0")[1:]:
        head, _, numbers = entry.partition("\2")
        ids, subject, body = head.split("\1", 2)
        commit, _, parent = ids.partition(" ")
        rows = [row.split("\t") for row in numbers.strip().splitlines() if row.count("\t") == 2]
        python = [row for row in rows if row[2].endswith(".py") and row[0].isdigit()]
        tests = tuple(row[2] for row in python if TEST.search(row[2]) and row[0] != "0")
        sources = [r for r in python if not TEST.search(r[2]) and not NO_SOURCE.search(r[2])]
        lines = sum(int(row[0]) + int(row[1]) for row in sources)
        if not FIX.search(subject + " " + body) or not parent or " " in parent:
            continue
        if tests and 1 <= len(sources) <= 2 and 0 < lines <= MOST_LINES:
            names = tuple(row[2] for row in sources)
            yield Fix(commit, parent, subject.strip(), names, tests, lines)


def git(repository: Path, *arguments: str) -> bytes:
    """What git prints."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout


def export(repository: Path, commit: str, folder: Path) -> None:
    """The tree of a commit."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(git(repository, "archive", commit))) as archive:
        archive.extractall(folder, filter="data")


def without(text: str, names: set[tuple[str, ...]]) -> str:
    """A test file without some of its test functions (each a path such as ("TestX", "test_y"))."""
    lines = text.split("\n")
    doomed = [node for path, node in functions(ast.parse(text)) if path in names]
    for node in sorted(doomed, key=lambda node: -node.lineno):
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        indent = lines[node.lineno - 1][: node.col_offset]
        lines[first - 1 : node.end_lineno] = [indent + "pass"]
    return "\n".join(lines)


def functions(
    tree: ast.AST, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], ast.FunctionDef]]:
    """The functions and methods of a file, with the names that lead to them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield (*path, node.name), node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, (*path, node.name))


def unworded(text: str) -> str:
    """The code alone: no comments, no docstrings or other bare texts, one formatting."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [each for each in body if not _is_text(each)]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree) + "\n"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
