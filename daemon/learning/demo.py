"""A recipe's demonstration: the function and its test, cut out so that they run by themselves.

Only a module-level function that needs nothing but Python's own library can be cut out; whatever
else it leans on would have to be shown too. Everything is parsed and written again, so comments go,
and docstrings are dropped. What looks personal or secret is not cut out at all.
"""

import ast
import builtins
import sys
from collections.abc import Iterable

from daemon.checks.special_case import test_source
from daemon.learning.recipe import MOST_DEMO, Demo
from daemon.learning.scrub import personal

SUBJECT = "subject"
TEST_HELPERS = frozenset({"pytest"})
_BUILTINS = frozenset(dir(builtins))


def demo_of(before: str, after: str, test_file: str, test: str) -> Demo | None:
    """The demonstration of a change of one function, by one test of it; None where none can be.

    `before` and `after` are the file's text, `test_file` the text of the test's file.
    """
    try:
        old, new = ast.parse(before), ast.parse(after)
        name = _changed_function(old, new)
        subjects = [_cut(tree, name) for tree in (old, new)] if name else []
        check = _test(ast.parse(test_file), test_source(test_file, test), name) if name else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if check is None or None in subjects:
        return None
    texts = [*(text for text in subjects if text), check]
    if any(len(text) > MOST_DEMO or personal(text) for text in texts):
        return None
    return Demo(before=texts[0], after=texts[1], test=texts[2])


def _changed_function(old: ast.Module, new: ast.Module) -> str | None:
    """The one module-level function that differs, when nothing else does."""
    if len(old.body) != len(new.body):
        return None
    pairs = zip(old.body, new.body, strict=True)
    changed = [a for a, b in pairs if ast.dump(a) != ast.dump(b)]
    if len(changed) == 1 and isinstance(changed[0], ast.FunctionDef):
        return changed[0].name
    return None


def _cut(tree: ast.Module, name: str) -> str | None:
    """The function with the imports it needs, as a module; None when it needs more than that."""
    function = next(
        (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name), None
    )
    if function is None or function.decorator_list:
        return None
    needed = _free(function) - {name}
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    kept = [node for node in imports if _binds(node) & needed]
    if needed - set().union(*map(_binds, kept), set()) or not all(map(_standard, kept)):
        return None
    return _written([*kept, function])


def _test(tree: ast.Module, source: str, name: str) -> str | None:
    """The test's own code with its imports; the function comes from `subject`."""
    part = ast.parse(source)
    needed = _free(part) - {name}
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    own = [node for node in imports if _binds(node) & needed]
    if needed - set().union(*map(_binds, own), set()) or not all(map(_standard, own)):
        return None
    if not any(isinstance(n, ast.FunctionDef) and n.name.startswith("test") for n in part.body):
        return None
    return f"from {SUBJECT} import {name}\n{_written([*own, *part.body])}"


def _written(nodes: Iterable[ast.stmt]) -> str:
    """Python text without docstrings."""
    module = ast.Module(body=list(nodes), type_ignores=[])
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if (
                ast.get_docstring(node, clean=False) is not None
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return f"{ast.unparse(ast.fix_missing_locations(module))}\n"


def _free(tree: ast.AST) -> set[str]:
    """Names that are read but bound nowhere inside, builtins aside; careful rather than exact."""
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id not in read}
    bound |= {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    bound |= {
        n.name
        for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler)
        and n.name
    }
    return read - bound - _BUILTINS


def _binds(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}


def _standard(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether an import is of Python's own library (or of pytest, in the test)."""
    if isinstance(node, ast.ImportFrom):
        names = [node.module or ""] if node.level == 0 else [""]
    else:
        names = [alias.name for alias in node.names]
    known = sys.stdlib_module_names | TEST_HELPERS
    return all(name.partition(".")[0] in known for name in names)
