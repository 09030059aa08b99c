"""Guards that were forgotten: leave early, skip, or do something only if it makes sense."""

import ast
import re
from collections.abc import Iterator

from daemon.engines.search.edits import Edit, join
from daemon.engines.search.program import FUNCTIONS
from daemon.engines.search.spot import Spot

RESULTS = ("None", "[]", "0", "False", "True", "''", "{}", "1", "-1", "0.0", "()", "set()")


def early_return(spot: Spot) -> Iterator[Edit]:
    """Return at once for an empty, missing or zero value.

    >>> print(tried(early_return, "def f(a):\\n    return a[0]", at="return a[0]")[0])
    def f(a):
        if not a:
            return None
        return a[0]
    """
    node = spot.node
    if not isinstance(node, ast.stmt) or not spot.pool.function or not spot.whole_lines(node):
        return
    if isinstance(node, FUNCTIONS) or _is_docstring(node):
        return
    results = _results(spot)
    for condition, weight in _conditions(spot, node):
        for place, result in enumerate(results):
            yield spot.before(
                node, f"if {condition}:\n    return {result}".rstrip(), weight * (0.9**place)
            )


def _results(spot: Spot) -> list[str]:
    """What to return: what the function returns elsewhere first, its parameters, usual values."""
    returned = [
        spot.source(n.value)
        for n in ast.walk(spot.pool.root)
        if isinstance(n, ast.Return) and isinstance(n.value, (ast.Constant, ast.List, ast.Dict))
    ]
    empty = [text for text in returned if len(text) < 20]
    if not any(isinstance(n, ast.Return) and n.value for n in ast.walk(spot.pool.root)):
        return [""]  # a generator, or a function that gives nothing back
    names = [name for name in spot.names() if name in spot.pool.parameters]
    hints = [text for text in spot.pool.hints if len(text) < 12][:4]
    return list(dict.fromkeys([*empty, *RESULTS[:5], *names, *hints, *RESULTS[5:]]))[:18]


def _conditions(spot: Spot, node: ast.stmt) -> Iterator[tuple[str, float]]:
    """Tests on the names the statement reads, then on the others."""
    read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    for name in spot.names():
        near = 1.0 if name in read else 0.4
        kinds = spot.pool.kinds.get(name, set())
        yield f"not {name}", 0.9 * near
        yield f"{name} is None", 0.7 * near
        if "number" in kinds or not kinds:
            yield f"{name} == 0", 0.6 * near
            yield f"{name} < 0", 0.6 * near
            yield f"{name} <= 0", 0.5 * near
            yield f"{name} == 1", 0.3 * near
        if "sequence" in kinds:
            yield f"len({name}) < 2", 0.4 * near
    for condition in spot.pool.conditions:
        yield condition, 0.3
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript) and not isinstance(part.slice, ast.Slice):
            yield f"{spot.source(part.slice)} not in {spot.source(part.value)}", 0.5
        if isinstance(part, ast.Call) and part.args and "\n" not in spot.source(part):
            yield f"not {spot.source(part)}", 0.3


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def wrap_in_if(spot: Spot) -> Iterator[Edit]:
    """Do a statement only under a condition on the names it uses.

    >>> tried(wrap_in_if, "def f(a):\\n    g(a)", at="g(a)")[:2]
    ['def f(a):\\n    if a:\\n        g(a)', 'def f(a):\\n    if a is not None:\\n        g(a)']
    """
    node = spot.node
    simple = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Raise, ast.Break, ast.Continue)
    if not isinstance(node, simple) or not spot.pool.function or not spot.whole_lines(node):
        return
    if _is_docstring(node) or "\n" in spot.source():
        return
    code = spot.source()
    used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    for condition, weight in _positive(spot, used):
        yield spot.rewrite(node, f"if {condition}:\n    {code}", weight)


def _positive(spot: Spot, used: set[str]) -> Iterator[tuple[str, float]]:
    for name in spot.names():
        near = 1.0 if name in used else 0.5
        yield name, 0.8 * near
        yield f"{name} is not None", 0.7 * near
        yield f"not {name}", 0.4 * near
        if "number" in spot.pool.kinds.get(name, ()):
            yield f"{name} > 0", 0.5 * near
            yield f"{name} != 0", 0.5 * near
    numbers = [n for n in spot.names() if "number" in spot.pool.kinds.get(n, {"number"})]
    for one in numbers[:6]:
        for other in numbers[:6]:
            if one != other:
                yield f"{one} < {other}", 0.4
                yield f"{one} <= {other}", 0.3
                yield f"{one} != {other}", 0.3
    for one in spot.names():
        for other in spot.names():
            if one != other and "sequence" in spot.pool.kinds.get(other, ()) and one in used:
                yield f"{one} not in {other}", 0.5
                yield f"{one} in {other}", 0.5
    for condition in spot.pool.conditions:
        yield condition, 0.4
        yield f"not ({condition})", 0.3


def leave_loop(spot: Spot) -> Iterator[Edit]:
    """`continue` or `break` before or after a statement of a loop, bare or under a condition.

    >>> tried(leave_loop, "for x in a:\\n    g(x)\\n", at="g(x)")[:1]
    ['for x in a:\\n    g(x)\\n    break\\n']
    """
    node = spot.node
    if not isinstance(node, ast.stmt) or not spot.whole_lines(node):
        return
    if isinstance(node, (ast.Break, ast.Continue)):
        word = "continue" if isinstance(node, ast.Break) else "break"
        yield spot.rewrite(node, word)
        return
    if not any(isinstance(around, (ast.For, ast.While)) for around in spot.program.up(node)):
        return
    if not isinstance(node, (ast.Return, ast.Raise)):
        yield spot.after(node, "break", 0.6)
    if spot.pool.function is None:
        names = list(spot.names()) or [n.id for n in ast.walk(node) if isinstance(n, ast.Name)][1:]
        conditions: list[tuple[str, float]] = [(f"not {name}", 0.5) for name in names]
    else:
        conditions = list(_conditions(spot, node))
    for condition, weight in conditions:
        yield spot.before(node, f"if {condition}:\n    continue", 0.6 * weight)
        yield spot.before(node, f"if {condition}:\n    break", 0.5 * weight)


def normalised(spot: Spot) -> Iterator[Edit]:
    """An argument brought into one form before anything else.

    >>> print(tried(normalised, "def f(a):\\n    return g(a, a)\\n")[0])
    def f(a):
        a = list(a)
        return g(a, a)
    <BLANKLINE>
    """
    node = spot.node
    assert isinstance(node, ast.FunctionDef)
    body = [s for s in node.body if not _is_docstring(s)]
    if not body or not spot.whole_lines(body[0]):
        return
    calls = ("list", "tuple", "str", "int", "sorted", "iter", "abs", "dict", "float")
    for argument in [*node.args.posonlyargs, *node.args.args][:6]:
        name = argument.arg
        if name in ("self", "cls"):
            continue
        for function in (*calls, *spot.pool.one_argument_calls):
            yield spot.before(body[0], f"{name} = {function}({name})", 0.7)
        for method in ("strip", "lower", "copy"):
            yield spot.before(body[0], f"{name} = {name}.{method}()", 0.6)


def refuse(spot: Spot) -> Iterator[Edit]:
    """An exception that the function or its docstring speaks of, raised under a condition.

    >>> print(tried(refuse, "def f(a):\\n    'Raises ValueError.'\\n    g(a)\\n", at="g(a)")[0])
    def f(a):
        'Raises ValueError.'
        if not a:
            raise ValueError(a)
        g(a)
    <BLANKLINE>
    """
    node = spot.node
    if not isinstance(node, ast.stmt) or not spot.pool.function or not spot.whole_lines(node):
        return
    if isinstance(node, (*FUNCTIONS, ast.Raise)) or _is_docstring(node):
        return
    block = spot.program.block_of(node)
    if block is not spot.pool.function.body and not isinstance(node, ast.Return):
        return
    raised = [
        spot.source(n)
        for n in ast.walk(spot.pool.root)
        if isinstance(n, ast.Raise) and n.exc and "\n" not in spot.source(n)
    ]
    names = [n for n in spot.pool.parameters if n not in ("self", "cls")]
    said = re.findall(r"\b([A-Z]\w*Error)\b", ast.get_docstring(spot.pool.function) or "")
    raised += [f"raise {kind}({names[0]})" for kind in said if names]
    for condition, weight in _conditions(spot, node) if raised else ():
        for text in list(dict.fromkeys(raised))[:3]:
            yield spot.before(node, f"if {condition}:\n    {text}", weight)


def fresh_default(spot: Spot) -> Iterator[Edit]:
    """A default that every call shares, made anew in each call.

    >>> print(tried(fresh_default, "def f(a=[]):\\n    return a\\n")[0])
    def f(a=None):
        if a is None:
            a = []
        return a
    <BLANKLINE>
    """
    node = spot.node
    assert isinstance(node, ast.FunctionDef)
    named = [*node.args.posonlyargs, *node.args.args]
    pairs = list(
        zip(named[len(named) - len(node.args.defaults) :], node.args.defaults, strict=True)
    )
    pairs += [(a, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d]
    body = [s for s in node.body if not _is_docstring(s)]
    for argument, default in pairs:
        shared = isinstance(default, (ast.List, ast.Dict, ast.Set)) or (
            isinstance(default, ast.Call) and isinstance(default.func, ast.Name)
        )
        if shared and body and spot.whole_lines(body[0]):
            begin, end = spot.program.span(default)
            made = f"if {argument.arg} is None:\n    {argument.arg} = {spot.source(default)}"
            both = join(spot.change(begin, end, "None"), spot.before(body[0], made))
            if both:
                yield both
