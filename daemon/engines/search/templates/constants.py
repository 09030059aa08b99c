"""Constants and off-by-one: a step up or down, another sign, another bound."""

import ast
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot


def step_constant(spot: Spot) -> Iterator[Edit]:
    """A number one larger or smaller, zero, one, or doubled or halved.

    >>> tried(step_constant, "x[2]")[:3]
    ['x[3]', 'x[1]', 'x[0]']
    """
    node = spot.node
    assert isinstance(node, ast.Constant)
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        return
    value = node.value
    steps = [(value + 1, 1.0), (value - 1, 1.0), (0, 0.6), (1, 0.5), (-value, 0.4)]
    steps += [(value * 2, 0.25), (value * 10, 0.2)]
    steps += [(value // 2 if isinstance(value, int) else value / 2, 0.25), (value / 10, 0.1)]
    scale = 1.0 if isinstance(value, int) else 0.4  # people count in whole steps
    parent = spot.program.parents.get(node)
    if isinstance(parent, ast.Compare) and isinstance(parent.ops[0], (ast.Eq, ast.NotEq)):
        scale *= 0.7  # the neighbour of a wrong bound is likelier right than one single number
    seen = {value}
    for other, weight in steps:
        if other not in seen:
            seen.add(other)
            yield spot.put(repr(other), weight * scale)


def flip_constant(spot: Spot) -> Iterator[Edit]:
    """True for False, a sign dropped, an empty value for None and back.

    >>> tried(flip_constant, "return True")
    ['return False', 'return None']
    >>> tried(flip_constant, "x = -y")
    ['x = y']
    """
    node = spot.node
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, (ast.USub, ast.Invert)):
            yield spot.put(spot.source(node.operand))
        return
    assert isinstance(node, ast.Constant)
    if node.value is True or node.value is False:
        yield spot.put(repr(not node.value))
        yield spot.put("None", 0.3)
    elif node.value is None:
        yield from (spot.put(text, w) for text, w in (("0", 0.6), ("[]", 0.6), ("''", 0.6)))
        yield from (spot.put(text, w) for text, w in (("False", 0.6), ("True", 0.4), ("{}", 0.4)))
    elif isinstance(node.value, str):
        yield from _other_text(spot, node.value)


def _other_text(spot: Spot, value: str) -> Iterator[Edit]:
    variants = ["", " ", value.strip(), value + " ", " " + value, value.lower(), value.upper()]
    variants += [value.rstrip("s"), value + "s", value + "\n", value.capitalize()]
    if value.strip().isalpha():
        variants += (
            [value + value.upper(), value.swapcase()] if len(value) > 1 else [value.swapcase()]
        )
        variants += [value[::-1]] if value != value.strip() else []
    for group in ("([{<", ")]}>", ",;:", "-_"):
        variants += [other for other in group if value in group and len(value) == 1]
    quote = spot.source()[:1]
    if quote not in "'\"" or _is_docstring(spot):
        return
    for text in dict.fromkeys(variants):
        if text != value:
            yield spot.put(repr(text) if quote == "'" else _double_quoted(text), 0.3)


def _double_quoted(text: str) -> str:
    return '"' + repr(text)[1:-1].replace('"', '\\"') + '"'


def _is_docstring(spot: Spot) -> bool:
    return isinstance(spot.program.parents.get(spot.node), (ast.Expr, ast.JoinedStr))


def step_expression(spot: Spot) -> Iterator[Edit]:
    """`+ 1` or `- 1` where a number is used as an index, a bound, an argument or a result.

    >>> tried(step_expression, "range(n)", at="n")
    ['range(n + 1)', 'range(n - 1)']
    >>> tried(step_expression, "a[len(a)]", at="len(a)")
    ['a[len(a) + 1]', 'a[len(a) - 1]']
    """
    node = spot.node
    if isinstance(node, ast.Constant) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    weight = _place_weight(spot)
    if weight == 0:
        return
    if (
        isinstance(node, ast.BinOp)
        and isinstance(node.right, ast.Constant)
        and node.right.value == 1
    ):
        weight *= 0.3  # the step is already there; dropping it is another template's work
    text = spot.source()
    if isinstance(node, (ast.Compare, ast.BoolOp, ast.Lambda, ast.JoinedStr, ast.IfExp)):
        return
    if isinstance(node, (ast.List, ast.Dict, ast.Set, ast.Tuple, ast.ListComp, ast.GeneratorExp)):
        return
    if isinstance(node, ast.Name) and "sequence" in spot.pool.kinds.get(node.id, ()):
        weight *= 0.2
    yield spot.put(f"{text} + 1", weight)
    yield spot.put(f"{text} - 1", weight)


def _place_weight(spot: Spot) -> float:
    """How much the place looks like one for a number."""
    node, parent = spot.node, spot.program.parents.get(spot.node)
    if isinstance(parent, (ast.Subscript, ast.Slice)):
        return 0.0 if isinstance(parent, ast.Subscript) and node is parent.value else 1.0
    if isinstance(parent, ast.Call) and node in parent.args:
        if isinstance(parent.func, ast.Name) and parent.func.id == "range":
            return 1.0
        return 0.7 if isinstance(node, (ast.Name, ast.BinOp)) else 0.4
    if isinstance(parent, ast.Compare):
        numeric = isinstance(parent.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE))
        return 0.7 if numeric else 0.3
    if isinstance(parent, (ast.Return, ast.Assign, ast.AugAssign, ast.keyword)):
        number = isinstance(node, (ast.BinOp, ast.Call)) or (
            isinstance(node, ast.Name) and "number" in spot.pool.kinds.get(node.id, ())
        )
        return 0.6 if number else 0.15
    if isinstance(parent, ast.BinOp):
        return 0.35
    if isinstance(parent, ast.Tuple) and isinstance(
        spot.program.parents.get(parent), ast.Subscript
    ):
        return 0.9  # one of several indices
    return 0.15 if isinstance(parent, (ast.IfExp, ast.Tuple, ast.List)) else 0.0


def other_range(spot: Spot) -> Iterator[Edit]:
    """Another start, a step backwards, a start that was left out.

    >>> tried(other_range, "range(n)")[:2]
    ['range(1, n)', 'range(1, n + 1)']
    """
    node = spot.node
    assert isinstance(node, ast.Call)
    if not isinstance(node.func, ast.Name) or node.func.id not in ("range", "enumerate"):
        return
    if node.keywords or not node.args or any(isinstance(a, ast.Starred) for a in node.args):
        return
    texts = [spot.source(argument) for argument in node.args]
    if node.func.id == "enumerate":
        yield spot.put(f"enumerate({texts[0]}, 1)" if len(texts) == 1 else f"enumerate({texts[0]})")
        return
    if len(texts) == 1:
        n = texts[0]
        yield spot.put(f"range(1, {n})")
        yield spot.put(f"range(1, {n} + 1)")
        yield spot.put(f"range({n} - 1, -1, -1)", 0.5)
        yield from (spot.put(f"range({name}, {n})", 0.4) for name in spot.names() if name != n)
    else:
        yield spot.put(f"range({texts[1]})", 0.6)
        yield spot.put(f"range({texts[0]} + 1, {texts[1]} + 1)", 0.5)
        yield spot.put(f"range({texts[1]} - 1, {texts[0]} - 1, -1)", 0.3)
        if len(texts) == 3:
            yield spot.put(f"range({texts[0]}, {texts[1]})", 0.5)


def other_constant(spot: Spot) -> Iterator[Edit]:
    """A constant of the same type seen in the function, the module, a test or the note.

    >>> tried(other_constant, "x = 'a' if y == 'b' else 'c'", at="'a'")[:1]
    ["x = 'c' if y == 'b' else 'c'"]
    """
    node = spot.node
    assert isinstance(node, ast.Constant)
    if _is_docstring(spot) or node.value is Ellipsis:
        return
    for text in spot.pool.constants:
        try:
            value = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            continue
        if value == node.value and type(value) is type(node.value):
            continue
        same = type(value) is type(node.value)
        if same and isinstance(value, str) and spot.source()[:1] == '"':
            text = _double_quoted(value)  # as the author quotes
        if same or (value is None) != (node.value is None):
            yield spot.put(text, 1.0 if same else 0.3)
