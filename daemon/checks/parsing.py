"""A changed file before and after the patch, parsed once for every gate that looks at it.

Parsing says what this host's Python says; a target that runs another version is still tried in
its own container, where the last word is spoken.
"""

import ast
import platform
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO


class DoesNotParse(Exception):
    """The text is no Python for this host's version; the message says where and why."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One Python file; `before` is None for a new file, and for one that did not parse."""

    filename: str
    before_text: str
    after_text: str
    before: ast.Module | None
    after: ast.Module


def change(filename: str, before: bytes | None, after: bytes) -> Change:
    """Both sides of one file. Raises DoesNotParse when the new side does not."""
    old: ast.Module | None = None
    if before is not None:
        try:
            old = parsed(filename, before)
        except DoesNotParse:
            old = None
    return Change(
        filename=filename,
        before_text=decoded(before or b""),
        after_text=decoded(after),
        before=old,
        after=parsed(filename, after),
    )


def parsed(filename: str, data: bytes) -> ast.Module:
    """The AST; also compiled (never run), so that a `return` outside a function is seen."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data, filename)
            compile(data, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DoesNotParse(_where(filename, error)) from None
    return tree


def decoded(data: bytes) -> str:
    """The text as Python would decode it; undecodable bytes become replacement characters."""
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        return data.decode(encoding, "replace")
    except (SyntaxError, LookupError):
        return data.decode("utf-8", "replace")


def same_meaning(one: ast.Module, other: ast.Module) -> bool:
    """Whether two files differ in layout and comments at most."""
    return ast.dump(one) == ast.dump(other)


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Every name an import binds anywhere in the file, with what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (root, root)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield alias.asname or alias.name, f"{module}.{alias.name}"


def whole_modules(tree: ast.Module) -> Iterator[str]:
    """Every name that an `import` binds to a module itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)


def docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    """Texts that stand alone as a statement; nothing reads them at run time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _where(filename: str, error: Exception) -> str:
    line = getattr(error, "lineno", None)
    text = (getattr(error, "text", None) or "").strip()
    place = f" line {line}" if line else ""
    shown = f": {text}" if text else ""
    message = getattr(error, "msg", None) or str(error) or type(error).__name__
    version = platform.python_version()
    return f"{filename}{place} does not parse (Python {version}): {message}{shown}"
