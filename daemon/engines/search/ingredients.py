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
from daemon.engines.search.usage import uses

MOST_CONSTANTS = 24
MOST_EXPRESSIONS = 30
BUILTINS = frozenset(dir(builtins))


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
    def takes(self) -> dict[str, tuple[str, ...]]:
        """The parameters of the module's functions, by the name they are called by."""
        found: dict[str, tuple[str, ...]] = {}
        for qualname, node in self.program.functions.items():
            owner, _, name = qualname.rpartition(".")
            names = [n for n in _parameters(node) if n not in ("self", "cls")]
            found.setdefault(owner.rpartition(".")[2] if name == "__init__" else name, tuple(names))
        return found

    @cached_property
    def one_argument_calls(self) -> tuple[str, ...]:
        """Dotted functions the module calls with one argument (`os.fspath`), self's own too."""
        found: Counter[str] = Counter()
        for node in ast.walk(self.program.tree):
            if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
                function = node.func
                if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
                    owner = function.value.id
                    if owner in self._modules or owner in self.parameters[:1]:
                        found[f"{owner}.{function.attr}"] += 1
        return tuple(name for name, _ in found.most_common(8))

    @cached_property
    def _modules(self) -> frozenset[str]:
        return frozenset(self._imported())

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
    def short_texts(self) -> tuple[str, ...]:
        """Texts of up to three characters among the constants."""
        values = (ast.literal_eval(text) for text in self.constants if text[:1] in "'\"")
        plain = (v for v in values if isinstance(v, str) and v.isprintable())
        return tuple(v for v in plain if 0 < len(v) <= 3 and not set(v) & set("'\"\\"))

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
    def expressions(self) -> tuple[tuple[str, frozenset[str], type[ast.AST]], ...]:
        """Short items, attributes and calls of the function, the names they need, their type."""
        found: dict[str, tuple[frozenset[str], type[ast.AST]]] = {}
        for node in ast.walk(self.root):
            if not isinstance(node, (ast.Subscript, ast.Attribute, ast.Call)):
                continue
            parent = self.program.parents.get(node)
            if isinstance(parent, ast.Call) and parent.func is node:
                continue
            if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                continue
            text = self.program.source(node)
            if len(text) <= 40 and "\n" not in text:
                used = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
                found.setdefault(text, (used - BUILTINS, type(node)))
        return tuple((text, *rest) for text, rest in list(found.items())[:MOST_EXPRESSIONS])

    @cached_property
    def kinds(self) -> dict[str, set[str]]:
        """What each local name is used as: number, sequence, set, text, callable, flag, object."""
        kinds: dict[str, set[str]] = {}
        for name, kind in uses(self.root):
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
