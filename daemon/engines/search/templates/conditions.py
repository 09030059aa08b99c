"""Conditions: negated, narrowed, widened, dropped, replaced."""

import ast
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot, tightness


def is_test(spot: Spot) -> bool:
    """Whether the node is what an `if`, `while`, filter or conditional expression asks."""
    parent = spot.program.parents.get(spot.node)
    if isinstance(parent, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        return parent.test is spot.node
    return isinstance(parent, ast.comprehension) and spot.node in parent.ifs


def negate(spot: Spot) -> Iterator[Edit]:
    """The opposite of a test or of an operand of one.

    >>> tried(negate, "if a: pass")
    ['if not a: pass']
    >>> tried(negate, "if not a: pass")
    ['if a: pass']
    """
    node, parent = spot.node, spot.program.parents.get(spot.node)
    operand = isinstance(parent, ast.BoolOp)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield spot.put(spot.source(node.operand))
        return
    if (
        is_test(spot)
        or operand
        or (isinstance(parent, ast.Return) and isinstance(node, ast.Compare))
    ) and not isinstance(node, ast.Constant):
        yield spot.put(f"not {_negatable(spot.source())}", 0.9)


def _negatable(text: str) -> str:
    return text if tightness(text) >= 5 else f"({text})"


def extend(spot: Spot) -> Iterator[Edit]:
    """`or` and `and` with another condition: from the function, or a usual guard on a name.

    >>> for text in tried(extend, "def f(a):\\n    if a.x: pass", at="a.x")[:2]: print(text)
    def f(a):
        if a is None or a.x: pass
    def f(a):
        if a is not None and a.x: pass
    """
    if not is_test(spot):
        parent = spot.program.parents.get(spot.node)
        if not (
            isinstance(parent, ast.Return) and isinstance(spot.node, (ast.Compare, ast.BoolOp))
        ):
            return
    text = spot.source()
    for guard, joined, weight in _guards(spot):
        if guard != text:
            yield spot.put(f"{_operand(guard, joined)} {joined} {_operand(text, joined)}", weight)
    for name in spot.names():
        yield spot.put(f"{_operand(text, 'or')} or {name}", 0.35)
        yield spot.put(f"{_operand(text, 'or')} or not {name}", 0.45)
        yield spot.put(f"{_operand(text, 'and')} and {name}", 0.4)
        yield spot.put(f"{_operand(text, 'and')} and not {name}", 0.35)
    for other in spot.pool.conditions:
        if other != text:
            yield spot.put(f"{_operand(text, 'and')} and {_operand(other, 'and')}", 0.4)
            yield spot.put(f"{_operand(text, 'or')} or {_operand(other, 'or')}", 0.4)
            yield spot.put(f"{_operand(text, 'and')} and not ({other})", 0.3)


def _operand(text: str, joined: str) -> str:
    return f"({text})" if tightness(text) < (4 if joined == "and" else 3) else text


def _guards(spot: Spot) -> Iterator[tuple[str, str, float]]:
    """Usual guards, joined in front so that they protect what follows."""
    inside = {n.id for n in ast.walk(spot.node) if isinstance(n, ast.Name)}
    for name in spot.names():
        near = 1.0 if name in inside else 0.5
        yield f"{name} is None", "or", 0.8 * near
        yield f"{name} is not None", "and", 0.7 * near
        yield f"not {name}", "or", 0.7 * near
        yield name, "and", 0.7 * near
        if "number" in spot.pool.kinds.get(name, ()):
            yield f"{name} == 0", "or", 0.4 * near
            yield f"{name} > 0", "and", 0.4 * near
            yield f"{name} < 0", "or", 0.4 * near
    for node in ast.walk(spot.node):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            key = spot.source(node.slice) if not isinstance(node.slice, ast.Slice) else ""
            if key:
                yield f"{key} in {node.value.id}", "and", 0.6
                yield f"{key} < len({node.value.id})", "and", 0.6
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            yield f"{spot.source(node.value)} is None", "or", 0.7
            yield f"{spot.source(node.value)} is not None", "and", 0.7


def replace_test(spot: Spot) -> Iterator[Edit]:
    """Another condition in a test's place, or where True or False stood.

    >>> tried(replace_test, "def f(q):\\n    while True: pass", at="True")[:1]
    ['def f(q):\\n    while q: pass']
    >>> tried(replace_test, "def f(n):\\n    return True", at="True")[2:3]
    ['def f(n):\\n    return n == 0']
    """
    node, parent = spot.node, spot.program.parents.get(spot.node)
    flag = isinstance(node, ast.Constant) and isinstance(node.value, bool)
    if not flag and not is_test(spot):
        return
    if flag and not isinstance(parent, (ast.Return, ast.While, ast.If, ast.Assign, ast.IfExp)):
        return
    scale = 1.0 if flag else 0.5
    for name in spot.names():
        yield spot.put(name, scale)
        yield spot.put(f"not {name}", 0.7 * scale)
        if "number" in spot.pool.kinds.get(name, {"number"}):
            yield spot.put(f"{name} == 0", 0.8 * scale)
            yield spot.put(f"{name} != 0", 0.4 * scale)
            yield spot.put(f"{name} > 0", 0.5 * scale)
        yield spot.put(f"{name} is None", 0.3 * scale)
        yield spot.put(f"{name} is not None", 0.3 * scale)
    for other in spot.pool.conditions:
        if other != spot.source():
            yield spot.put(other, 0.6 * scale)
            yield spot.put(f"not ({other})", 0.3 * scale)
    if not flag:
        yield spot.put("True", 0.4)
        yield spot.put("False", 0.3)


def other_branch(spot: Spot) -> Iterator[Edit]:
    """`if` for `while` and `elif` for `if`, or the branches exchanged.

    >>> tried(other_branch, "if a:\\n    x()\\nif b:\\n    y()", at="if b:\\n    y()")
    ['if a:\\n    x()\\nwhile b:\\n    y()', 'if a:\\n    x()\\nelif b:\\n    y()']
    """
    node = spot.node
    assert isinstance(node, ast.If)
    begin, _ = spot.program.span(node)
    word = "elif" if spot.program.text[begin : begin + 4] == "elif" else "if"
    if word == "elif":
        yield spot.change(begin, begin + 4, "if", 0.7)
        return
    if not node.orelse:
        yield spot.change(begin, begin + 2, "while", 0.6)
    block = spot.program.block_of(node)
    place = block.index(node) if node in block else 0
    if place and isinstance(block[place - 1], ast.If):
        yield spot.change(begin, begin + 2, "elif", 0.7)
