"""Finds answers written for the test instead of for the problem.

An added condition or lookup that names a value which the failing test passes in is suspected of
being made for that test. Not suspected: values anybody guards against (0, "", None …), values the
file already knew, and one more case in a row of cases on the same subject that was there before.
"""

import ast
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from daemon.checks.parsing import Change

Value = tuple[str, object]  # kind and value, so that 1, 1.0 and True stay apart
TRIVIAL_NUMBERS = frozenset({0, 1, -1, 2})
TRIVIAL_TEXT = 1  # a single punctuation character or space guards, it does not recognise
# The ends of the calendar, the clock and the scale: rules have them, whatever a test passes in.
NATURAL_ENDS = {
    "month": {12},
    "day": {28, 29, 30, 31},
    "weekday": {3, 4, 5, 6, 7},
    "hour": {12, 23, 24},
    "minute": {59, 60},
    "second": {59, 60},
    "percent": {100},
}
Comparison = ast.Eq | ast.NotEq | ast.In | ast.NotIn | ast.Is | ast.IsNot
Ordering = ast.Lt | ast.LtE | ast.Gt | ast.GtE


def complaint(changes: Sequence[Change], failing_tests: Sequence[str]) -> str | None:
    """Which added line answers the failing test's own input, or None."""
    inputs = {value for source in failing_tests for value in test_inputs(source)}
    if not inputs:
        return None
    for change in changes:
        for node, value in _suspects(change):
            if _recognises(value, inputs):
                return (
                    f"{change.filename} line {node.lineno} tests for {ast.unparse(node)}, an input "
                    f"of the failing test (special-casing); mend the rule that is wrong for every "
                    f"such input"
                )
    return None


def test_source(text: str, test: str) -> str:
    """The part of a test file that belongs to one test id; the whole text when not found.

    Kept: the function with its decorators, and module-level assignments it may take values from.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return text
    name = test.split("[", 1)[0].rpartition("::")[2]
    wanted = [node for node in ast.walk(tree) if getattr(node, "name", None) == name]
    if not wanted:
        return text
    assigned = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return "\n".join(ast.unparse(node) for node in (*assigned, *wanted))


def test_inputs(source: str) -> set[Value]:
    """The non-trivial literals a test passes on: arguments, assigned values, parameters."""
    try:
        tree = ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError, RecursionError):
        return set()
    places: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and not _is_expectation(node.func):
            places += [*node.args, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            places.append(node.value)
    found = {value for place in places for _, value in _literals(place)}
    return found | {("str", str(value)) for kind, value in found if kind in ("int", "float")}


def _is_expectation(function: ast.expr) -> bool:
    return getattr(function, "attr", getattr(function, "id", "")) in ("raises", "approx", "warns")


def _suspects(change: Change) -> Iterator[tuple[ast.expr, Value]]:
    """Each new place in the code that recognises a value, with that value."""
    known = set() if change.before is None else {v for _, v in _literals(change.before)}
    rows = Counter[str]() if change.before is None else _rows(change.before)
    for subject, node, value in _recognised(change.after):
        natural = _is_natural_end(subject, value)
        if value not in known and not natural and not _one_more(subject, value, rows):
            yield node, value


def _one_more(subject: str, value: Value, rows: Counter[str]) -> bool:
    """Whether a row of cases on this subject was there before: two, or one that is a word."""
    word = value[0] == "str" and str(value[1]).replace("-", "_").isidentifier()
    return rows[subject] >= (1 if word else 2)


def _is_natural_end(subject: str, value: Value) -> bool:
    """Whether `day.month` is compared with 12, and the like."""
    word = re.findall(r"[a-z]+", subject.lower()) or [""]
    return value[1] in NATURAL_ENDS.get(word[-1].removesuffix("s"), ())


def _rows(tree: ast.Module) -> Counter[str]:
    """How many values the old code already told apart on each subject."""
    return Counter(subject for subject, _, _ in _recognised(tree))


def _recognised(tree: ast.Module) -> Iterator[tuple[str, ast.expr, Value]]:
    """Every (subject, place, value) where code decides by a literal."""
    tables = _tables(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                yield from _compared(node)
            case ast.Dict():
                keys = [key for key in node.keys if key is not None and id(node) in tables]
                for key in keys:
                    yield from ((tables[id(node)], place, value) for place, value in _literals(key))
            case ast.Match():
                subject = ast.unparse(node.subject)
                for case in node.cases:
                    for pattern in ast.walk(case.pattern):
                        if isinstance(pattern, ast.MatchValue):
                            yield from ((subject, p, v) for p, v in _literals(pattern.value))
            case ast.If() | ast.IfExp() | ast.While():
                yield from _tested(node.test)
            case ast.BoolOp():
                yield from _pinned(node)


def _compared(node: ast.Compare) -> Iterator[tuple[str, ast.expr, Value]]:
    sides = [node.left, *node.comparators]
    if any(isinstance(operator, Comparison) for operator in node.ops):
        subject = next((ast.unparse(side) for side in sides if not list(_literals(side))), "")
        for side in sides:
            yield from ((subject, place, value) for place, value in _literals(side))
    else:
        yield from _bounded(node)


def _tested(test: ast.expr) -> Iterator[tuple[str, ast.expr, Value]]:
    """Conditions that recognise without comparing: `not x - 37`, `x.startswith("2024-02-30")`."""
    for node in ast.walk(test):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.BitXor):
            yield from ((ast.unparse(node), place, value) for place, value in _literals(node))
        elif isinstance(node, ast.Call):
            for argument in node.args:
                if isinstance(argument, ast.Constant):
                    subject = ast.unparse(node.func)
                    yield from ((subject, place, v) for place, v in _literals(argument))


def _bounded(node: ast.Compare) -> Iterator[tuple[str, ast.expr, Value]]:
    """`36 < n < 38` recognises 37; a single bound recognises nothing."""
    if len(node.comparators) == 2:
        low, high = _number(node.left), _number(node.comparators[1])
        subject = ast.unparse(node.comparators[0])
        yield from _between(subject, node, low, high)


def _pinned(node: ast.BoolOp) -> Iterator[tuple[str, ast.expr, Value]]:
    """`n > 36 and n < 38`, or `n >= 37 and n <= 37`."""
    bounds: dict[str, list[float]] = {}
    for value in node.values:
        if isinstance(value, ast.Compare) and len(value.ops) == 1:
            number = _number(value.comparators[0])
            if isinstance(value.ops[0], Ordering) and number is not None:
                bounds.setdefault(ast.unparse(value.left), []).append(number)
    for subject, numbers in bounds.items():
        yield from _between(subject, node, min(numbers), max(numbers), len(numbers))


def _between(
    subject: str, node: ast.expr, low: float | None, high: float | None, bounds: int = 2
) -> Iterator[tuple[str, ast.expr, Value]]:
    if low is None or high is None or bounds < 2 or not 0 <= high - low <= 2:
        return
    for number in {low, high, (low + high) / 2}:
        kind = "int" if float(number).is_integer() else "float"
        value = int(number) if kind == "int" else number
        if value not in TRIVIAL_NUMBERS:
            yield subject, node, (kind, value)


def _tables(tree: ast.Module) -> dict[int, str]:
    """Dict literals that answer by key (assigned to a name, or asked on the spot), by node."""
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[target, *_], value=ast.Dict() as table):
                found[id(table)] = ast.unparse(target)
            case ast.AnnAssign(target=target, value=ast.Dict() as table):
                found[id(table)] = ast.unparse(target)
            case ast.Subscript(value=ast.Dict() as table, slice=key):
                found[id(table)] = f"table of {ast.unparse(key)}"
            case ast.Call(func=ast.Attribute(value=ast.Dict() as table), args=[key, *_]):
                found[id(table)] = f"table of {ast.unparse(key)}"
    return found


def _literals(tree: ast.AST) -> Iterator[tuple[ast.expr, Value]]:
    """Non-trivial literals below a node: constants, and lists or tuples of constants as a whole."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple | ast.Set) and len(node.elts) > 1:
            whole = _plain(node)
            if isinstance(whole, tuple) and _telling(whole):
                yield node, ("row", whole)
        elif isinstance(node, ast.expr):
            value = _plain(node)
            if value is not None and not isinstance(value, tuple | bool) and _telling((value,)):
                yield node, (type(value).__name__, value)


def _telling(values: tuple[object, ...]) -> bool:
    """Whether at least one value is more than anybody's guard."""
    return any(not _trivial(value) for value in values)


def _trivial(value: object) -> bool:
    if isinstance(value, tuple):
        return not _telling(value)
    if isinstance(value, str | bytes):
        letters = value if isinstance(value, str) else value.decode("latin-1")
        return len(letters) <= TRIVIAL_TEXT and not letters.isalnum()
    if isinstance(value, int | float):
        return value in TRIVIAL_NUMBERS
    return True


def _plain(node: ast.expr) -> object:
    """The value of a literal, a negated or computed number, or a row of them; else None."""
    match node:
        case ast.Constant(value=str() | bytes() | int() | float()):
            return node.value
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            values = tuple(_plain(part) for part in parts)
            return None if None in values else values
        case ast.UnaryOp() | ast.BinOp():
            return _number(node)
    return None


def _number(node: ast.expr) -> int | float | None:
    """What a literal number, its negation, or a sum of literals comes to."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _number(operand)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
            one, two = _number(left), _number(right)
            if one is None or two is None:
                return None
            if isinstance(op, ast.Mult):
                return one * two
            return one + two if isinstance(op, ast.Add) else one - two
    return None


def _recognises(value: Value, inputs: set[Value]) -> bool:
    """Whether the literal is an input, or a row made of inputs, or an input written as text."""
    if value in inputs:
        return True
    kind, content = value
    if kind == "row" and isinstance(content, tuple):
        leaves = [leaf for leaf in content if not _trivial(leaf)]
        return all((type(leaf).__name__, leaf) in inputs for leaf in leaves)
    if kind == "str":
        texts = {repr(list(v)) for k, v in inputs if k == "row" and isinstance(v, tuple)}
        texts |= {repr(v) for k, v in inputs if k == "row"}
        return content in texts
    return False
