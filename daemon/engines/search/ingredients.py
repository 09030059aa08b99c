"""What a repair may be made of: names in scope, attributes, calls and constants seen nearby.

Constants come from the function, the module, the tests' expected values and the note, in that
order; everything is sorted by closeness and then by first sight, so the order never changes.
"""

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from daemon.engines.search.program import FUNCTIONS, FunctionNode, Program

MOST_CONSTANTS = 24
BUILTINS = frozenset(dir(builtins))
SEQUENCE_METHODS = {"append", "extend", "insert", "pop", "sort", "reverse", "popleft", "appendleft"}
SET_METHODS = {"add", "discard", "update", "issuperset", "issubset", "union"}
NUMBER_OPERATORS = (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


@dataclass(frozen=True)
class Pool:
    """The ingredients of one function (or of the module's own code when `function` is None)."""

    program: Program
    function: FunctionNode | None
    hints: tuple[str, ...] = ()  # source texts of constants seen in tests and in the note
    _cache: dict[str, object] = field(default_factory=dict, compare=False)

    @property
    def root(self) -> ast.AST:
        """The node whose code the pool describes."""
        return self.function or self.program.tree

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The function's own parameters."""
        return _parameters(self.function) if self.function else ()

    @cached_property
    def locals(self) -> tuple[str, ...]:
        """Names the function (or one around it) binds, parameters first."""
        around: list[ast.AST] = [self.function or self.program.tree]
        if self.function:
            around += [n for n in self.program.up(self.function) if isinstance(n, FUNCTIONS)]
        names: dict[str, None] = {}
        for node in around:
            if isinstance(node, FUNCTIONS):
                names.update(dict.fromkeys(_parameters(node)))
            names.update(dict.fromkeys(_bound(node)))
        return tuple(names)

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """Functions and classes of the module, and imported names that are called somewhere."""
        names = [
            n.name for n in self.program.tree.body if isinstance(n, (*FUNCTIONS, ast.ClassDef))
        ]
        called = set(_called_names(self.program.tree))
        imported = [name for name in self._imported() if name in called]
        inner = [
            n.name for n in ast.walk(self.root) if isinstance(n, FUNCTIONS) and n is not self.root
        ]
        return tuple(dict.fromkeys([*inner, *names, *imported]))

    @cached_property
    def globals(self) -> tuple[str, ...]:
        """The module's own variables."""
        bound = _bound(self.program.tree)
        return tuple(name for name in bound if name not in self.functions)

    def _imported(self) -> Iterator[str]:
        for node in self.program.tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    yield (alias.asname or alias.name).partition(".")[0]

    @cached_property
    def attributes(self) -> Counter[str]:
        """Attribute names of the module, called ones left out."""
        called = {id(n.func) for n in ast.walk(self.program.tree) if isinstance(n, ast.Call)}
        return Counter(
            n.attr
            for n in ast.walk(self.program.tree)
            if isinstance(n, ast.Attribute) and id(n) not in called
        )

    @cached_property
    def methods(self) -> Counter[str]:
        """Method names called or defined in the module."""
        found = Counter(
            n.func.attr
            for n in ast.walk(self.program.tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        )
        for node in ast.walk(self.program.tree):
            if isinstance(node, ast.ClassDef):
                found.update(m.name for m in node.body if isinstance(m, FUNCTIONS))
        return found

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """Source texts of constants, the closest first."""
        found: dict[str, None] = {}
        for root in (self.root, self.program.tree):
            for node in ast.walk(root):
                if isinstance(node, ast.Constant) and _short(node.value):
                    found.setdefault(repr(node.value))
        for hint in self.hints:
            found.setdefault(hint)
        return tuple(found)[:MOST_CONSTANTS]

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """Tests written somewhere in the function: candidates for guards."""
        found: dict[str, None] = {}
        for node in ast.walk(self.root):
            if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
                found.setdefault(self.program.source(node.test))
            elif isinstance(node, ast.Compare):
                found.setdefault(self.program.source(node))
        return tuple(text for text in found if len(text) < 60 and "\n" not in text)

    @cached_property
    def kinds(self) -> dict[str, set[str]]:
        """What each local name is used as: number, sequence, set, text, callable, flag, object."""
        kinds: dict[str, set[str]] = {}
        for name, kind in _uses(self.root):
            kinds.setdefault(name, set()).add(kind)
        return kinds

    def alike(self, one: str, other: str) -> float:
        """How well `other` could stand where `one` does, by how both are used."""
        mine, theirs = self.kinds.get(one, set()), self.kinds.get(other, set())
        if mine & theirs:
            return 1.0
        return 0.6 if not mine or not theirs else 0.3

    def visible(self, node: ast.AST) -> tuple[str, ...]:
        """Local names bound at this place, comprehension variables included, nearest last."""
        inner: list[str] = []
        for around in (node, *self.program.up(node)):
            if around is self.function:
                break
            for generator in getattr(around, "generators", ()):
                inner += [n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)]
        comprehension = set(_comprehension_names(self.root))
        plain = [
            name for name in self.locals if name not in comprehension or name in self.parameters
        ]
        return tuple(dict.fromkeys([*plain, *inner]))


def constants_in(text: str) -> Iterator[str]:
    """Number and quoted literals in prose, as Python source.

    >>> list(constants_in('it returned "none" instead of 42'))
    ["'none'", '42']
    """
    for match in re.finditer(
        r"(?<![\w.])(-?\d+(?:\.\d+)?)(?![\w.]*\w)|\"([^\"\n]{0,30})\"|'([^'\n]{0,30})'", text
    ):
        number, double, single = match.groups()
        yield number if number is not None else repr(double if double is not None else single)


def constants_of(values: Iterable[str]) -> Iterator[str]:
    """The scalar constants inside literal texts such as a test's expected value.

    >>> list(constants_of(["[1, 'a']", "not a literal ("]))
    ['1', "'a'"]
    """
    for value in values:
        try:
            tree = ast.parse(value, mode="eval")
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and _short(node.value):
                yield repr(node.value)


def _short(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= 30 and "\n" not in value
    return value is None or isinstance(value, (bool, int, float)) or value == b""


def _parameters(function: FunctionNode) -> tuple[str, ...]:
    a = function.args
    named = [*a.posonlyargs, *a.args, *a.kwonlyargs]
    return tuple(arg.arg for arg in (*named, *(x for x in (a.vararg, a.kwarg) if x)))


def _bound(root: ast.AST) -> list[str]:
    """Names stored in this scope (nested functions apart), in order of first binding."""
    names: dict[str, None] = {}
    waiting = list(ast.iter_child_nodes(root))
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.setdefault(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.setdefault(node.name)
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            waiting = [*ast.iter_child_nodes(node), *waiting]
    return list(names)


def _comprehension_names(root: ast.AST) -> Iterator[str]:
    inside: set[str] = set()
    outside: set[str] = set()
    for node in ast.walk(root):
        for generator in getattr(node, "generators", ()):
            inside |= {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.For, ast.AnnAssign, ast.withitem)):
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [getattr(node, "target", None) or getattr(node, "optional_vars", None)]
            )
            for target in targets:
                if target is not None:
                    outside |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
    yield from inside - outside


def _called_names(root: ast.AST) -> Iterator[str]:
    for node in ast.walk(root):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def _uses(root: ast.AST) -> Iterator[tuple[str, str]]:
    """(name, kind) for what can be read off the code."""
    for node in ast.walk(root):
        if isinstance(node, ast.BinOp) and isinstance(node.op, NUMBER_OPERATORS):
            yield from (
                (n.id, "number") for n in (node.left, node.right) if isinstance(n, ast.Name)
            )
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, "number"
        elif isinstance(node, ast.Compare):
            yield from _compared(node)
        elif isinstance(node, ast.Subscript):
            if isinstance(node.value, ast.Name):
                yield node.value.id, "sequence"
            if isinstance(node.slice, ast.Name):
                yield node.slice.id, "number"
        elif isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.iter, ast.Name):
            yield node.iter.id, "sequence"
        elif isinstance(node, ast.Call):
            yield from _called(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            method = node.attr in SEQUENCE_METHODS | SET_METHODS
            yield node.value.id, "sequence" if method else "object"
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield from ((node.targets[0].id, kind) for kind in _value_kind(node.value))


def _compared(node: ast.Compare) -> Iterator[tuple[str, str]]:
    if isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
        for side in (node.left, *node.comparators):
            if isinstance(side, ast.Name):
                yield side.id, "number"
    elif isinstance(node.ops[0], (ast.In, ast.NotIn)) and isinstance(node.comparators[0], ast.Name):
        yield node.comparators[0].id, "sequence"


def _called(node: ast.Call) -> Iterator[tuple[str, str]]:
    if not isinstance(node.func, ast.Name):
        return
    yield node.func.id, "callable"
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Name):
        if node.func.id in ("len", "sorted", "list", "set", "enumerate", "sum", "any", "all"):
            yield first.id, "sequence"
        elif node.func.id in ("range", "abs", "int", "round"):
            yield first.id, "number"


def _value_kind(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, (int, float)):
        yield "flag" if isinstance(value.value, bool) else "number"
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield "text"
    elif isinstance(value, (ast.List, ast.ListComp, ast.Dict, ast.Set, ast.SetComp, ast.DictComp)):
        yield "sequence"
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        if value.func.id in ("set", "list", "dict", "sorted", "deque", "defaultdict"):
            yield "sequence"
        elif value.func.id in ("len", "int", "min", "max", "sum", "abs"):
            yield "number"
