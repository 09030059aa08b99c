"""The shape of an edit: the statements that differ, without the names and texts of the code.

A shape says `if v1 < v2` became `if v1 <= v2` and nothing about whose prices those were. Kept are
Python's own words, builtins, methods of builtin types and small numbers; every other name becomes
v1, v2 …, every text "…". So equal edits of different code bases have one shape.
"""

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MOST_CHARS = 2_000  # of one side; a larger edit is no recipe but a rewrite
SMALL = 10
_TYPES = (str, bytes, list, dict, set, tuple, int, float)
KEPT_NAMES = frozenset(dir(builtins)) | {"self", "cls"}
KEPT_ATTRIBUTES = frozenset(name for kind in _TYPES for name in dir(kind))


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One edit without its names: Python text of the statements before and after."""

    before: str
    after: str


def shape_of(before: str, after: str) -> Shape | None:
    """The shape of the change from one file text to the other.

    None when either does not parse, nothing but layout differs, or it is too large to be a recipe.
    """
    try:
        sides = _differing(ast.parse(before).body, ast.parse(after).body)
        names = _Names()
        texts = [_text(statements, names) for statements in sides or ()]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not any(texts) or texts[0] == texts[1] or max(map(len, texts)) > MOST_CHARS:
        return None
    return Shape(before=texts[0], after=texts[1])


Sides = tuple[Sequence[ast.stmt], Sequence[ast.stmt]]


def _differing(old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> Sides | None:
    """The innermost run of statements that holds the whole difference; None for no difference."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    if not left and not right:
        return None
    if len(left) == len(right) == 1:
        return _inside(left[0], right[0]) or _headers(left[0], right[0])
    return left, right


def _headers(one: ast.stmt, other: ast.stmt) -> Sides:
    """Two statements whose blocks are the same, with `...` in place of those blocks."""
    blocks = [name for name, value in ast.iter_fields(one) if _is_block(value)]
    if type(one) is type(other) and all(
        _dump(getattr(one, name)) == _dump(getattr(other, name, None)) for name in blocks
    ):
        for statement in (one, other):
            for name in blocks:
                setattr(statement, name, [ast.Expr(ast.Constant(...))])
    return [one], [other]


def _inside(one: ast.stmt, other: ast.stmt) -> Sides | None:
    """The difference within one block of two statements that are else the same."""
    if type(one) is not type(other):
        return None
    blocks = [name for name, value in ast.iter_fields(one) if _is_block(value)]
    changed = [name for name in blocks if _dump(getattr(one, name)) != _dump(getattr(other, name))]
    if len(changed) != 1 or not _same_but(one, other, changed[0]):
        return None
    return _differing(getattr(one, changed[0]), getattr(other, changed[0]))


def _is_block(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, ast.stmt) for v in value)


def _same_but(one: ast.stmt, other: ast.stmt, block: str) -> bool:
    """Whether two statements are the same but for one block."""
    rest = [
        [_dump(value) for name, value in ast.iter_fields(each) if name != block]
        for each in (one, other)
    ]
    return rest[0] == rest[1]


def _common(one: Sequence[ast.stmt], other: Sequence[ast.stmt]) -> int:
    """How many statements at the beginning are the same."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if _dump(left) != _dump(right):
            break
        count += 1
    return count


def _dump(value: object) -> str:
    if isinstance(value, ast.AST):
        return ast.dump(value)
    if isinstance(value, list):
        return "\n".join(_dump(each) for each in value)
    return repr(value)


def _text(statements: Sequence[ast.stmt], names: "_Names") -> str:
    """Headers of compound statements stand with an empty body where that did not change."""
    copies = [names.visit(ast.parse(ast.unparse(each))) for each in statements]
    return "\n".join(ast.unparse(ast.fix_missing_locations(each)) for each in copies).strip()


@dataclass
class _Names(ast.NodeTransformer):
    """Exchanges everything that belongs to one code base."""

    known: dict[str, str] = field(default_factory=dict)

    def _named(self, name: str, kept: frozenset[str]) -> str:
        if name in kept:
            return name
        return self.known.setdefault(name, f"v{len(self.known) + 1}")

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Every field that holds a name; then what is below."""
        for name, kept in _name_fields(node):
            value = getattr(node, name)
            if isinstance(value, str):
                setattr(node, name, self._named(value, kept))
            elif isinstance(value, list):
                setattr(node, name, [self._named(each, kept) for each in value])
        return super().generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Small numbers, True, False and None stay; texts and other numbers do not."""
        value: object = node.value
        if isinstance(value, str | bytes):
            node.value = ("…" if isinstance(value, str) else b".") if value else value
        elif isinstance(value, int | float | complex) and not isinstance(value, bool):
            node.value = value if value == value and abs(value) <= SMALL else 99
        return node


def _name_fields(node: ast.AST) -> Iterator[tuple[str, frozenset[str]]]:
    """The fields of a node that hold names, and which names stay in them."""
    if isinstance(node, ast.Attribute):
        yield "attr", KEPT_ATTRIBUTES
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (("module", frozenset()),) if isinstance(node, ast.ImportFrom) else ()
    else:
        for name in ("id", "arg", "name", "asname", "names", "rest", "kwd_attrs"):
            value = getattr(node, name, None)
            texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
            if isinstance(value, str) or texts:
                yield name, KEPT_NAMES
