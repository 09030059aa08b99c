"""Slices: a bound moved, dropped or added; a whole sequence where a part was meant."""

import ast
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot


def other_slice(spot: Spot) -> Iterator[Edit]:
    """Another part of the sequence.

    >>> tried(other_slice, "def f(a, k): return a[k:]", at="a[k:]")[:3]
    ['def f(a, k): return a[k + 1:]', 'def f(a, k): return a[k - 1:]', 'def f(a, k): return a[:k]']
    >>> tried(other_slice, "def f(a, k): return g(a)", at="a")[:2]
    ['def f(a, k): return g(a[1:])', 'def f(a, k): return g(a[:-1])']
    """
    node = spot.node
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        yield from _moved(spot, node, node.slice)
    elif isinstance(node, ast.Name) and _is_sequence(spot, node):
        counted = 0.3 if _only_counted(spot) else 1.0
        for part in ("1:", ":-1", "::-1", ":"):
            yield spot.put(f"{node.id}[{part}]", 0.8 * counted)
        for name in spot.names():
            if name != node.id and "number" in spot.pool.kinds.get(name, {"number"}):
                yield spot.put(f"{node.id}[{name}:]", 0.7 * counted)
                yield spot.put(f"{node.id}[:{name}]", 0.7 * counted)
                yield spot.put(f"{node.id}[{name} + 1:]", 0.4 * counted)


def _only_counted(spot: Spot) -> bool:
    """Whether only the length is asked for: `len(a) - 1` says it better than `len(a[1:])`."""
    parent = spot.program.parents.get(spot.node)
    return isinstance(parent, ast.Call) and spot.source(parent.func) == "len"


def _is_sequence(spot: Spot, node: ast.Name) -> bool:
    parent = spot.program.parents.get(node)
    if isinstance(parent, (ast.Subscript, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
        return False
    if isinstance(parent, ast.Call) and parent.func is node:
        return False
    kinds = spot.pool.kinds.get(node.id, set())
    return "sequence" in kinds or "text" in kinds or not kinds


def _moved(spot: Spot, node: ast.Subscript, part: ast.Slice) -> Iterator[Edit]:
    base = spot.source(node.value)
    low, high, step = (spot.source(x) if x else "" for x in (part.lower, part.upper, part.step))
    tail = f":{step}" if step else ""
    variants: list[tuple[str, str, float]] = []
    for bound, weight in ((" + 1", 1.0), (" - 1", 0.9)):
        if low:
            variants.append((low + bound, high, weight))
        if high:
            variants.append((low, high + bound, weight))
    variants += [
        (high, low, 0.6),
        ("", high, 0.7),
        (low, "", 0.7),
        ("1", high, 0.4),
        (low, "-1", 0.4),
    ]
    for low_text, high_text, weight in variants:
        if (low_text, high_text) != (low, high):
            yield spot.put(f"{base}[{low_text}:{high_text}{tail}]", weight)
    for name in spot.names():
        if "number" in spot.pool.kinds.get(name, {"number"}) and name != base:
            yield spot.put(f"{base}[{name}:{high}{tail}]", 0.4)
            yield spot.put(f"{base}[{low}:{name}{tail}]", 0.4)
    if step:
        yield spot.put(f"{base}[{low}:{high}]", 0.6)
    else:
        yield spot.put(f"{base}[{low}:{high}:-1]", 0.4)
