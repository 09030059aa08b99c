"""`tried` shows what a template makes of a snippet: the form of every template's example."""

import ast
import doctest
from collections.abc import Callable, Iterator

from daemon.engines.search.edits import Edit, applied, same_code_key
from daemon.engines.search.ingredients import Pool
from daemon.engines.search.program import FUNCTIONS, Program
from daemon.engines.search.spot import Spot


def tried(
    template: Callable[[Spot], Iterator[Edit]], source: str, at: str | None = None
) -> list[str]:
    """The sources a template makes, at the nodes whose text is `at` (default: all it knows)."""
    from daemon.engines.search.templates import TEMPLATES

    program = Program("example.py", source)
    kinds = next(entry.nodes for entry in TEMPLATES if entry.edits is template)
    found: dict[str, None] = {}
    for node in ast.walk(program.tree):
        if not isinstance(node, kinds) or (at is not None and program.source(node) != at):
            continue
        function = node if isinstance(node, FUNCTIONS) else program.function_of(node)
        pool = Pool(program, function)
        for edit in template(Spot(program, node, pool)):
            if same_code_key(program, edit):
                found.setdefault(applied(program.text, edit.pieces))
    return list(found)


def check(module: object) -> doctest.TestResults:
    """Run the examples of a module's docstrings."""
    return doctest.testmod(module, extraglobs={"tried": tried})  # type: ignore[arg-type]
