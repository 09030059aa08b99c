"""One place in a program where templates look, and the ways they may write there."""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.engines.search.edits import Edit, Piece
from daemon.engines.search.ingredients import Pool
from daemon.engines.search.program import Program

# How tightly an expression binds; the reference manual's table of operator precedence.
LEVELS: dict[type[ast.operator], int] = {
    ast.BitOr: 8, ast.BitXor: 9, ast.BitAnd: 10, ast.LShift: 11, ast.RShift: 11, ast.Add: 12,
    ast.Sub: 12, ast.Mult: 13, ast.Div: 13, ast.FloorDiv: 13, ast.Mod: 13, ast.MatMult: 13,
    ast.Pow: 15,
}  # fmt: skip
ATOM = 20


@dataclass(frozen=True)
class Spot:
    """A node, its program and the ingredients around it."""

    program: Program
    node: ast.AST
    pool: Pool

    def source(self, node: ast.AST | None = None) -> str:
        """The text of a node (the spot's own by default)."""
        return self.program.source(node or self.node)

    def put(self, text: str, weight: float = 1.0, node: ast.expr | None = None) -> Edit:
        """Write an expression where the node stands, in parentheses where it needs them."""
        node = node or self.node  # type: ignore[assignment]
        begin, end = self.program.span(node)  # type: ignore[arg-type]
        around = self.program.text[begin - 1 : begin] + self.program.text[end : end + 1]
        fitted = text if around == "()" else self.fitted(text, node)
        return self.change(begin, end, fitted, weight)

    def fitted(self, text: str, node: ast.AST | None) -> str:
        """The expression's text as it may stand at the node's place."""
        if text[:1] == "(" and text[-1:] == ")" and "(" not in text[1:]:
            return text
        parent = self.program.parents.get(node) if node else None
        if tightness(text) <= _needed(parent, node):
            return f"({text})"
        return text

    def fitted_in(self, node: ast.AST, level: int) -> str:
        """The node's text, in parentheses unless it binds tighter than `level`."""
        text = self.source(node)
        return text if tightness(text) > level else f"({text})"

    def change(self, begin: int, end: int, text: str, weight: float = 1.0) -> Edit:
        """Replace characters [begin, end)."""
        line = getattr(self.node, "lineno", None) or self.program.line_of(begin)
        return Edit(pieces=(Piece(begin=begin, end=end, text=text),), line=line, weight=weight)

    def between(self, left: ast.AST, right: ast.AST) -> tuple[int, int]:
        """The characters between two nodes."""
        return self.program.span(left)[1], self.program.span(right)[0]

    def before(self, statement: ast.stmt, code: str, weight: float = 1.0) -> Edit:
        """Insert lines before a statement, at its depth; `code` is written as if at depth 0."""
        line = _first_line(statement)
        begin = self.program.line_start(line)
        text = _indented(code, self.program.indent(statement))
        return Edit(pieces=(Piece(begin=begin, end=begin, text=text),), line=line, weight=weight)

    def after(self, statement: ast.stmt, code: str, weight: float = 1.0) -> Edit:
        """Insert lines after a statement, at its depth."""
        line = (statement.end_lineno or statement.lineno) + 1
        text = _indented(code, self.program.indent(statement))
        if line > len(self.program.lines):  # the file's last line has no end
            begin = len(self.program.text)
            text = "\n" + text.rstrip("\n")
        else:
            begin = self.program.line_start(line)
        piece = Piece(begin=begin, end=begin, text=text)
        return Edit(pieces=(piece,), line=statement.lineno, weight=weight)

    def rewrite(self, statement: ast.stmt, code: str, weight: float = 1.0) -> Edit:
        """Put other lines in a statement's place (nothing: the empty text, for a block of more)."""
        begin = self.program.line_start(_first_line(statement))
        end = self.program.line_start((statement.end_lineno or statement.lineno) + 1)
        end = min(end, len(self.program.text))
        text = _indented(code, self.program.indent(statement)) if code else ""
        if text and not self.program.text[begin:end].endswith("\n"):
            text = text.rstrip("\n")
        return Edit(
            pieces=(Piece(begin=begin, end=end, text=text),), line=statement.lineno, weight=weight
        )

    def whole_lines(self, statement: ast.stmt) -> bool:
        """Whether the statement has its lines for itself (no semicolon, no one-line block)."""
        begin, end = self.program.span(statement)
        line_end = self.program.text.find("\n", end)
        tail = self.program.text[end : line_end if line_end >= 0 else None].strip()
        head = self.program.text[self.program.line_start(statement.lineno) : begin]
        return not head.strip() and (not tail or tail.startswith("#"))

    def names(self) -> Iterator[str]:
        """Local names usable here."""
        yield from self.pool.visible(self.node)


@functools.lru_cache(maxsize=20_000)
def tightness(text: str) -> int:
    """How tightly an expression's text binds, 0 (tuple, walrus) to 20 (atom).

    >>> tightness("a + b") < tightness("a * b") < tightness("f(a)")
    True
    """
    try:
        node = ast.parse(f"({text}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return 0
    if isinstance(node, (ast.Tuple, ast.GeneratorExp)) and not text.startswith("("):
        return 0
    return _binds(node)


def _binds(node: ast.AST) -> int:
    if isinstance(node, ast.BinOp):
        return LEVELS[type(node.op)]
    if isinstance(node, ast.BoolOp):
        return 3 if isinstance(node.op, ast.Or) else 4
    if isinstance(node, ast.UnaryOp):
        return 5 if isinstance(node.op, ast.Not) else 14
    plain: dict[type[ast.AST], int] = {
        ast.NamedExpr: 0, ast.Yield: 0, ast.YieldFrom: 0, ast.Lambda: 1, ast.IfExp: 2,
        ast.Compare: 6, ast.Await: 16, ast.Starred: 0,
    }  # fmt: skip
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return 14 if str(node.value).startswith("-") else ATOM
    return plain.get(type(node), ATOM)


def _needed(parent: ast.AST | None, node: ast.AST | None) -> int:
    """An expression at this place needs parentheses if it binds no tighter than this."""
    if isinstance(parent, ast.BinOp):
        level = LEVELS[type(parent.op)]
        left_associative = node is parent.left and not isinstance(parent.op, ast.Pow)
        return level - 1 if left_associative else level
    if isinstance(parent, ast.Attribute):
        return ATOM - 1
    if isinstance(parent, (ast.Call, ast.Subscript)):
        inner = parent.func if isinstance(parent, ast.Call) else parent.value
        return ATOM - 1 if node is inner else -1 if isinstance(parent, ast.Subscript) else 0
    if isinstance(parent, (ast.Return, ast.Assign, ast.Expr, ast.For)):
        return -1
    if isinstance(parent, (ast.BoolOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Await)):
        return _binds(parent)
    return 0


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", ())
    first: int = min([statement.lineno, *(d.lineno for d in decorators)])
    return first


def _indented(code: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" if line else "\n" for line in code.rstrip("\n").split("\n"))
