"""A changed file before and after the patch, parsed once for every gate that looks at it.

Parsing says what this host's Python says; a target that runs another version is still tried in
its own container, where the last word is spoken.
"""

import ast
import platform
import tokenize
import warnings
from dataclasses import dataclass
from io import BytesIO


class DoesNotParse(Exception):
    """The text is no Python for this host's version; the message says where and why."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One Python file; a tree is None when the file is absent or (before only) does not parse."""

    filename: str
    before_text: str
    after_text: str
    before: ast.Module | None
    after: ast.Module | None


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


def _where(filename: str, error: Exception) -> str:
    line = getattr(error, "lineno", None)
    text = (getattr(error, "text", None) or "").strip()
    place = f" line {line}" if line else ""
    shown = f": {text}" if text else ""
    message = getattr(error, "msg", None) or str(error) or type(error).__name__
    version = platform.python_version()
    return f"{filename}{place} does not parse (Python {version}): {message}{shown}"
