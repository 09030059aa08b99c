"""Conditions: negated, narrowed, widened, dropped, replaced."""

import ast
import itertools
import re
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


def none_or_empty(spot: Spot) -> Iterator[Edit]:
    """`x is not None` for `x` and back: an empty value is not a missing one.

    >>> tried(none_or_empty, "if x: pass", at="x")
    ['if x is not None: pass']
    >>> tried(none_or_empty, "if not x: pass", at="not x")
    ['if x is None: pass']
    >>> tried(none_or_empty, "y = x or z", at="x or z")
    ['y = x if x is not None else z']
    """
    node, parent = spot.node, spot.program.parents.get(spot.node)
    asked = is_test(spot) or isinstance(parent, ast.BoolOp)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and len(node.values) == 2:
        first, other = (spot.source(value) for value in node.values)
        if not is_test(spot) and isinstance(node.values[0], (ast.Name, ast.Attribute)):
            yield spot.put(f"{first} if {first} is not None else {other}", 0.9)
    elif isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)) and asked:
        yield spot.put(f"{spot.source()} is not None", 1.0)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and asked:
        yield spot.put(f"{spot.fitted_in(node.operand, 7)} is None", 1.0)
    elif isinstance(node, ast.Compare) and asked and _with_none(node):
        missing = isinstance(node.ops[0], (ast.Is, ast.Eq))
        yield spot.put(("not " if missing else "") + spot.fitted_in(node.left, 5), 0.8)


def _with_none(node: ast.Compare) -> bool:
    only = node.comparators[0] if len(node.ops) == 1 else None
    return isinstance(only, ast.Constant) and only.value is None


def case_like_others(spot: Spot) -> Iterator[Edit]:
    """One more case of a condition, like one that stands there, with its names exchanged.

    >>> tried(case_like_others, "if a + b == c or b + c == a: pass")[:1]
    ['if a + b == c or b + c == a or b + a == c: pass']
    """
    node = spot.node
    assert isinstance(node, ast.BoolOp)
    word = "or" if isinstance(node.op, ast.Or) else "and"
    texts = [spot.fitted_in(value, 4) for value in node.values]
    used = list(
        dict.fromkeys(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and _plain(spot, n))
    )
    found: dict[str, None] = {}
    for text in texts:
        for order in itertools.permutations(used) if len(used) <= 3 else ():
            found.setdefault(_renamed(text, dict(zip(used, order, strict=True))))
        constants = re.findall(r"'[^']*'|\"[^\"]*\"", text)
        for constant in constants[:1]:
            value = ast.literal_eval(constant)
            for other in (value.upper(), value.lower(), *spot.pool.short_texts):
                found.setdefault(text.replace(constant, constant[0] + other + constant[0], 1))
    for text in found:
        if text not in texts:
            yield spot.put(f" {word} ".join([*texts, text]), 0.6)


def _renamed(text: str, names: dict[str, str]) -> str:
    return re.sub(r"(?<![\w.])[A-Za-z_]\w*", lambda found: names.get(found[0], found[0]), text)


def _plain(spot: Spot, node: ast.Name) -> bool:
    parent = spot.program.parents.get(node)
    return not (isinstance(parent, ast.Call) and parent.func is node)


def other_kind(spot: Spot) -> Iterator[Edit]:
    """Another kind of value let through by `isinstance`, beside those named or instead.

    >>> tried(other_kind, "isinstance(x, str)")[:2]
    ['isinstance(x, (str, bytes))', 'isinstance(x, bytes)']
    """
    node = spot.node
    assert isinstance(node, ast.Call)
    if not isinstance(node.func, ast.Name) or node.func.id != "isinstance" or len(node.args) != 2:
        return
    kinds = node.args[1]
    own = [spot.source(e) for e in kinds.elts] if isinstance(kinds, ast.Tuple) else []
    own = own or [spot.source(kinds)]
    near = [kind for group in KINDS if set(own) & set(group) for kind in group if kind not in own]
    for kind in near:
        yield spot.put(f"({', '.join([*own, kind])})", 0.9, kinds)
        if len(own) == 1:
            yield spot.put(kind, 0.6, kinds)


KINDS = (("str", "bytes"), ("list", "tuple", "set"), ("int", "float", "complex"), ("bool", "int"),
         ("dict", "list"), ("bytes", "bytearray", "memoryview"), ("set", "frozenset"))  # fmt: skip


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
