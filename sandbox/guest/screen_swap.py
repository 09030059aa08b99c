"""A candidate's code put in place of the loaded one, without importing anything again.

A candidate is a file and hunks of whole lines. Only the top-level statement the hunks stand in is
compiled again, at its own line numbers; the function objects that carry the old code objects are
found by the garbage collector, wherever they hide (imported elsewhere by name, decorated, behind a
property, a bound default), and their `__code__` is replaced. What cannot be swapped like that
(module-level code, class bodies, decorators) makes `swap` answer False: the slow path of
`screen_cold` imports the patched file afresh.
"""

import __future__

import ast
import gc
import sys
import tokenize
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

Hunk = tuple[int, int, str]  # first line, last line (first - 1: insert), the new lines
Swap = tuple[FunctionType, CodeType]
_DEFS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Span(NamedTuple):
    """A top-level def or class and its lines, decorators included, both ends from 1."""

    node: ast.stmt
    first: int
    last: int


def read_lines(path: Path) -> list[str]:
    """The file's lines as the host counts them: decoded, ends at "\\n", carriage returns gone."""
    with tokenize.open(path) as file:
        return file.read().split("\n")


def patched_lines(lines: list[str], hunks: list[Hunk]) -> list[str]:
    """The lines with every hunk in place (hunks never overlap; applied from the last one up)."""
    result = list(lines)
    for first, last, text in sorted(hunks, reverse=True):
        result[first - 1 : last] = text.split("\n")[: -1 if text.endswith("\n") else None]
    return result


class LoadedFile:
    """One file of the tree as it stands in this process: its text, statements and functions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = read_lines(path)
        tree = ast.parse("\n".join(self.lines))
        self.flags = _future_flags(tree)
        self.spans = [_span(node) for node in tree.body if isinstance(node, _DEFS)]
        self.functions = _functions_of(path)
        self._compiled: dict[int, CodeType] = {}
        self.module = next((m for m in list(sys.modules.values()) if _is_file(m, path)), None)

    def span_of(self, hunks: list[Hunk]) -> Span | None:
        """The one top-level def or class that all hunks stand in, or None."""
        low = min(first for first, _, _ in hunks)
        high = max(max(first, last) for first, last, _ in hunks)
        return next((s for s in self.spans if s.first <= low and high <= s.last), None)

    def compiled(self, span: Span, hunks: list[Hunk]) -> CodeType:
        """The module code of that statement alone with the hunks applied; SyntaxError if broken."""
        moved = [
            (first - span.first + 1, last - span.first + 1, text) for first, last, text in hunks
        ]
        lines = patched_lines(self.lines[span.first - 1 : span.last], moved)
        source = "\n" * (span.first - 1) + "\n".join(lines) + "\n"
        code: CodeType = compile(
            source, str(self.path), "exec", flags=self.flags, dont_inherit=True
        )
        return code

    def prepared(self, hunks: list[Hunk]) -> Callable[[], None] | None:
        """What to call to put the patched code in place; None when only a fresh import would do.

        Raises SyntaxError or ValueError when the patched statement does not compile.
        """
        span = self.span_of(hunks)
        if span is None or self.module is None:
            return None
        old, new = self._original(span), self.compiled(span, hunks)
        swaps: list[Swap] = []
        if _same_shell(old, new):
            return _all(swaps) if self._children_differ(old, new, swaps) else None
        if isinstance(span.node, ast.ClassDef) or getattr(span.node, "decorator_list", None):
            return None
        return self._with_defaults(old, new)

    def swap(self, hunks: list[Hunk]) -> bool:
        """Put the patched code in place here and now; False when that cannot be done."""
        put = self.prepared(hunks)
        if put is not None:
            put()
        return put is not None

    def _original(self, span: Span) -> CodeType:
        if span.first not in self._compiled:
            self._compiled[span.first] = self.compiled(span, [])
        return self._compiled[span.first]

    def _children_differ(self, old: CodeType, new: CodeType, swaps: list[Swap]) -> bool:
        """Walk both code trees side by side down to the functions; False: cannot be swapped."""
        for before, after in zip(_children(old), _children(new), strict=True):
            if before == after:
                continue
            if _is_class_body(before):
                if not _same_shell(before, after):
                    return False
                if not self._children_differ(before, after, swaps):
                    return False
            elif not self._function_differs(before, after, swaps):
                return False
        return True

    def _function_differs(self, old: CodeType, new: CodeType, swaps: list[Swap]) -> bool:
        if old.co_freevars != new.co_freevars or _signature(old) != _signature(new):
            return False
        for function in self.functions.get((old.co_name, old.co_firstlineno), ()):
            swaps.append((function, new))
        inner_old, inner_new = _children(old), _children(new)
        if [c.co_name for c in inner_old] == [c.co_name for c in inner_new]:
            for before, after in zip(inner_old, inner_new, strict=True):
                if before != after:  # closures made at import time, e.g. by a decorator
                    self._function_differs(before, after, swaps)
        return True

    def _with_defaults(self, old: CodeType, new: CodeType) -> Callable[[], None] | None:
        """A plain function whose defaults changed: run its `def` aside and take what it made."""
        before, after = _function_in(old), _function_in(new)
        swaps: list[Swap] = []
        if before is None or after is None or before.co_name != after.co_name:
            return None
        if not self._function_differs(before, after, swaps):
            return None
        functions = self.functions.get((before.co_name, before.co_firstlineno), [])

        def put() -> None:
            _all(swaps)()
            scratch: dict[str, Any] = dict(vars(self.module))
            exec(new, scratch)  # noqa: S102 - the tested code, in its own throwaway process
            made = scratch[after.co_name]
            for function in functions:
                function.__defaults__ = made.__defaults__
                function.__kwdefaults__ = made.__kwdefaults__

        return put


def _all(swaps: list[Swap]) -> Callable[[], None]:
    def put() -> None:
        for function, code in swaps:
            function.__code__ = code

    return put


def _function_in(code: CodeType) -> CodeType | None:
    """The code of the one function a `def` statement makes (lambdas in its defaults are others)."""
    found = [child for child in _children(code) if not child.co_name.startswith("<")]
    return found[-1] if found else None


def _span(node: ast.stmt) -> Span:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    return Span(node, first, node.end_lineno or node.lineno)


def _future_flags(tree: ast.Module) -> int:
    names = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]
    flags = 0
    for name in names:
        flags |= getattr(__future__, name).compiler_flag
    return flags


def _is_file(module: Any, path: Path) -> bool:
    try:
        return Path(module.__file__).resolve() == path
    except (AttributeError, TypeError, OSError, ValueError):
        return False


def _functions_of(path: Path) -> dict[tuple[str, int], list[FunctionType]]:
    """Every live function of that file, by name and first line (the decorator's, if it has one)."""
    names = {str(path)}
    found: dict[tuple[str, int], list[FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType:
            code = thing.__code__
            if code.co_filename not in names and Path(code.co_filename).name == path.name:
                if Path(code.co_filename).resolve() != path:
                    continue
                names.add(code.co_filename)
            if code.co_filename in names:
                found.setdefault((code.co_name, code.co_firstlineno), []).append(thing)
    return found


def _children(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def _same_shell(old: CodeType, new: CodeType) -> bool:
    """Whether two pieces of code differ at most in the functions they make."""

    def shell(code: CodeType) -> tuple[Any, ...]:
        plain = [
            "code " + c.co_name if isinstance(c, CodeType) else (type(c), repr(c))
            for c in code.co_consts
        ]
        return code.co_code, code.co_names, code.co_varnames, plain

    return shell(old) == shell(new)


def _is_class_body(code: CodeType) -> bool:
    return "__module__" in code.co_names and "__qualname__" in code.co_names


def _signature(code: CodeType) -> tuple[Any, ...]:
    count = code.co_argcount + code.co_kwonlyargcount
    star = code.co_flags & 0x0C  # CO_VARARGS, CO_VARKEYWORDS
    return code.co_argcount, code.co_posonlyargcount, code.co_varnames[:count], star
