"""List, tuple and dict literals, and looking things up."""

import ast
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot


def fill(spot: Spot) -> Iterator[Edit]:
    """Something put into a literal, an element dropped, the literal nested once more.

    >>> tried(fill, "def f(n): return []", at="[]")[:3]
    ['def f(n): return [[]]', 'def f(n): return [n]', 'def f(n): return [0]']
    """
    node = spot.node
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    text = spot.source()
    if isinstance(node, ast.List):
        yield spot.put(f"[{text}]")
    if isinstance(node, ast.List) and not node.elts:
        yield from (spot.put(f"[{name}]", 0.9) for name in spot.names())
        yield from (spot.put(f"[{value}]", 0.6) for value in ("0", "1", "None", "''"))
        yield from (spot.put(value, 0.3) for value in ("None", "()", "{}"))
    elif isinstance(node, (ast.List, ast.Tuple)) and 0 < len(node.elts) <= 12:
        texts = [spot.source(element) for element in node.elts]
        for place in range(len(texts)):
            weight = 0.5 if len(texts) <= 5 else 0.3
            yield _literal(spot, node, texts[:place] + texts[place + 1 :], weight)
        for name in spot.names():
            if name not in texts:
                yield _literal(spot, node, [*texts, name], 0.3)
    elif isinstance(node, ast.Dict) and not node.keys:
        yield spot.put("[]", 0.2)


def _literal(spot: Spot, node: ast.List | ast.Tuple, texts: list[str], weight: float) -> Edit:
    inner = ", ".join(texts)
    if isinstance(node, ast.List):
        return spot.put(f"[{inner}]", weight)
    return spot.put(f"({inner},)" if len(texts) == 1 else f"({inner})", weight)


def look_up(spot: Spot) -> Iterator[Edit]:
    """`d.get(key, default)` for `d[key]`, and the other way; another default.

    >>> tried(look_up, "x = d[k]")[:2]
    ['x = d.get(k)', 'x = d.get(k, 0)']
    """
    node = spot.node
    if isinstance(node, ast.Subscript):
        if isinstance(node.slice, (ast.Slice, ast.Tuple)) or not isinstance(node.ctx, ast.Load):
            return
        base, key = spot.source(node.value), spot.source(node.slice)
        if isinstance(node.value, ast.Attribute):
            yield spot.put(f"{base}({key})", 0.6)  # a call with the wrong brackets
        yield spot.put(f"{base}.get({key})", 0.8)
        defaults = ["0", "[]", "''", "1", "False", "{}", *spot.names(), *spot.pool.constants]
        for default in dict.fromkeys(defaults):
            yield spot.put(f"{base}.get({key}, {default})", 0.7 if default in "0[]''" else 0.4)
        for name in spot.names():
            if name != key:
                yield spot.put(f"{base}[{name}]", 0.3)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 2:
        if node.func.id == "hasattr":
            yield spot.put(
                f"getattr({spot.source(node.args[0])}, {spot.source(node.args[1])}, None)"
            )
        elif node.func.id == "getattr":
            yield spot.put(f"{spot.source()[:-1]}, None)", 0.8)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr != "get":
            return
        base, key = spot.source(node.func.value), spot.source(node.args[0])
        yield spot.put(f"{base}[{key}]", 0.5)
        for default in ["0", "[]", "''", "None", "1", "False", *spot.names()]:
            yield spot.put(f"{base}.get({key}, {default})", 0.6)
