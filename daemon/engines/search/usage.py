"""What a name is used as, read off the code: a number, a sequence, a text …"""

import ast
from collections.abc import Iterator

SEQUENCE_METHODS = {"append", "extend", "insert", "pop", "sort", "reverse", "popleft", "appendleft"}
SET_METHODS = {"add", "discard", "update", "issuperset", "issubset", "union"}
NUMBER_OPERATORS = (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


def uses(root: ast.AST) -> Iterator[tuple[str, str]]:
    """(name, kind) for what can be read off the code."""
    for node in ast.walk(root):
        if isinstance(node, ast.BinOp) and isinstance(node.op, NUMBER_OPERATORS):
            yield from (
                (n.id, "number") for n in (node.left, node.right) if isinstance(n, ast.Name)
            )
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, "number"
        elif isinstance(node, ast.Compare):
            yield from _compared(node)
        elif isinstance(node, ast.Subscript):
            if isinstance(node.value, ast.Name):
                yield node.value.id, "sequence"
            if isinstance(node.slice, ast.Name):
                yield node.slice.id, "number"
        elif isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.iter, ast.Name):
            yield node.iter.id, "sequence"
        elif isinstance(node, ast.Call):
            yield from _called(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            method = node.attr in SEQUENCE_METHODS | SET_METHODS
            yield node.value.id, "sequence" if method else "object"
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield from ((node.targets[0].id, kind) for kind in _value_kind(node.value))


def _compared(node: ast.Compare) -> Iterator[tuple[str, str]]:
    if isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
        for side in (node.left, *node.comparators):
            if isinstance(side, ast.Name):
                yield side.id, "number"
    elif isinstance(node.ops[0], (ast.In, ast.NotIn)) and isinstance(node.comparators[0], ast.Name):
        yield node.comparators[0].id, "sequence"


def _called(node: ast.Call) -> Iterator[tuple[str, str]]:
    if not isinstance(node.func, ast.Name):
        return
    yield node.func.id, "callable"
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Name):
        if node.func.id in ("len", "sorted", "list", "set", "enumerate", "sum", "any", "all"):
            yield first.id, "sequence"
        elif node.func.id in ("range", "abs", "int", "round"):
            yield first.id, "number"


def _value_kind(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, (int, float)):
        yield "flag" if isinstance(value.value, bool) else "number"
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield "text"
    elif isinstance(value, (ast.List, ast.ListComp, ast.Dict, ast.Set, ast.SetComp, ast.DictComp)):
        yield "sequence"
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        if value.func.id in ("set", "list", "dict", "sorted", "deque", "defaultdict"):
            yield "sequence"
        elif value.func.id in ("len", "int", "min", "max", "sum", "abs"):
            yield "number"
