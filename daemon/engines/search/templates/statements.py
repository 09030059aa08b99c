"""Whole statements: inserted, copied, deleted, moved, written in another form."""

import ast
import re
from collections.abc import Iterator

from daemon.engines.search.edits import Edit, Piece
from daemon.engines.search.program import FUNCTIONS
from daemon.engines.search.spot import Spot

SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Return, ast.Raise)


def insert_update(spot: Spot) -> Iterator[Edit]:
    """A variable counted on, a name remembered in a collection, one name set to another.

    >>> tried(insert_update, "def f(x):\\n    s = []\\n    g(s)\\n", at="g(s)")[:1]
    ['def f(x):\\n    s = []\\n    s = x\\n    g(s)\\n']
    """
    node = spot.node
    if not isinstance(node, ast.stmt) or not spot.whole_lines(node) or _is_docstring(node):
        return
    if spot.pool.function is None or isinstance(node, FUNCTIONS):
        return
    ends = isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue))
    last = spot.program.block_of(node)[-1] is node
    for code, weight in _updates(spot):
        yield spot.before(node, code, weight)
        if last and not ends:
            yield spot.after(node, code, weight)


def _updates(spot: Spot) -> Iterator[tuple[str, float]]:
    names = list(spot.names())
    kinds = spot.pool.kinds
    for one in names:
        if "number" in kinds.get(one, ()):
            yield f"{one} += 1", 0.6
            yield f"{one} -= 1", 0.5
        for other in names:
            if one == other:
                continue
            if one not in spot.pool.parameters or spot.pool.alike(one, other) == 1.0:
                yield f"{one} = {other}", 0.5 + 0.3 * (spot.pool.alike(one, other) == 1.0)
            if "number" in kinds.get(one, ()) and spot.pool.alike(one, other) == 1.0:
                yield f"{one} += {other}", 0.4
    for collection in names:
        for method in _filling_methods(spot, collection):
            for name in names:
                if name != collection:
                    yield f"{collection}.{method}({name})", 0.8


def _filling_methods(spot: Spot, name: str) -> list[str]:
    """How this collection is filled here, or how one of its kind would be."""
    made = next(
        (
            spot.source(n.value)
            for n in ast.walk(spot.program.function_of(spot.node) or spot.pool.root)
            if isinstance(n, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == name for t in n.targets)
        ),
        _made_outside(spot, name),
    )
    if re.match(r"(set|frozenset)\(|\{[^:]*\}$", made) and made != "{}":
        return ["add"]
    if made.startswith(("[", "list(", "sorted(")):
        return ["append", "extend"]
    if re.match(r"\w*(deque|Queue)\(", made):
        return ["append", "appendleft"]
    return []


def _made_outside(spot: Spot, name: str) -> str:
    """The value a function around this one gave the name."""
    for around in spot.program.up(spot.node):
        for node in ast.walk(around) if isinstance(around, FUNCTIONS) else ():
            targets = node.targets if isinstance(node, ast.Assign) else ()
            if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                return spot.source(node.value)  # type: ignore[attr-defined]
    return ""


def insert_copy(spot: Spot) -> Iterator[Edit]:
    """A statement from elsewhere in the function, as it is or with one name exchanged.

    >>> tried(insert_copy, "def f(a, b):\\n    g(a)\\n    h(b)\\n", at="h(b)")[:1]
    ['def f(a, b):\\n    g(a)\\n    h(b)\\n    g(a)\\n']
    """
    node = spot.node
    if not isinstance(node, ast.stmt) or not spot.whole_lines(node) or _is_docstring(node):
        return
    if spot.pool.function is None or isinstance(node, FUNCTIONS):
        return
    last = spot.program.block_of(node)[-1] is node
    ends = isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue))
    for donor in ast.walk(spot.pool.root):
        if not isinstance(donor, SIMPLE) or _is_docstring(donor) or "\n" in spot.source(donor):
            continue
        for code, weight in _adapted(spot, donor):
            if not ends and last:
                yield spot.after(node, code, weight)
            yield spot.before(node, code, weight * (0.5 if donor is node else 1.0))


def _adapted(spot: Spot, donor: ast.stmt) -> Iterator[tuple[str, float]]:
    """The donor's text, then with each name replaced by each other name in scope."""
    text = spot.source(donor)
    yield text, 0.8
    used = {n.id for n in ast.walk(donor) if isinstance(n, ast.Name)} & set(spot.pool.locals)
    for one in sorted(used):
        for other in spot.names():
            if other != one:
                alike = spot.pool.alike(one, other)
                yield re.sub(rf"(?<![\w.]){re.escape(one)}\b", other, text), 0.6 * alike


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def delete(spot: Spot) -> Iterator[Edit]:
    """A statement taken out; the only one of a block makes way for `pass`.

    >>> tried(delete, "def f(a):\\n    a += 1\\n    return a\\n", at="a += 1")
    ['def f(a):\\n    return a\\n']
    """
    node = spot.node
    if not isinstance(node, ast.stmt) or not spot.whole_lines(node) or isinstance(node, FUNCTIONS):
        return
    if _is_docstring(node) or isinstance(
        node, (ast.Import, ast.ImportFrom, ast.Pass, ast.ClassDef)
    ):
        return
    if spot.source().startswith("elif"):
        return
    alone = len(spot.program.block_of(node)) == 1
    yield spot.rewrite(node, "pass" if alone else "", 0.5 if alone else 1.0)


def move(spot: Spot) -> Iterator[Edit]:
    """A statement exchanged with the next, taken out of its block, or into the one before.

    >>> tried(move, "def f(a):\\n    g(a)\\n    h(a)\\n", at="g(a)")
    ['def f(a):\\n    h(a)\\n    g(a)\\n']
    """
    node = spot.node
    if not isinstance(node, ast.stmt) or not spot.whole_lines(node) or isinstance(node, FUNCTIONS):
        return
    block = spot.program.block_of(node)
    place = block.index(node)
    if place + 1 < len(block) and spot.whole_lines(block[place + 1]):
        yield _exchanged(spot, node, block[place + 1])
    if place > 0:
        yield from _into(spot, node, block[place - 1])
    parent = spot.program.parents.get(node)
    last = len(block) > 1 and node is block[-1]
    if last and isinstance(parent, (ast.If, ast.For, ast.While, ast.With)):
        yield from _out(spot, node, parent)


def _lines_of(spot: Spot, statement: ast.stmt) -> tuple[int, int, str]:
    begin = spot.program.line_start(statement.lineno)
    end = spot.program.line_start((statement.end_lineno or statement.lineno) + 1)
    text = spot.program.text[begin : min(end, len(spot.program.text))]
    return begin, min(end, len(spot.program.text)), text if text.endswith("\n") else text + "\n"


def _exchanged(spot: Spot, first: ast.stmt, second: ast.stmt) -> Edit:
    begin, middle, one = _lines_of(spot, first)
    start, end, other = _lines_of(spot, second)
    text = other + spot.program.text[middle:start] + one
    if not spot.program.text[begin:end].endswith("\n"):
        text = text.rstrip("\n")
    return spot.change(begin, end, text, 0.8)


def _into(spot: Spot, node: ast.stmt, before: ast.stmt) -> Iterator[Edit]:
    """Into the end of the block of the statement before it."""
    body = getattr(before, "body", None)
    if not isinstance(before, (ast.If, ast.For, ast.While)) or not body:
        return
    if getattr(before, "orelse", None) or body[0].lineno == before.lineno:
        return
    begin, end, text = _lines_of(spot, node)
    inner, outer = spot.program.indent(body[0]), spot.program.indent(node)
    moved = "".join(inner + line[len(outer) :] for line in text.splitlines(keepends=True))
    if not spot.program.text[begin:end].endswith("\n"):
        moved = moved.rstrip("\n")
    yield spot.change(begin, end, moved, 0.7)


def _out(spot: Spot, node: ast.stmt, parent: ast.stmt) -> Iterator[Edit]:
    """Out of the block it is the last statement of, behind it."""
    begin, end, text = _lines_of(spot, node)
    if getattr(parent, "end_lineno", None) != node.end_lineno:
        return
    inner, outer = spot.program.indent(node), spot.program.indent(parent)
    moved = "".join(outer + line[len(inner) :] for line in text.splitlines(keepends=True))
    if not spot.program.text[begin:end].endswith("\n"):
        moved = moved.rstrip("\n")
    yield Edit(pieces=(Piece(begin=begin, end=end, text=moved),), line=node.lineno, weight=0.7)


def other_form(spot: Spot) -> Iterator[Edit]:
    """`x += y` for `x = y` and back, `x.update(y)` for `x = y` and back, a result kept.

    >>> tried(other_form, "x = y")[:2]
    ['x += y', 'x -= y']
    >>> "x.y = z" in tried(other_form, "x.y.update(z)")
    True
    """
    node = spot.node
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        yield from _other_assign(spot, node, node.targets[0])
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield from _call_to_store(spot, node, node.value)
    elif isinstance(node, ast.AugAssign):
        begin, end = spot.program.span(node)
        target, value = spot.source(node.target), spot.source(node.value)
        if isinstance(node.op, ast.Add):
            yield spot.change(begin, end, f"{target}.append({value})", 0.4)
            yield spot.change(begin, end, f"{target}.extend({value})", 0.3)
            yield spot.change(begin, end, f"{target} = {value} + {target}", 0.4)


def _other_assign(spot: Spot, node: ast.Assign, target: ast.expr) -> Iterator[Edit]:
    if isinstance(target, ast.Tuple):
        return
    begin, end = spot.between(target, node.value)
    sign = spot.program.text.find("=", begin, end)
    if sign >= 0:
        for text, weight in (("+=", 0.7), ("-=", 0.5), ("*=", 0.3), ("|=", 0.3)):
            yield spot.change(sign, sign + 1, text, weight)
    start, stop = spot.program.span(node)
    name, value = spot.source(target), spot.source(node.value)
    for method in ("append", "update", "extend", "add"):
        yield spot.change(start, stop, f"{name}.{method}({value})", 0.3)


def _call_to_store(spot: Spot, node: ast.Expr, call: ast.Call) -> Iterator[Edit]:
    begin, end = spot.program.span(node)
    if not isinstance(call.func, ast.Attribute):
        if call.args and isinstance(call.args[0], ast.Name):
            yield spot.change(begin, begin, f"{call.args[0].id} = ", 0.6)
        return
    base = spot.source(call.func.value)
    if len(call.args) == 1 and call.func.attr in ("update", "append", "extend", "add"):
        yield spot.change(begin, end, f"{base} = {spot.source(call.args[0])}", 0.6)
        yield spot.change(begin, end, f"{base} += {spot.source(call.args[0])}", 0.5)
    if isinstance(call.func.value, (ast.Name, ast.Attribute)):
        yield spot.change(begin, begin, f"{base} = ", 0.6)


EXCEPTIONS: tuple[str, ...] = (
    "ValueError",
    "TypeError",
    "KeyError",
    "IndexError",
    "AttributeError",
    "LookupError",
)
EXCEPTIONS += ("ZeroDivisionError", "OSError", "RuntimeError", "StopIteration", "ArithmeticError")
EXCEPTIONS += ("UnicodeError", "NotImplementedError", "OverflowError", "FileNotFoundError")


def other_exception(spot: Spot) -> Iterator[Edit]:
    """Another kind of exception caught or raised.

    >>> tried(other_exception, "raise ValueError(x)")[:1]
    ['raise TypeError(x)']
    """
    node = spot.node
    if isinstance(node, ast.Raise):
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(kind, ast.Name):
            for name in EXCEPTIONS:
                if name != kind.id:
                    yield spot.put(name, 0.6, kind)
        return
    assert isinstance(node, ast.ExceptHandler)
    if isinstance(node.type, (ast.Name, ast.Attribute)):
        own = spot.source(node.type)
        for name in EXCEPTIONS:
            if name != own:
                yield spot.put(name, 0.6, node.type)
                yield spot.put(f"({own}, {name})", 0.7, node.type)
    elif isinstance(node.type, ast.Tuple):
        texts = [spot.source(element) for element in node.type.elts]
        for name in EXCEPTIONS:
            if name not in texts:
                yield spot.put(f"({', '.join([*texts, name])})", 0.7, node.type)
