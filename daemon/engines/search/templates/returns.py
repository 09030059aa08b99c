"""What a function gives back."""

import ast
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.program import FUNCTIONS
from daemon.engines.search.spot import Spot, tightness


def other_value(spot: Spot) -> Iterator[Edit]:
    """Another name or condition returned, or the value joined with one.

    >>> tried(other_value, "def f(a, b): return a")[:1]
    ['def f(a, b): return b']
    """
    node = spot.node
    assert isinstance(node, ast.Return)
    if node.value is None:
        begin, end = spot.program.span(node)
        for name in [*spot.names(), "True", "False", "0", "[]"]:
            yield spot.change(begin, end, f"return {name}", 0.8)
        return
    text = spot.source(node.value)
    for name in spot.names():
        if name != text:
            yield spot.put(name, 0.7, node.value)
            if not isinstance(node.value, ast.Constant):
                yield spot.put(f"{_tight(spot, node.value)} + {name}", 0.5, node.value)
                yield spot.put(f"{name} + {_tight(spot, node.value)}", 0.6, node.value)
                yield spot.put(f"{_tight(spot, node.value)} - {name}", 0.3, node.value)
    for value in ("None", "True", "False", "0", "[]", "''", "1", "-1", *lengths(spot)):
        if value != text:
            yield spot.put(value, 0.25, node.value)
    for condition in spot.pool.conditions:
        yield spot.put(condition, 0.3, node.value)
        if isinstance(node.value, (ast.Compare, ast.BoolOp, ast.Name)):
            yield spot.put(f"{spot.source(node.value)} and {condition}", 0.3, node.value)


def lengths(spot: Spot) -> list[str]:
    """The lengths of the sequences in scope."""
    return [f"len({n})" for n in spot.names() if "sequence" in spot.pool.kinds.get(n, ())][:4]


def _tight(spot: Spot, node: ast.expr) -> str:
    text = spot.source(node)
    return text if tightness(text) >= 12 else f"({text})"


def add_return(spot: Spot) -> Iterator[Edit]:
    """A return at the end of a block that has none, or `return` before a bare expression.

    >>> tried(add_return, "def f(a):\\n    g(a)\\n", at="g(a)")[:2]
    ['def f(a):\\n    return g(a)\\n', 'def f(a):\\n    g(a)\\n    return a\\n']
    """
    node = spot.node
    if not isinstance(node, ast.stmt) or not spot.pool.function or not spot.whole_lines(node):
        return
    if isinstance(node, ast.Expr) and not isinstance(node.value, (ast.Yield, ast.Constant)):
        begin, _ = spot.program.span(node)
        yield spot.change(begin, begin, "return ", 0.9)
    block = spot.program.block_of(node)
    if node is not block[-1] or isinstance(node, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
        return
    at_end = isinstance(spot.program.parents.get(node), FUNCTIONS)
    for name in [*spot.names(), *("None", "True", "False", "0", "[]", "''"), *lengths(spot)]:
        known = name in spot.pool.locals
        yield spot.after(node, f"return {name}", (0.8 if at_end else 0.4) * (1 if known else 0.6))


def other_ending(spot: Spot) -> Iterator[Edit]:
    """`yield` for `return`, `yield from` for `yield`, and back.

    >>> tried(other_ending, "def f(a):\\n    return a", at="return a")
    ['def f(a):\\n    yield a', 'def f(a):\\n    yield from a']
    """
    node = spot.node
    if isinstance(node, ast.Return) and node.value is not None:
        value, words = node.value, ("yield", "yield from")
    elif isinstance(node, ast.Expr) and isinstance(node.value, (ast.Yield, ast.YieldFrom)):
        if node.value.value is None:
            return
        value = node.value.value
        from_one = isinstance(node.value, ast.Yield)
        words = ("yield from", "return") if from_one else ("yield", "return")
    else:
        return
    begin, end = spot.program.span(node)
    generator = spot.pool.function is not None and any(
        isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(spot.pool.function)
    )
    for word in words:
        weight = 0.8 if generator or word == "return" else 0.3
        yield spot.change(begin, end, f"{word} {spot.source(value)}", weight)
