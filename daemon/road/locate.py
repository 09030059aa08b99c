"""Finds a function in a module by name, and shows its code the way an engine should see it."""

import ast
import difflib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
CONTEXT_LINES = 3
MOST_LINES = 400


class UnreadableSource(Exception):
    """The file is not Python that this interpreter can parse; holds line and message."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function or class of one file. Lines count from 1, both included, decorators too."""

    name: str  # qualified as in the AST: "Class.method", "outer.inner"
    first_line: int
    last_line: int
    header_line: int  # the line of `def` or `class`


@dataclass(frozen=True, kw_only=True)
class Location:
    """The code worth showing for a report: numbered lines, gaps marked."""

    filename: str
    function: Function | None
    numbered: str


def parse(text: str, filename: str) -> ast.Module:
    """The AST. Raises UnreadableSource with line and message."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the target's odd escapes are not our news
            return ast.parse(text, filename)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f" line {line}" if line else ""
        message = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise UnreadableSource(f"{filename}{place}: {message}") from None


def functions(tree: ast.Module) -> tuple[Function, ...]:
    """Every function, method and class, nested ones too, in the order of the file."""
    return tuple(_function(name, node) for name, node in _definitions(tree, ""))


def find(tree: ast.Module, name: str) -> Function | None:
    """The function of that qualified name, or of that last part when only one has it.

    A name defined twice means its last definition, as it does for Python.
    """
    known = functions(tree)
    exact = [function for function in known if function.name == name]
    if exact:
        return exact[-1]
    tail = [function for function in known if function.name.rsplit(".", 1)[-1] == name]
    return tail[0] if len(tail) == 1 else None


def near_misses(tree: ast.Module, name: str) -> tuple[str, ...]:
    """Real names that look like `name`, best first; all of a small file when none does."""
    known = list(dict.fromkeys(function.name for function in functions(tree)))
    last = name.rsplit(".", 1)[-1]
    same_tail = [real for real in known if real.rsplit(".", 1)[-1] == last]
    close = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
    return tuple(dict.fromkeys([*same_tail, *close])) or tuple(known[:8])


def enclosing(tree: ast.Module, line: int) -> Function | None:
    """The innermost function (not class) around a line."""
    around = [
        _function(name, node)
        for name, node in _definitions(tree, "")
        if not isinstance(node, ast.ClassDef)
        and _first_line(node) <= line <= (node.end_lineno or node.lineno)
    ]
    return around[-1] if around else None


def locate(text: str, filename: str, name: str | None) -> Location:
    """The function's code with decorators, enclosing class header, imports and context lines."""
    lines = text.split("\n")
    tree = parse(text, filename)
    function = find(tree, name) if name else None
    wanted = set(range(1, len(lines) + 1)) if function is None else _worth(tree, function)
    shown = sorted(line for line in wanted if 1 <= line <= len(lines))[:MOST_LINES]
    return Location(filename=filename, function=function, numbered=numbered(lines, shown))


def numbered(lines: list[str], shown: list[int]) -> str:
    """The lines named, each with its number; a gap is shown as an ellipsis."""
    rows, before = [], 0
    for line in shown:
        if line != before + 1:
            rows.append("     …")
        rows.append(f"{line:5d} {lines[line - 1].rstrip(chr(13))}")
        before = line
    return "\n".join(rows)


def _worth(tree: ast.Module, function: Function) -> set[int]:
    wanted = set(range(function.first_line - CONTEXT_LINES, function.last_line + CONTEXT_LINES + 1))
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            wanted.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for _, node in _definitions(tree, ""):
        inside = node.lineno < function.first_line <= (node.end_lineno or node.lineno)
        if inside:
            wanted.update(range(_first_line(node), node.body[0].lineno))
    return wanted


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Definition]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            name = f"{prefix}{child.name}"
            yield name, child
            yield from _definitions(child, f"{name}.")
        else:
            yield from _definitions(child, prefix)


def _function(name: str, node: Definition) -> Function:
    return Function(
        name=name,
        first_line=_first_line(node),
        last_line=node.end_lineno or node.lineno,
        header_line=node.lineno,
    )


def _first_line(node: Definition) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
