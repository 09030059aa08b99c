"""Constants tried in turn, where no model is: the one kind of edit that needs no idea.

Numbers of the session's files are doubled, halved and moved by one, each once, the most promising
(module constants and defaults) first. What was tried before, by whatever name, is not repeated.
"""

import ast
from collections.abc import Iterator

from daemon.engines import Source
from daemon.experiment.session import Session
from sandbox.patch import Hunk, Patch
from sandbox.text import split_lines

MOST_PLACES = 200


def next_constant(session: Session, source: Source) -> Patch | None:
    """The next edit of a constant that was not tried yet, or None."""
    tried = {hunk for each in session.tries for hunk in each.edit.hunks}
    for name in session.plan.files:
        text = source.text(name)
        for patch in _patches(name, text) if text else ():
            if not tried.intersection(patch.hunks):
                return patch
    return None


def _patches(name: str, text: str) -> Iterator[Patch]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = split_lines(text)
    for node in _constants(tree)[:MOST_PLACES]:
        line = lines[node.lineno - 1]
        if node.end_lineno != node.lineno or not line.isascii():
            continue
        for value in _others(node.value):
            new = f"{line[: node.col_offset]}{value!r}{line[node.end_col_offset :]}"
            hunk = Hunk(
                filename=name,
                first_line=node.lineno,
                last_line=node.lineno,
                original=line,
                replacement=new,
            )
            yield Patch(hunks=(hunk,), rationale=f"{value!r} instead of {node.value!r} is better")


def _constants(tree: ast.Module) -> list[ast.Constant]:
    """Numbers of the module: assigned at its top first, then defaults, then the others."""
    top = [each.value for each in tree.body if isinstance(each, ast.Assign | ast.AnnAssign)]
    args = [each.args for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    defaults = [value for each in args for value in (*each.defaults, *each.kw_defaults)]
    found: dict[int, ast.Constant] = {}
    for start in (*top, *defaults, tree):
        for node in ast.walk(start) if start is not None else ():
            if isinstance(node, ast.Constant) and type(node.value) in (int, float):
                found.setdefault(id(node), node)
    return list(found.values())


def _others(value: object) -> Iterator[int | float]:
    if isinstance(value, int):
        yield from dict.fromkeys(x for x in (value * 2, value // 2, value + 1) if x != value)
        if value > 0:
            yield value - 1
    elif isinstance(value, float):
        yield from dict.fromkeys(x for x in (value * 2, value / 2) if x != value)
