"""A source file as text and tree together: where each node stands, what encloses it.

Offsets count characters of `text`, whose line ends are all "\\n"; lines count from 1.
"""

import ast
from collections.abc import Iterator
from functools import cached_property

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Span = tuple[int, int]


class Unparsable(ValueError):
    """The file is no Python that this interpreter reads."""


class Program:
    """One file, parsed. Raises Unparsable when it cannot be."""

    def __init__(self, filename: str, text: str) -> None:
        self.filename = filename
        self.text = text.replace("\r\n", "\n")
        if "\r" in self.text or "\x0c" in self.text:
            # the parser ends lines at a lone "\r", patches do not: the numbers would differ
            self.text = self.text.replace("\r", " ").replace("\x0c", " ")
        try:
            self.tree = ast.parse(self.text)
        except (SyntaxError, ValueError, RecursionError) as fault:
            raise Unparsable(f"{filename} cannot be parsed: {fault}") from fault
        self.lines = self.text.split("\n")
        self.keys: dict[int, str | None] = {}  # see edits.unchanged_key
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node each node hangs under."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def definitions(self) -> list[Span]:
        """Where every function and class stands, whole lines, decorators included."""
        spans = []
        for node in ast.walk(self.tree):
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                end = self.line_start((node.end_lineno or node.lineno) + 1)
                spans.append((self.line_start(first), min(end, len(self.text))))
        return spans

    @cached_property
    def functions(self) -> dict[str, FunctionNode]:
        """Every function by qualified name, without "<locals>"; the last definition of a name."""
        return {
            name: node for name, node in self._named(self.tree, "") if isinstance(node, FUNCTIONS)
        }

    @cached_property
    def twice(self) -> frozenset[str]:
        """Qualified names that are defined more than once in the same place."""
        names = [name for name, _ in self._named(self.tree, "")]
        return frozenset(name for name in names if names.count(name) > 1)

    def _named(self, node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (*FUNCTIONS, ast.ClassDef)):
                yield prefix + child.name, child
                yield from self._named(child, f"{prefix}{child.name}.")
            else:
                yield from self._named(child, prefix)

    def offset(self, line: int, byte: int) -> int:
        """The character offset of a place as the parser names it (column in UTF-8 bytes)."""
        text = self.lines[line - 1]
        if not text.isascii():
            byte = len(text.encode()[:byte].decode(errors="replace"))
        return self._starts[line - 1] + byte

    def span(self, node: ast.AST) -> Span:
        """Where the node begins and ends, without parentheses around it."""
        begin = self.offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        end = self.offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        return begin, end

    def source(self, node: ast.AST) -> str:
        """The node's own text, formatting and all."""
        begin, end = self.span(node)
        return self.text[begin:end]

    def line_of(self, offset: int) -> int:
        """The line a character stands in."""
        import bisect

        return bisect.bisect_right(self._starts, offset)

    def line_start(self, line: int) -> int:
        """The offset of the first character of a line; one past the last line is allowed."""
        return self._starts[min(line, len(self._starts)) - 1]

    def indent(self, node: ast.stmt) -> str:
        """The blanks before a statement (its line's own, also after a semicolon)."""
        line = self.lines[node.lineno - 1]
        return line[: len(line) - len(line.lstrip())]

    def up(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around this one, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The innermost statement this node belongs to (itself, if it is one)."""
        for each in (node, *self.up(node)):
            if isinstance(each, ast.stmt):
                return each
        return None

    def function_of(self, node: ast.AST) -> FunctionNode | None:
        """The innermost function around the node."""
        return next((each for each in self.up(node) if isinstance(each, FUNCTIONS)), None)

    def qualname(self, function: FunctionNode) -> str:
        """The function's name as bug reports write it."""
        found = [n for n in self.up(function) if isinstance(n, (*FUNCTIONS, ast.ClassDef))]
        return ".".join([*(n.name for n in reversed(found)), function.name])

    def blocks(self, root: ast.AST) -> Iterator[list[ast.stmt]]:
        """Every list of statements at or below a node."""
        for node in ast.walk(root):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(node, field, None)
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    yield block

    def block_of(self, statement: ast.stmt) -> list[ast.stmt]:
        """The list a statement stands in."""
        parent = self.parents.get(statement)
        for field in ("body", "orelse", "finalbody", "handlers"):
            block = getattr(parent, field, None)
            if isinstance(block, list) and statement in block:
                return block
        return [statement]

    def header_end(self, statement: ast.stmt) -> int:
        """Where a compound statement's own line ends (the start of its body), else its end."""
        body = getattr(statement, "body", None)
        if isinstance(body, list) and body:
            first = body[0]
            decorators = getattr(first, "decorator_list", None) or [first]
            line = min(first.lineno, decorators[0].lineno)
            if line > statement.lineno:
                return self.line_start(line)
            return self.span(first)[0]
        return self.span(statement)[1]
