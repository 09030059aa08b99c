"""Operators: another one, the operands the other way round, one operand more."""

import ast
import re
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot

COMPARISONS: dict[type[ast.cmpop], tuple[tuple[str, float], ...]] = {
    ast.Lt: (("<=", 1.0), (">", 0.8), (">=", 0.7), ("!=", 0.4), ("==", 0.3)),
    ast.LtE: (("<", 1.0), (">=", 0.8), (">", 0.7), ("==", 0.4), ("!=", 0.3)),
    ast.Gt: ((">=", 1.0), ("<", 0.8), ("<=", 0.7), ("!=", 0.4), ("==", 0.3)),
    ast.GtE: ((">", 1.0), ("<=", 0.8), ("<", 0.7), ("==", 0.4), ("!=", 0.3)),
    ast.Eq: (
        ("!=", 0.9),
        ("<=", 0.8),
        (">=", 0.8),
        ("is", 0.4),
        ("in", 0.4),
        ("<", 0.4),
        (">", 0.4),
    ),
    ast.NotEq: (("==", 0.9), ("<", 0.7), (">", 0.7), ("is not", 0.4), ("not in", 0.4), ("<=", 0.3)),
    ast.Is: (("is not", 0.9), ("==", 0.8)),
    ast.IsNot: (("is", 0.9), ("!=", 0.8)),
    ast.In: (("not in", 0.9), ("==", 0.6)),
    ast.NotIn: (("in", 0.9), ("!=", 0.6)),
}
WORDS = {
    ast.Lt: r"<", ast.LtE: r"<=", ast.Gt: r">", ast.GtE: r">=", ast.Eq: r"==", ast.NotEq: r"!=",
    ast.Is: r"is", ast.IsNot: r"is\s+not", ast.In: r"in", ast.NotIn: r"not\s+in",
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], tuple[tuple[str, float], ...]] = {
    ast.Add: (("-", 1.0), ("*", 0.5), ("|", 0.2)),
    ast.Sub: (("+", 1.0), ("*", 0.3), ("//", 0.3), ("%", 0.3), ("/", 0.2)),
    ast.Mult: (("/", 0.7), ("+", 0.7), ("//", 0.5), ("**", 0.6), ("-", 0.4)),
    ast.Div: (("//", 1.0), ("*", 0.7), ("%", 0.5), ("-", 0.3)),
    ast.FloorDiv: (("/", 1.0), ("%", 0.8), ("*", 0.5), ("-", 0.3)),
    ast.Mod: (("//", 1.0), ("/", 0.5), ("*", 0.3), ("-", 0.3)),
    ast.Pow: (("*", 1.0), ("**-", 0.1), ("+", 0.2)),
    ast.BitAnd: (("|", 1.0), ("^", 0.8)),
    ast.BitOr: (("&", 1.0), ("^", 0.8), ("+", 0.3)),
    ast.BitXor: (("&", 1.0), ("|", 1.0), ("**", 0.6), ("+", 0.3)),
    ast.LShift: ((">>", 1.0), ("*", 0.2)),
    ast.RShift: (("<<", 1.0), ("//", 0.2)),
    ast.MatMult: (("*", 1.0),),
}
SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<",
    ast.RShift: ">>", ast.MatMult: "@",
}  # fmt: skip


def compare_otherwise(spot: Spot) -> Iterator[Edit]:
    """Another comparison.

    >>> tried(compare_otherwise, "a < b")[:2]
    ['a <= b', 'a > b']
    >>> tried(compare_otherwise, "x is not None")
    ['x is None', 'x != None']
    """
    node = spot.node
    assert isinstance(node, ast.Compare)
    sides = [node.left, *node.comparators]
    for place, operator in enumerate(node.ops):
        found = _sign(spot, sides[place], sides[place + 1], WORDS[type(operator)])
        if found:
            for text, weight in COMPARISONS[type(operator)]:
                if text in ("is", "is not") and not _may_be_identity(sides[place + 1]):
                    continue
                yield spot.change(*found, text, weight)


def _may_be_identity(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant) or node.value is None or isinstance(node.value, bool)


def _sign(spot: Spot, left: ast.AST, right: ast.AST, pattern: str) -> tuple[int, int] | None:
    """Where the operator stands between two nodes."""
    begin, end = spot.between(left, right)
    match = re.search(pattern, spot.program.text[begin:end])
    return (begin + match.start(), begin + match.end()) if match else None


def compute_otherwise(spot: Spot) -> Iterator[Edit]:
    """Another arithmetic or bitwise operator.

    >>> tried(compute_otherwise, "a / b")[:2]
    ['a // b', 'a * b']
    >>> tried(compute_otherwise, "n ^= n - 1")[:2]
    ['n &= n - 1', 'n |= n - 1']
    """
    node = spot.node
    assert isinstance(node, (ast.BinOp, ast.AugAssign))
    left, right = (
        (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
    )
    if isinstance(left, ast.Constant) and isinstance(left.value, str):
        return  # "…" % values is formatting
    tail = "=" if isinstance(node, ast.AugAssign) else ""
    found = _sign(spot, left, right, re.escape(SIGNS[type(node.op)] + tail))
    if found:
        for text, weight in ARITHMETIC[type(node.op)]:
            if not (tail and text == "**-"):
                yield spot.change(*found, text + tail, weight)
        if tail:
            yield spot.change(*found, "=", 0.4)


def join_otherwise(spot: Spot) -> Iterator[Edit]:
    """`and` for `or`, everywhere or for two operands, and the other grouping.

    >>> tried(join_otherwise, "a and b")
    ['a or b']
    >>> tried(join_otherwise, "a and b and c")
    ['a or b and c', 'a and b or c', 'a or b or c']
    >>> tried(join_otherwise, "a or b and c")
    ['a and b and c', '(a or b) and c', 'a or b or c']
    """
    node = spot.node
    assert isinstance(node, ast.BoolOp)
    word, other = ("or", "and") if isinstance(node.op, ast.Or) else ("and", "or")
    for left, right in zip(node.values, node.values[1:], strict=False):
        found = _sign(spot, left, right, rf"\b{word}\b")
        if found:
            yield spot.change(*found, other)
    if len(node.values) > 2:
        texts = [spot.fitted_in(value, 4) for value in node.values]
        yield spot.put(f" {other} ".join(texts), 0.9)
    yield from _regroup(spot, node, word, other)


def _regroup(spot: Spot, node: ast.BoolOp, word: str, other: str) -> Iterator[Edit]:
    """`a or b and c` read as `(a or b) and c`."""
    last = node.values[-1]
    if word == "or" and isinstance(last, ast.BoolOp) and len(node.values) == 2:
        first, *rest = (spot.source(value) for value in last.values)
        begin, _ = spot.program.span(node)
        _, end = spot.program.span(last)
        text = f"({spot.source(node.values[0])} or {first}) {other} " + f" {other} ".join(rest)
        yield spot.change(begin, end, text, 0.6)


def swap_operands(spot: Spot) -> Iterator[Edit]:
    """The two operands, or two elements of a tuple or list, the other way round.

    >>> tried(swap_operands, "a - b")
    ['b - a']
    >>> tried(swap_operands, "t[i, j]")
    ['t[j, i]']
    >>> tried(swap_operands, "x in part")
    ['part in x']
    >>> tried(swap_operands, "a[0] or not a")
    ['not a or a[0]']
    """
    node = spot.node
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, (ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)):
            return
        yield _exchanged(spot, node.left, node.right, 1.0)
    elif isinstance(node, ast.BoolOp):  # what comes first protects what follows
        if len(node.values) == 2:
            yield _exchanged(spot, node.values[0], node.values[1], 0.5)
    elif isinstance(node, ast.Compare):
        if len(node.ops) == 1 and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            yield _exchanged(spot, node.left, node.comparators[0], 0.9)
    elif isinstance(node, (ast.Tuple, ast.List)):
        for left, right in zip(node.elts, node.elts[1:], strict=False):
            if spot.source(left) != spot.source(right):
                yield _exchanged(spot, left, right, 0.9)


def _exchanged(spot: Spot, left: ast.AST, right: ast.AST, weight: float) -> Edit:
    """Both nodes' texts exchanged, parentheses around either kept in place."""
    (begin, _), (_, end) = spot.program.span(left), spot.program.span(right)
    gap = spot.program.text[slice(*spot.between(left, right))]
    first, second = spot.fitted(spot.source(right), left), spot.fitted(spot.source(left), right)
    return spot.change(begin, end, first + gap + second, weight)


def add_operand(spot: Spot) -> Iterator[Edit]:
    """A name in scope added to, taken from or joined with a value.

    >>> tried(add_operand, "def f(k, n): return g(k)", at="k")[:2]
    ['def f(k, n): return g(k + n)', 'def f(k, n): return g(k - n)']
    """
    node = spot.node
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
        return
    parent = spot.program.parents.get(node)
    if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is node):
        return
    numeric = "number" in spot.pool.kinds.get(node.id, {"number"})
    for name in spot.names():
        if name == node.id:
            continue
        alike = spot.pool.alike(node.id, name)
        for sign in ("+", "-") if numeric else ("+",):
            yield spot.put(f"{node.id} {sign} {name}", 0.6 * alike)
        if numeric and alike == 1.0:
            yield spot.put(f"{node.id} * {name}", 0.3)
    if numeric:
        yield spot.put(f"{node.id} * {node.id}", 0.3)
        yield spot.put(f"{node.id} * 2", 0.2)
        yield spot.put(f"{node.id} // 2", 0.2)
