"""What a Python file is about: the names it defines, and the words of names and docstrings."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.road.locate import UnreadableSource, parse

LEAST_WORD = 3  # letters
_PIECES = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_STOP = frozenset({
    "a", "all", "also", "an", "and", "any", "are", "as", "be", "been", "but", "by", "can",
    "change", "code", "could", "do", "does", "each", "edit", "every", "file", "files",
    "for", "from", "function", "get", "give", "has", "have", "if", "in", "into", "is", "it",
    "its", "let", "make", "method", "module", "more", "must", "new", "no", "not", "now",
    "of", "on", "one", "only", "or", "other", "please", "return", "returns", "set", "shall",
    "should", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there",
    "these", "they", "this", "to", "update", "use", "used", "using", "was", "were", "what",
    "when", "where", "which", "will", "with", "without", "would", "you", "add", "instead",
    "handle", "support",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """A function, class or module-level name. `words` are those of its name and docstring."""

    name: str  # qualified: "Class.method"
    words: frozenset[str]
    callable: bool = True  # a function or class; not a constant


def symbols(text: str, filename: str) -> tuple[Symbol, ...]:
    """Everything the file defines; nothing for a file this host's Python cannot parse."""
    try:
        tree = parse(text, filename)
    except UnreadableSource:
        return ()
    return tuple(_defined(tree, ""))


def words_of(text: str) -> frozenset[str]:
    """The telling words of a name or a sentence: lower case, plain stems, no small words."""
    pieces = (piece.lower() for piece in _PIECES.findall(text))
    return frozenset(_stem(piece) for piece in pieces if len(piece) >= LEAST_WORD) - _STOP


def _stem(word: str) -> str:
    """Near enough for names: plural and -ing, -ed endings off a word that stays long enough."""
    for ending in ("ing", "ied", "ies", "ed", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 4 and word not in _STOP:
            return stem + ("y" if ending in ("ied", "ies") else "")
    return word


def _defined(node: ast.AST, prefix: str) -> Iterator[Symbol]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            words = words_of(child.name) | words_of((ast.get_docstring(child) or "")[:2000])
            yield Symbol(name=prefix + child.name, words=words)
            yield from _defined(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    name = target.id
                    yield Symbol(name=prefix + name, words=words_of(name), callable=False)
        elif isinstance(child, ast.If | ast.Try | ast.With):
            yield from _defined(child, prefix)
