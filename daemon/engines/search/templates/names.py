"""The wrong variable, attribute, method or target."""

import ast
import difflib
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot


def other_name(spot: Spot) -> Iterator[Edit]:
    """Another name in scope, those used alike first.

    >>> tried(other_name, "def f(a, b): return a[0]", at="a")
    ['def f(a, b): return b[0]']
    """
    node = spot.node
    assert isinstance(node, ast.Name)
    if not isinstance(node.ctx, ast.Load):
        return
    parent = spot.program.parents.get(node)
    called = isinstance(parent, ast.Call) and parent.func is node
    names = spot.pool.functions if called else spot.names()
    for name in names:
        if name != node.id:
            alike = 0.6 if called else spot.pool.alike(node.id, name)
            yield spot.put(name, min(1.0, alike + 0.2 * _similar(node.id, name)))
    owner = spot.pool.parameters[:1]
    if not called and owner in (("self",), ("cls",)) and node.id in spot.pool.attributes:
        yield spot.put(f"{owner[0]}.{node.id}", 0.9)
    if not called:
        for name in spot.pool.globals:
            if name != node.id and name not in spot.pool.locals:
                yield spot.put(name, 0.25 + 0.3 * _similar(node.id, name))


def _similar(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def other_attribute(spot: Spot) -> Iterator[Edit]:
    """Another attribute that the module knows, or one more step along it.

    >>> tried(other_attribute, "n.left = n.right", at="n.right")
    ['n.left = n.left', 'n.left = n.right.left', 'n.left = n.right.right', 'n.left = n']
    """
    node = spot.node
    assert isinstance(node, ast.Attribute)
    parent = spot.program.parents.get(node)
    if isinstance(parent, ast.Call) and parent.func is node:
        return
    begin, end = spot.program.span(node.value)[1], spot.program.span(node)[1]
    for name in spot.pool.attributes:
        if name != node.attr:
            weight = 0.6 + 0.4 * _similar(node.attr, name)
            yield spot.change(begin, end, f".{name}", weight)
    if isinstance(node.ctx, ast.Load):
        for name in spot.pool.attributes:
            yield spot.put(f"{spot.source()}.{name}", 0.3)
        if not isinstance(parent, ast.Attribute):
            yield spot.put(spot.source(node.value), 0.4)


METHOD_SIBLINGS = (
    {"append", "extend", "add", "update", "insert", "appendleft"},
    {"pop", "popleft", "remove", "discard", "popitem"},
    {"strip", "lstrip", "rstrip"}, {"isupper", "islower", "istitle", "isspace"},
    {"lower", "upper", "title", "capitalize", "casefold", "swapcase"}, {"encode", "decode"},
    {"find", "rfind", "index", "rindex"}, {"split", "rsplit", "splitlines", "partition"},
    {"startswith", "endswith"}, {"keys", "values", "items"}, {"union", "intersection",
    "difference", "symmetric_difference"}, {"issubset", "issuperset"}, {"min", "max"},
    {"isdigit", "isalpha", "isalnum", "isnumeric"}, {"get", "setdefault", "pop"},
    {"ljust", "rjust", "center"}, {"removeprefix", "removesuffix"}, {"sort", "reverse"},
)  # fmt: skip
CHANGING = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem",
    "popleft", "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip


def other_method(spot: Spot) -> Iterator[Edit]:
    """Another method: a sibling of the same kind first, then those the module calls or defines.

    One that changes its object where a value was only read is no likely slip.

    >>> tried(other_method, "names.append(n)")[:2]
    ['names.add(n)', 'names.appendleft(n)']
    """
    node = spot.node
    assert isinstance(node, ast.Call)
    if not isinstance(node.func, ast.Attribute):
        return
    begin, end = spot.program.span(node.func.value)[1], spot.program.span(node.func)[1]
    reads = not isinstance(spot.program.parents.get(node), ast.Expr)
    siblings = sorted(
        {name for group in METHOD_SIBLINGS if node.func.attr in group for name in group}
    )
    for name in dict.fromkeys([*siblings, *spot.pool.methods]):
        if name != node.func.attr:
            changes = reads and name in CHANGING and node.func.attr not in CHANGING
            weight = (1.0 if name in siblings else 0.4) * (0.3 if changes else 1.0)
            yield spot.change(begin, end, f".{name}", weight)


def other_target(spot: Spot) -> Iterator[Edit]:
    """The value stored somewhere else.

    >>> tried(other_target, "def f(a, b): a = 1")
    ['def f(a, b): b = 1']
    >>> tried(other_target, "def f(a, b, k): a[k, 0] = b[k]")
    ['def f(a, b, k): b[k] = b[k]', 'def f(a, b, k): b[k, 0] = b[k]']
    """
    node = spot.node
    assert isinstance(node, (ast.Assign, ast.AugAssign))
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if isinstance(target, ast.Name):
        for name in spot.names():
            if name != target.id:
                yield spot.put(name, 0.8 * spot.pool.alike(target.id, name), target)
    for text in _stored_or_read(spot):
        if text != spot.source(target):
            yield spot.put(text, 0.7, target)
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        for name in spot.names():
            if name != target.value.id and "sequence" in spot.pool.kinds.get(name, ()):
                yield spot.put(name, 0.8, target.value)


def _stored_or_read(spot: Spot) -> Iterator[str]:
    """The subscripts and attributes of the function: each may be what should be stored to."""
    found: dict[str, None] = {}
    called = {id(n.func) for n in ast.walk(spot.pool.root) if isinstance(n, ast.Call)}
    for node in ast.walk(spot.pool.root):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and id(node) not in called:
            found.setdefault(spot.source(node))
    yield from (text for text in found if "\n" not in text and len(text) < 50)


def name_for_expression(spot: Spot) -> Iterator[Edit]:
    """A name in scope, or one's attribute or item, instead of a call, an item or a literal.

    >>> tried(name_for_expression, "def f(a, b): return g(a)", at="g(a)")
    ['def f(a, b): return a', 'def f(a, b): return b']
    """
    node = spot.node
    kinds = (ast.Call, ast.Subscript, ast.BinOp, ast.Attribute, ast.Constant, ast.List)
    if not isinstance(node, kinds) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    parent = spot.program.parents.get(node)
    if isinstance(parent, (ast.Expr, ast.JoinedStr, ast.Attribute, ast.withitem)):
        return
    if isinstance(parent, ast.Call) and parent.func is node:
        return
    inside = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    weight = 0.5 if isinstance(node, ast.Constant) else 1.0
    for name in spot.names():
        near = 1.0 if name in inside else 0.7
        yield spot.put(name, weight * near)
