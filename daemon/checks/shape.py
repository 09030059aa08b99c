"""Lazy patches: places that stand for code nobody wrote, and bodies that were emptied."""

import ast
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from daemon.checks.parsing import Change
from sandbox.patch import Hunk

Function = ast.FunctionDef | ast.AsyncFunctionDef
LITERAL_GLUE = ast.Load | ast.UnaryOp | ast.USub

_CODE = r"(?:code|function|method|class|implementation|logic)(?:e?s)?"
_PLACE = r"(?:file|module|body|lines?)"
_STAYS = (
    r"(?:(?:is|are|stays?|remains?)\ )?"
    r"(?:unchanged|as\ before|as\ is|the\ same|stays|remains|omitted|(?:goes\ )?here)"
)
PLACEHOLDER = re.compile(
    rf"""^[\s.…\[(<{{]*(?:
        (?:the\ )?(?:rest|remainder)\ of\ (?:the\ |this\ |your\ )?(?:\w+\ )?{_CODE}(?:\ {_STAYS}.*)?
      | (?:the\ )?(?:rest|remainder)(?:\ of\ (?:the\ |this\ )?(?:{_PLACE}|it))?\ {_STAYS}.*
      | (?:keep\ )?(?:the\ )?(?:existing|previous|original|other|remaining|old)\ (?:\w+\ )?
        (?:{_CODE}(?:\ {_STAYS}.*)? | {_PLACE}\ {_STAYS}.*)
      | (?:unchanged|no\ changes?(?:\ needed)?(?:\ here)?|same\ as\ (?:before|above|the\ original))
      | (?:your|add|put|insert|write)\ (?:.*\ )?code\ (?:goes\ )?here.*
      | (?:todo:?\ )?implement(?:ation)?\ (?:this|me|here|goes\ here|omitted|needed).*
      | code\ omitted.* | omitted(?:\ for\ brevity)? | snip
    )[\s.…\])>}}]*$""",
    re.IGNORECASE | re.VERBOSE,
)
ELLIPSIS = re.compile(r"^\s*(?:\.{3}|…)\s*$")
FENCE = re.compile(r"^\s*```")
CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?:\s|$)")


def lazy_line(hunk: Hunk) -> str | None:
    """The first added line that stands for other code, in words; None when all lines are code."""
    old = Counter(line.strip() for line in hunk.original.split("\n"))
    for line in hunk.replacement.split("\n"):
        text = line.strip()
        if old[text] > 0:
            old[text] -= 1
        elif FENCE.match(line):
            return f"{text!r} is Markdown; send the lines of the file only"
        elif CONFLICT.match(line):
            return f"{text!r} is a merge marker; send the lines of the file only"
        elif any(_stands_for_code(part, text) for part in _prose(text)):
            return f"{text!r} stands for code; send every line that shall stand there"
    return None


def hidden_text(change: Change) -> str | None:
    """Characters that make a line read other than it runs (bidirectional marks and the like)."""
    old, new = (_invisible(text) for text in (change.before_text, change.after_text))
    extra = new - old
    if not extra:
        return None
    names = ", ".join(sorted(unicodedata.name(char, f"U+{ord(char):04X}") for char in extra))
    return f"{change.filename} would get invisible characters ({names}); write plain text"


def emptied(change: Change) -> str | None:
    """A function whose code became a stub, or a new `...` where code should stand."""
    old = dict(_functions(change.before)) if change.before else {}
    for name, node in _functions(change.after):
        before = old.get(name)
        if before is None:
            if _is_stub(node) and not _may_be_stub(node):
                return f"{change.filename}: the new {name} has no code; write it"
        elif _is_stub(node) and not _is_stub(before):
            return f"{change.filename}: {name} lost its code; send the whole repaired body"
        elif _is_constant(node) and _substance(before) > 1:
            return f"{change.filename}: {name} now only returns a constant; mend its logic instead"
        elif _ellipses(node) > _ellipses(before):
            return f"{change.filename}: {name} holds a `...` that stands for code; write it out"
    return None


def _prose(text: str) -> Iterator[str]:
    """What of a line could be a placeholder: a comment, or words after dots or a bracket."""
    if text.startswith("#"):
        yield text.lstrip("#! ")
    elif " # " in text:
        yield text.rpartition(" # ")[2]
    elif re.match(r"(?:\.{3}|…|\[|<)\s*\w.*$", text) or "..." in text[-4:]:
        yield text


def _stands_for_code(prose: str, text: str) -> bool:
    if ELLIPSIS.match(prose):
        return text.startswith("#")
    return PLACEHOLDER.match(prose) is not None


def _invisible(text: str) -> Counter[str]:
    return Counter(char for char in text if ord(char) > 127 and unicodedata.category(char) == "Cf")


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, Function):
            yield prefix + child.name, child
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            if not _is_protocol(child):
                yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)


def _code(node: Function) -> list[ast.stmt]:
    """The body without its docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    text = documented and isinstance(first.value.value, str)  # type: ignore[attr-defined]
    return node.body[1:] if text else node.body


def _is_stub(node: Function) -> bool:
    """Nothing but pass, `...`, a bare return or NotImplementedError."""
    return all(_says_nothing(statement) for statement in _code(node))


def _says_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Return(value=None):
            return True
        case ast.Raise(exc=ast.Name(id=name) | ast.Call(func=ast.Name(id=name))):
            return name == "NotImplementedError"
    return False


def _is_constant(node: Function) -> bool:
    """Nothing but the return of a constant."""
    code = _code(node)
    if len(code) != 1 or not isinstance(code[0], ast.Return) or code[0].value is None:
        return False
    return all(
        isinstance(each, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Set | LITERAL_GLUE)
        for each in ast.walk(code[0].value)
    )


def _substance(node: Function) -> int:
    """How much a body says: its statements, a call counting as one more."""
    code = _code(node)
    inside = [each for statement in code for each in ast.walk(statement)]
    return sum(isinstance(each, ast.stmt | ast.Call) for each in inside)


def _ellipses(node: Function) -> int:
    return sum(
        isinstance(each, ast.Expr)
        and isinstance(each.value, ast.Constant)
        and each.value.value is Ellipsis
        for each in ast.walk(node)
    )


def _may_be_stub(node: Function) -> bool:
    """Overloads and abstract methods have no body by nature; so do documented empty hooks."""
    words = {word for each in node.decorator_list for word in ast.unparse(each).split(".")}
    return bool(words & {"overload", "abstractmethod"})


def _is_protocol(node: ast.ClassDef) -> bool:
    return any("Protocol" in ast.unparse(base) for base in node.bases)
