"""Classic mutation operators, written without a look at the repair templates.

The list follows the mutation-testing literature (Offutt's five, statement deletion) and what
Python's tools seed (MutPy, mutmut, cosmic-ray). A repair engine judged on bugs of its own making
flatters itself; these are somebody else's bugs. Each operator takes a node and yields the texts
that could stand in its place.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.Div)
RELATIONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
OTHERS = {ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is}
METHODS = {
    "lower": "upper", "upper": "lower", "lstrip": "rstrip", "rstrip": "lstrip",
    "strip": "lstrip", "find": "rfind", "rfind": "find", "split": "rsplit", "rsplit": "split",
    "startswith": "endswith", "endswith": "startswith", "partition": "rpartition",
    "rpartition": "partition", "removeprefix": "removesuffix", "removesuffix": "removeprefix",
    "append": "remove", "add": "discard", "index": "rindex", "min": "max", "max": "min",
}  # fmt: skip
DEFS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Change:
    """One bug to seed: a node, and the text that shall stand in its place."""

    operator: str
    node: ast.AST
    new: str
    function: str


def changes(text: str) -> Iterator[Change]:
    """Every mutation of every function body of a file; some do not parse or change nothing."""
    for function, node in _nodes(ast.parse(text), ""):
        for operator, act in OPERATORS.items():
            for new in act(node):
                yield Change(operator, node, new, function)


def _nodes(tree: ast.AST, prefix: str, inside: bool = False) -> Iterator[tuple[str, ast.AST]]:
    """The nodes of function bodies with the function's qualified name; no docstring, annotation."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if (
                not isinstance(child, ast.AST)
                or _docstring(child)
                or isinstance(child, ast.JoinedStr)
            ):
                continue
            if isinstance(child, DEFS):
                name = f"{prefix}.{child.name}".lstrip(".")
                yield from _nodes(child, name, not isinstance(child, ast.ClassDef))
            else:
                if inside and hasattr(child, "lineno"):
                    yield prefix, child
                yield from _nodes(child, prefix, inside)


def _docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def replaced(text: str, node: ast.AST, new: str) -> str:
    """The file with the node's own characters replaced (columns count UTF-8 bytes)."""
    lines = text.encode().split(b"\n")
    first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]
    head = lines[first][: node.col_offset]  # type: ignore[attr-defined]
    tail = lines[last][node.end_col_offset :]  # type: ignore[attr-defined]
    indent = b"\n" + b" " * (len(head) - len(head.lstrip()) if head.strip() else len(head))
    middle = new.encode().replace(b"\n", indent)
    return b"\n".join([*lines[:first], head + middle + tail, *lines[last + 1 :]]).decode()


def _with(node: ast.AST, **fields: object) -> str:
    """The node's text with some fields changed; in parentheses, as it may stand anywhere."""
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    new = ast.unparse(other)
    return new if isinstance(node, (ast.stmt, ast.Call, ast.Subscript)) else f"({new})"


def arithmetic(node: ast.AST) -> Iterator[str]:
    """AOR: another arithmetic operator."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
        yield from (_with(node, op=op()) for op in ARITHMETIC if not isinstance(node.op, op))


def relation(node: ast.AST) -> Iterator[str]:
    """ROR: another relational operator."""
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            others = [o for o in RELATIONS if type(op) in RELATIONS and type(op) is not o]
            for other in others or [OTHERS[type(op)]]:
                ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                yield _with(node, ops=ops)


def connector(node: ast.AST) -> Iterator[str]:
    """LCR: `or` for `and`, or one side alone."""
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for place in range(len(node.values)):
            left = node.values[:place] + node.values[place + 1 :]
            yield f"({ast.unparse(left[0])})" if len(left) == 1 else _with(node, values=left)


def condition(node: ast.AST) -> Iterator[str]:
    """COI and COD: a condition negated, or made constant."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"({ast.unparse(node.operand)})"
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        for test in (f"not ({ast.unparse(node.test)})", "True", "False"):
            if not (isinstance(node, ast.While) and test == "True"):
                yield _with(node, test=ast.parse(test, mode="eval").body)


def constant(node: ast.AST) -> Iterator[str]:
    """CRP: another constant of the same type."""
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield str(not value)
        elif isinstance(value, (int, float)):
            yield from (f"({new})" for new in (value + 1, value - 1, 0, -value) if new != value)
        elif isinstance(value, str):
            yield repr("XX" + value + "XX")
            yield repr("") if value else repr("XX")


def nothing_for_a_value(node: ast.AST) -> Iterator[str]:
    """None stored or returned instead of a value."""
    none = ast.Constant(value=None)
    if isinstance(node, (ast.Assign, ast.Return)) and node.value is not None:
        yield _with(node, value=none)


def augmented(node: ast.AST) -> Iterator[str]:
    """ASR: `+=` becomes `-=`, or a plain assignment."""
    if isinstance(node, ast.AugAssign):
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield _with(node, op=other)
        yield f"{ast.unparse(node.target)} = {ast.unparse(node.value)}"


def statement(node: ast.AST) -> Iterator[str]:
    """SDL: a statement deleted."""
    simple = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Raise, ast.If, ast.For)
    if isinstance(node, (*simple, ast.Continue, ast.Break)):
        yield "pass"


def leap(node: ast.AST) -> Iterator[str]:
    """BCR: `break` for `continue` and back."""
    if isinstance(node, (ast.Break, ast.Continue)):
        yield "continue" if isinstance(node, ast.Break) else "break"


def loop(node: ast.AST) -> Iterator[str]:
    """OIL, RIL and ZIL: the loop runs once, backwards, or never."""
    if isinstance(node, ast.For):
        yield _with(node, body=[*node.body, ast.Break()])
        source = ast.unparse(node.iter)
        for new in (f"reversed(list({source}))", "[]"):
            yield _with(node, iter=ast.parse(new, mode="eval").body)


def argument(node: ast.AST) -> Iterator[str]:
    """ARD: an argument dropped, or None in its place."""
    if isinstance(node, ast.Call) and len(node.args) + len(node.keywords) > 1:
        none = ast.Constant(value=None)
        for place in range(len(node.args)):
            before, after = node.args[:place], node.args[place + 1 :]
            yield _with(node, args=[*before, *after])
            yield _with(node, args=[*before, none, *after])
        for place in range(len(node.keywords)):
            yield _with(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])


def slice_bound(node: ast.AST) -> Iterator[str]:
    """SIR: a bound or the step of a slice removed."""
    if isinstance(node, ast.Slice):
        for field in ("lower", "upper", "step"):
            if getattr(node, field) is not None:
                yield _with(node, **{field: None})[1:-1]


def method(node: ast.AST) -> Iterator[str]:
    """A string or list method swapped for its twin."""
    if isinstance(node, ast.Attribute) and node.attr in METHODS:
        yield f"{ast.unparse(node.value)}.{METHODS[node.attr]}"
    if isinstance(node, ast.Name) and node.id in ("min", "max", "any", "all"):
        yield {"min": "max", "max": "min", "any": "all", "all": "any"}[node.id]


def filtering(node: ast.AST) -> Iterator[str]:
    """A comprehension's condition removed."""
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
        for place, part in enumerate(node.generators):
            if part.ifs:
                bare = ast.comprehension(part.target, part.iter, [], part.is_async)
                parts = [*node.generators[:place], bare, *node.generators[place + 1 :]]
                yield _with(node, generators=parts)[1:-1]


def handler(node: ast.AST) -> Iterator[str]:
    """EHD: what an exception handler does replaced by raising on."""
    if isinstance(node, ast.ExceptHandler) and not isinstance(node.body[0], ast.Raise):
        kind = f" {ast.unparse(node.type)}" if node.type else ""
        yield f"except{kind}:\n    raise"


OPERATORS: dict[str, Callable[[ast.AST], Iterator[str]]] = {
    "arithmetic operator (AOR)": arithmetic,
    "relational operator (ROR)": relation,
    "logical connector (LCR)": connector,
    "condition negated or constant (COI)": condition,
    "constant (CRP)": constant,
    "None for a value": nothing_for_a_value,
    "augmented assignment (ASR)": augmented,
    "statement deleted (SDL)": statement,
    "break and continue (BCR)": leap,
    "loop once, backwards, never (OIL)": loop,
    "argument dropped or None (ARD)": argument,
    "slice bound removed (SIR)": slice_bound,
    "method's twin": method,
    "filter removed": filtering,
    "handler raises (EHD)": handler,
}
