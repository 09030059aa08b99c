"""Small shapes of code that make a failure look like a success."""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.checks.denied import OPENERS

BROAD = frozenset({"Exception", "BaseException", "AssertionError", "ExceptionGroup"}) | {
    "BaseExceptionGroup"
}
COMPARISONS = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})
PRETENDING = frozenset({"__instancecheck__", "__subclasscheck__", "__subclasshook__", "__class__"})
WRITING = re.compile(r"[rbtU]*[wax+][rwaxbt+U]*")  # a mode of open()
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Trick:
    """What was seen, under which rule it is reported."""

    rule: str
    what: str


def hiding_handler(node: ast.ExceptHandler) -> str | None:
    """A handler that takes every error and does nothing about it."""
    if node.type is not None and not hides_errors([node.type]):
        return None
    if any(not _idle(statement) for statement in node.body):
        return None
    return "except:" if node.type is None else f"except {ast.unparse(node.type)}:"


def hides_errors(types: list[ast.expr]) -> bool:
    """Whether a broad exception class is among these expressions."""
    return any(
        (isinstance(each, ast.Name) and each.id in BROAD)
        or (isinstance(each, ast.Attribute) and each.attr in BROAD)
        or (isinstance(each, ast.Tuple) and hides_errors(each.elts))
        for each in types
    )


def hiding_finally(node: ast.Try | ast.TryStar) -> bool:
    """Whether `finally` returns, breaks or continues: that drops the exception on its way."""
    return any(
        isinstance(inner, ast.Return | ast.Break | ast.Continue)
        for statement in node.finalbody
        for inner in _same_function(statement)
    )


def always_equal(node: ast.FunctionDef) -> Trick | None:
    """A special method that answers the same whatever it is asked."""
    answers = [inner.value for inner in _same_function(node) if isinstance(inner, ast.Return)]
    values = {answer.value for answer in answers if isinstance(answer, ast.Constant)}
    constant = len(values) == 1 and all(isinstance(each, ast.Constant) for each in answers)
    if node.name == "__exit__" and True in values:
        return Trick(rule="swallowed exception", what="__exit__ returning True")
    if node.name in PRETENDING and (constant or node.name == "__class__"):
        return Trick(rule="impostor", what=node.name)
    if node.name not in COMPARISONS:
        return None
    if constant or _looks_at_one_side(node):
        return Trick(rule="always equal", what=f"{node.name} that does not compare")
    return None


def impostor(node: ast.ClassDef) -> str | None:
    """A class that is a number, text or container and answers comparisons in its own way."""
    own = {each.name for each in node.body if isinstance(each, Function)}
    assigned = {
        target.id
        for each in node.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    if assigned & (COMPARISONS | PRETENDING):
        return f"class {node.name} with an assigned {min(assigned & (COMPARISONS | PRETENDING))}"
    values = {"int", "float", "complex", "str", "bytes", "list", "dict", "tuple", "set"}
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)} & values
    if bases and own & COMPARISONS:
        return f"class {node.name}, a {min(bases)} with its own comparison"
    return None


def writing_open(call: ast.Call, name: str | None) -> bool:
    """Whether a call opens a file for more than reading, or with a mode that nobody can see.

    `name` is the dotted name of what is called; None for a method of an unknown object.
    """
    method = isinstance(call.func, ast.Attribute) and call.func.attr == "open" and name is None
    if name not in OPENERS and not method:
        return False
    place = 0 if method else 1
    given = call.args[place : place + 1]
    given += [keyword.value for keyword in call.keywords if keyword.arg in ("mode", None)]
    modes = [each.value for each in given if isinstance(each, ast.Constant)]
    hidden = len(modes) < len(given) or any(isinstance(each, ast.Starred) for each in call.args)
    return (hidden and not method) or any(WRITING.fullmatch(str(mode)) for mode in modes)


def _idle(statement: ast.stmt) -> bool:
    """A statement that does not deal with an error: nothing is called and nothing raised."""
    if isinstance(statement, ast.Pass | ast.Continue | ast.Break | ast.Return):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return isinstance(statement.value, ast.Constant | ast.Name | ast.List | ast.Dict)
    return False


def _looks_at_one_side(node: ast.FunctionDef) -> bool:
    """Whether a comparison method never reads `other`, or never reads `self` nor any field."""
    arguments = [argument.arg for argument in node.args.args]
    if len(arguments) != 2 or _only_raises(node):
        return False
    read = [
        inner.id
        for statement in node.body
        for inner in ast.walk(statement)
        if isinstance(inner, ast.Name) and inner.id not in vars(builtins)
    ]
    return not set(arguments) <= set(read)


def _only_raises(node: ast.FunctionDef) -> bool:
    last = node.body[-1]
    unsupported = isinstance(last, ast.Return) and getattr(last.value, "id", "") == "NotImplemented"
    return len(node.body) <= 2 and (isinstance(last, ast.Raise) or unsupported)


def _same_function(node: ast.AST) -> Iterator[ast.AST]:
    """What belongs to this statement or function itself, without functions defined inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function | ast.Lambda | ast.ClassDef):
            yield child
            yield from _same_function(child)
    if isinstance(node, ast.Return | ast.Break | ast.Continue):
        yield node
