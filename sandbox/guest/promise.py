"""Which tests a file that cannot be imported holds, told from its text alone.

Once the file can be imported these have to be there, so that a patch cannot mend the import and
lose the tests. Only what stands unconditionally at the top of the file, or of a class there.
"""

from __future__ import annotations

import ast
import fnmatch
import os
from collections.abc import Iterator
from typing import Any

TREE = "/module"
MAY_IDLE = frozenset({"skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure"})
Functions = (ast.FunctionDef, ast.AsyncFunctionDef)


def promised(name: str, config: Any) -> list[list[Any]] | None:
    """[id, whether it may be skipped or expected to fail] of each test of a file.

    None when the text cannot tell: no Python file, or one that does not parse.
    """
    try:
        with open(os.path.join(TREE, name), "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None
    functions, classes = config.getini("python_functions"), config.getini("python_classes")
    found = {}
    idle = marked(tree)
    node: Any
    for node in tree.body:
        if is_test(node, functions):
            found[f"{name}::{node.name}"] = idle or named_idle(node)
        elif isinstance(node, ast.ClassDef):
            for method in methods(node, functions, classes):
                lax = idle or named_idle(node) or named_idle(method)
                found[f"{name}::{node.name}::{method.name}"] = lax
    return [[test, lax] for test, lax in found.items()]


def methods(node: ast.ClassDef, functions: list[str], classes: list[str]) -> Iterator[Any]:
    """The test methods of a class that pytest or unittest would collect."""
    bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    unit = any(base.endswith("TestCase") for base in bases)
    own = {part.name for part in node.body if isinstance(part, Functions)}
    own |= {
        target.id
        for part in node.body
        if isinstance(part, ast.Assign)
        for target in part.targets
        if isinstance(target, ast.Name)
    }
    if "__test__" in own or (not unit and ("__init__" in own or not fits(node.name, classes))):
        return
    for part in node.body:
        if is_test(part, ["test"] if unit else functions):
            yield part


def is_test(node: Any, patterns: list[str]) -> bool:
    """Whether a statement defines a function that is a test by its name."""
    if not isinstance(node, Functions) or not fits(node.name, patterns):
        return False
    return not any("fixture" in ast.unparse(each) for each in node.decorator_list)


def fits(name: str, patterns: list[str]) -> bool:
    """pytest's rule: a prefix, or a glob."""
    return any(name.startswith(each) or fnmatch.fnmatch(name, each) for each in patterns)


def named_idle(node: Any) -> bool:
    """Whether a decorator speaks of skipping or of expected failure."""
    return any(words(each) & MAY_IDLE for each in node.decorator_list)


def marked(tree: ast.Module) -> bool:
    """Whether the file as a whole is marked so (`pytestmark = …`)."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
        ):
            return bool(words(node.value) & MAY_IDLE)
    return False


def words(node: ast.AST) -> set[str]:
    """Every name and attribute of an expression."""
    return {
        part.attr if isinstance(part, ast.Attribute) else part.id
        for part in ast.walk(node)
        if isinstance(part, (ast.Attribute, ast.Name))
    }
