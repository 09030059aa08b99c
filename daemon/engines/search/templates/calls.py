"""Calls: arguments in another order, a call too many or too few, the sibling of a function."""

import ast
import itertools
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot

SIBLINGS = (
    {"any", "all"}, {"min", "max"}, {"sum", "len", "max"}, {"sorted", "list", "reversed"},
    {"floor", "ceil", "round", "int", "trunc"}, {"isinstance", "issubclass"}, {"str", "repr"},
    {"int", "float", "round"}, {"list", "set", "tuple", "frozenset"}, {"range", "enumerate", "len"},
    {"heappush", "heappop", "heappushpop", "heapreplace"}, {"getattr", "hasattr"}, {"ord", "chr"},
    {"combinations", "permutations", "combinations_with_replacement", "product"},
    {"bisect_left", "bisect_right", "bisect"}, {"islice", "takewhile", "dropwhile"}, {"zip",
    "zip_longest"}, {"sin", "cos", "tan"}, {"log", "log2", "log10"}, {"radians", "degrees"},
)  # fmt: skip
WRAPPERS: tuple[str, ...] = (
    "sorted",
    "list",
    "set",
    "abs",
    "len",
    "str",
    "int",
    "float",
    "tuple",
    "max",
    "min",
)
WRAPPERS += ("sum", "reversed", "round", "bool", "dict", "next", "iter")


def swap_arguments(spot: Spot) -> Iterator[Edit]:
    """Two arguments exchanged, or all of them turned.

    >>> tried(swap_arguments, "f(a, b)")
    ['f(b, a)']
    >>> tried(swap_arguments, "f(a, b, c)")[:2]
    ['f(a, c, b)', 'f(b, a, c)']
    """
    node = spot.node
    assert isinstance(node, ast.Call)
    arguments = [a for a in node.args if not isinstance(a, (ast.Starred, ast.GeneratorExp))]
    texts = [spot.source(a) for a in arguments]
    if len(arguments) < 2 or len(arguments) > 5 or len(arguments) < len(node.args):
        return
    plain = list(range(len(texts)))
    orders = [list(o) for o in itertools.permutations(plain)] if len(texts) <= 3 else []
    if len(texts) > 3:
        for one, other in itertools.combinations(plain, 2):
            order = list(plain)
            order[one], order[other] = order[other], order[one]
            orders.append(order)
    for order in orders:
        moved = sum(a != b for a, b in zip(order, plain, strict=True))
        if [texts[i] for i in order] != texts:
            yield _reordered(spot, arguments, texts, order, 1.0 if moved == 2 else 0.5)
    for left, right in itertools.combinations(node.keywords, 2):
        if left.arg and right.arg and len(node.keywords) <= 4:
            begin, end = spot.program.span(left.value)[0], spot.program.span(right.value)[1]
            gap = spot.program.text[slice(*spot.between(left.value, right.value))]
            text = spot.source(right.value) + gap + spot.source(left.value)
            yield spot.change(begin, end, text, 0.6)


def _reordered(
    spot: Spot, arguments: list[ast.expr], texts: list[str], order: list[int], weight: float
) -> Edit:
    """The arguments' texts in another order, everything between them kept."""
    begin, end = spot.program.span(arguments[0])[0], spot.program.span(arguments[-1])[1]
    parts = [texts[order[0]]]
    for place, (left, right) in enumerate(itertools.pairwise(arguments), 1):
        parts += [spot.program.text[slice(*spot.between(left, right))], texts[order[place]]]
    return spot.change(begin, end, "".join(parts), weight)


def call_sibling(spot: Spot) -> Iterator[Edit]:
    """The function beside the one called.

    >>> tried(call_sibling, "any(x)")
    ['all(x)']
    """
    node = spot.node
    assert isinstance(node, ast.Call)
    if isinstance(node.func, ast.Name):
        begin, end = spot.program.span(node.func)
        own = node.func.id
    elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        begin, end = spot.program.span(node.func.value)[1] + 1, spot.program.span(node.func)[1]
        own = node.func.attr
    else:
        return
    siblings = {name for group in SIBLINGS if own in group for name in group if name != own}
    for name in sorted(siblings):
        yield spot.change(begin, end, name)


def unwrap(spot: Spot) -> Iterator[Edit]:
    """An operand, an argument or an item's base instead of the whole: something was too much.

    >>> tried(unwrap, "x = f(a) + b", at="f(a) + b")
    ['x = f(a)', 'x = b']
    >>> tried(unwrap, "x = f(a)", at="f(a)")
    ['x = a']
    """
    node = spot.node
    parent = spot.program.parents.get(node)
    for part, weight in _parts(node):
        if isinstance(parent, ast.Expr):
            weight *= 0.3
        if not isinstance(part, (ast.Starred, ast.GeneratorExp)):
            yield spot.put(spot.source(part), weight)
    if isinstance(node, ast.BoolOp) and len(node.values) > 2:
        for value in node.values:
            rest = [spot.source(v) for v in node.values if v is not value]
            word = " and " if isinstance(node.op, ast.And) else " or "
            yield spot.put(word.join(rest), 0.8)


def _parts(node: ast.AST) -> Iterator[tuple[ast.expr, float]]:
    if isinstance(node, ast.BinOp):
        yield node.left, 0.9
        yield node.right, 0.9
    elif isinstance(node, ast.BoolOp):
        if len(node.values) == 2:  # a dropped condition passes weak tests more often than it mends
            yield from ((value, 0.7) for value in node.values)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand, 0.7
    elif isinstance(node, ast.Call):
        yield from ((argument, 1.0) for argument in node.args)
        if isinstance(node.func, ast.Attribute):
            yield node.func.value, 0.8
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value, 0.7
        if not isinstance(node.slice, ast.Slice):
            yield node.slice, 0.5
    elif isinstance(node, ast.IfExp):
        yield node.body, 0.8
        yield node.orelse, 0.8
    elif isinstance(node, (ast.List, ast.Set)) and len(node.elts) == 1:
        yield node.elts[0], 0.6


def wrap(spot: Spot) -> Iterator[Edit]:
    """A call around a value: a builtin, a function of the module, `max` or `min` with a name.

    >>> "x = sorted(y)" in tried(wrap, "x = y", at="y")
    True
    >>> "def f(a, b): a = max(a, b + 1)" in tried(wrap, "def f(a, b): a = b + 1", at="b + 1")
    True
    """
    node = spot.node
    if not _is_value(spot):
        return
    text = spot.source()
    if isinstance(
        node, (ast.Name, ast.Call, ast.Subscript, ast.Attribute, ast.BinOp, ast.ListComp)
    ):
        for function in WRAPPERS:
            if not text.startswith(function + "("):
                yield spot.put(f"{function}({text})", _wrapper_weight(spot, function))
        for function in spot.pool.functions:
            if not text.startswith(function + "("):
                yield spot.put(f"{function}({text})", 0.35)
        for function in spot.pool.one_argument_calls:
            if not text.startswith(function + "("):
                yield spot.put(f"{function}({text})", 0.4)
        for keyword in ("key=len", "reverse=True"):
            yield spot.put(f"sorted({text}, {keyword})", 0.4)
        for default in ("[]", "''", "0", "{}"):
            yield spot.put(f"({text} or {default})", 0.3)
        yield spot.put(f"[{text}]", 0.4)
        yield spot.put(f"({text},)", 0.3)
        yield spot.put(f"-{text}" if isinstance(node, ast.Name) else f"-({text})", 0.35)
    if isinstance(node, (ast.Name, ast.BinOp, ast.Call, ast.Subscript)):
        yield from _bounded(spot, text)


def _is_value(spot: Spot) -> bool:
    """Whether the node is a value that is used (not stored to, called, or a statement)."""
    node, parent = spot.node, spot.program.parents.get(spot.node)
    if not isinstance(node, ast.expr) or isinstance(
        parent, (ast.Expr, ast.JoinedStr, ast.Attribute)
    ):
        return False
    if isinstance(parent, ast.Call) and parent.func is node:
        return False
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def _wrapper_weight(spot: Spot, function: str) -> float:
    node, parent = spot.node, spot.program.parents.get(spot.node)
    kinds = spot.pool.kinds.get(node.id, set()) if isinstance(node, ast.Name) else set()
    if function in ("sorted", "list", "set", "len", "reversed", "tuple", "sum"):
        fits = "sequence" in kinds or isinstance(parent, (ast.For, ast.Return, ast.comprehension))
    else:
        fits = "number" in kinds or isinstance(node, (ast.BinOp, ast.Call))
    return 0.7 if fits else 0.3


def _bounded(spot: Spot, text: str) -> Iterator[Edit]:
    """`max(value, 0)`, `min(value, name)`; the name stored to comes first."""
    statement = spot.program.statement(spot.node)
    stored = statement.targets[0] if isinstance(statement, ast.Assign) else None
    others = ["0", "1"]
    if isinstance(stored, (ast.Name, ast.Subscript)):
        others = [spot.source(stored), *others]
    for other in dict.fromkeys([*others, *spot.names()]):
        if other != text:
            weight = 0.9 if other == others[0] else 0.5 if other in others else 0.3
            yield spot.put(f"max({other}, {text})", weight)
            yield spot.put(f"min({other}, {text})", weight * 0.9)


CHAINED: tuple[str, ...] = (
    ".strip()",
    ".lower()",
    ".copy()",
    ".items()",
    ".keys()",
    ".values()",
    ".split()",
)
CHAINED += ("[::-1]", "[0]", "[1]", "[-1]", "[:]", "[1:]", "[:-1]", ".upper()")
CHAINED += (".swapcase()", ".rstrip()", ".lstrip()", ".title()", ".capitalize()", "[2:]")
PARTS = ("[1:]", "[:-1]", "[::-1]", "[0]", "[-1]")


def chain(spot: Spot) -> Iterator[Edit]:
    """A method called on a value, an item or a part taken of it.

    >>> "x = y.copy()" in tried(chain, "x = y", at="y")
    True
    """
    node = spot.node
    if not _is_value(spot):
        return
    if isinstance(node, (ast.ListComp, ast.List)):
        yield from (spot.put(spot.source() + tail, 0.8) for tail in PARTS)
    if isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
        text = spot.source()
        for tail in CHAINED:
            if not text.endswith(tail):
                yield spot.put(text + tail, 0.7 if tail[0] == "." else 0.9)
        if isinstance(node, ast.Name):
            for name in spot.names():
                if name != node.id and "number" in spot.pool.kinds.get(name, ()):
                    yield spot.put(f"{text}[{name}]", 0.4)
            for name in spot.pool.attributes:
                yield spot.put(f"{text}.{name}", 0.5)
