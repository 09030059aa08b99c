"""Values computed in several steps: regrouped, taken apart, one step more, a text in between."""

import ast
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import LEVELS, Spot

MOST_STEPS = 5


def regroup(spot: Spot) -> Iterator[Edit]:
    """Parentheses elsewhere, two steps the other way round, or only the first steps.

    >>> tried(regroup, "a - b // c")
    ['(a - b) // c', 'a // c - b']
    >>> tried(regroup, "(a - b) // c")
    ['a - b // c', 'a']
    >>> "a + b" in tried(regroup, "a + b + b + a", at="a + b + b + a")
    True
    """
    node = spot.node
    assert isinstance(node, ast.BinOp)
    if isinstance(spot.program.parents.get(node), ast.BinOp) and not _tighter(spot, node):
        return
    left, sign, right = spot.source(node.left), _sign(spot, node), spot.source(node.right)
    if isinstance(node.right, ast.BinOp) and _level(node.right) > _level(node):
        inner = node.right
        first, last = spot.source(inner.left), spot.source(inner.right)
        tail = _sign(spot, inner)
        yield spot.put(f"({left} {sign} {first}) {tail} {last}", 0.9)
        yield spot.put(f"{left} {tail} {last} {sign} {first}", 0.5)
    if isinstance(node.left, ast.BinOp) and _level(node.left) < _level(node):
        inner = node.left
        first, last = spot.source(inner.left), spot.source(inner.right)
        yield spot.put(f"{first} {_sign(spot, inner)} {last} {sign} {right}", 0.9)
    steps = [node]
    while isinstance(steps[-1].left, ast.BinOp) and len(steps) < MOST_STEPS:
        steps.append(steps[-1].left)
    yield from (spot.put(spot.source(step.left), 0.5) for step in steps[1:])


def _tighter(spot: Spot, node: ast.BinOp) -> bool:
    """Whether the node is more than a step of the chain around it."""
    parent = spot.program.parents.get(node)
    return isinstance(parent, ast.BinOp) and parent.right is node


def _level(node: ast.BinOp) -> int:
    return LEVELS[type(node.op)]


def _sign(spot: Spot, node: ast.BinOp) -> str:
    begin, end = spot.between(node.left, node.right)
    return spot.program.text[begin:end].strip("() \n\\")


def one_step_more(spot: Spot) -> Iterator[Edit]:
    """A number halved, doubled, squared, or joined with a constant of the function.

    >>> tried(one_step_more, "s = (a + b)", at="a + b")[:3]
    ['s = ((a + b) / 2)', 's = ((a + b) // 2)', 's = ((a + b) * 2)']
    """
    node, parent = spot.node, spot.program.parents.get(spot.node)
    if not isinstance(node, (ast.BinOp, ast.Call)) or isinstance(
        parent, (ast.BinOp, ast.Expr, ast.Attribute, ast.JoinedStr, ast.FormattedValue)
    ):
        return
    if isinstance(parent, ast.Call) and parent.func is node:
        return
    text = f"({spot.source()})" if isinstance(node, ast.BinOp) else spot.source()
    for tail in ("/ 2", "// 2", "* 2", "% 2", "** 2"):
        yield spot.put(f"{text} {tail}", 0.6)
    numbers = [c for c in spot.pool.constants if c.replace(".", "").isdigit()]
    for number in [n for n in numbers if n not in ("0", "1", "2")][:4]:
        for sign in ("/", "//", "*", "%", "**", "+", "-"):
            yield spot.put(f"{text} {sign} {number}", 0.4)


def text_between(spot: Spot) -> Iterator[Edit]:
    """A separator between two joined texts, before or behind them.

    >>> tried(text_between, "x = a + str(b)")[:2]
    ["x = a + ' ' + str(b)", "x = a + '.' + str(b)"]
    """
    node = spot.node
    assert isinstance(node, ast.BinOp)
    if not isinstance(node.op, ast.Add) or isinstance(node.right, ast.Constant):
        return
    if _kinds(spot, node.left) - {"text"} or _kinds(spot, node.right) - {"text"}:
        return
    found = [c for c in spot.pool.constants if c[:1] in "'\"" and 0 < len(c) - 2 <= 3]
    for text in list(dict.fromkeys(["' '", "'.'", "','", "', '", "'-'", "'_'", "'\\n'", *found])):
        yield spot.put(f"{spot.source(node.left)} + {text} + {spot.source(node.right)}", 0.5)


def _kinds(spot: Spot, node: ast.expr) -> set[str]:
    return spot.pool.kinds.get(node.id, set()) if isinstance(node, ast.Name) else set()


def from_nearby(spot: Spot) -> Iterator[Edit]:
    """An item, an attribute or a call from elsewhere in the function in the place of a value.

    >>> tried(from_nearby, "def f(a, i, n): return g(n) != a[i]", at="n")
    ['def f(a, i, n): return g(a[i]) != a[i]']
    """
    node, parent = spot.node, spot.program.parents.get(spot.node)
    if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Call)):
        return
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or isinstance(
        parent, (ast.Expr, ast.Attribute, ast.JoinedStr, ast.FormattedValue)
    ):
        return
    if isinstance(parent, (ast.Call, ast.Subscript)) and node in (
        getattr(parent, "func", None), getattr(parent, "value", None)
    ):  # fmt: skip
        return
    own = spot.source()
    names = set(spot.names())
    for text, used, kind in spot.pool.expressions:
        if text != own and used <= names | set(spot.pool.globals) | set(spot.pool.functions):
            yield spot.put(text, 1.0 if kind is type(node) else 0.6)


def slip_parenthesis(spot: Spot) -> Iterator[Edit]:
    """The last operand of a call's argument taken out of the call, or one beside it taken in.

    >>> tried(slip_parenthesis, "f(g(a * b))", at="f(g(a * b))")
    ['f(g(a)) * b']
    >>> tried(slip_parenthesis, "f(a) + b")
    ['f(a + b)']
    """
    node = spot.node
    if isinstance(node, ast.Call):
        inner: ast.expr = node
        while isinstance(inner, ast.Call) and inner.args and not inner.keywords:
            inner = inner.args[-1]
        if isinstance(inner, ast.BinOp):
            begin, end = spot.program.span(inner.left)[1], spot.program.span(inner)[1]
            start, stop = spot.program.span(node)
            text = spot.program.text
            shorter = text[start:begin] + text[end:stop]
            yield spot.put(f"{shorter} {_sign(spot, inner)} {spot.source(inner.right)}", 0.8)
    elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Call) and node.left.args:
        end = spot.program.span(node.left.args[-1])[1]
        head = spot.program.text[spot.program.span(node.left)[0] : end]
        tail = spot.program.text[end : spot.program.span(node.left)[1]]
        yield spot.put(f"{head} {_sign(spot, node)} {spot.source(node.right)}{tail}", 0.8)
