"""Regular expressions: a quantifier, an anchor, an escape."""

import ast
import re
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot

FUNCTIONS = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall"}
FUNCTIONS |= {"finditer"}
LONGEST = 120


def other_pattern(spot: Spot) -> Iterator[Edit]:
    """Another quantifier, one more anchor, a dot that means a dot.

    >>> tried(other_pattern, r"re.match(r'a+.b', x)")[:3]
    ["re.match(r'a*.b', x)", "re.match(r'a+?.b', x)", "re.match(r'a+\\\\.b', x)"]
    """
    node, parent = spot.node, spot.program.parents.get(spot.node)
    assert isinstance(node, ast.Constant)
    if not isinstance(node.value, str) or not isinstance(parent, ast.Call):
        return
    if getattr(parent.func, "attr", "") not in FUNCTIONS or parent.args[:1] != [node]:
        return
    text = spot.source()
    quoted = re.fullmatch(r"([rR]?)(['\"])((?:(?!\2).)*)\2", text)
    if not quoted or len(text) > LONGEST:
        return
    prefix, quote, body = quoted.groups()
    for changed, weight in _variants(body):
        yield spot.put(f"{prefix}{quote}{changed}{quote}", weight)


def _variants(body: str) -> Iterator[tuple[str, float]]:
    for match in re.finditer(r"(?<!\\)[+*](?!\?)", body):
        other = "*" if match[0] == "+" else "+"
        before, after = body[: match.start()], body[match.end() :]
        yield before + other + after, 0.9
        yield before + match[0] + "?" + after, 0.6
    for match in re.finditer(r"(?<!\\)\.(?![*+?])", body):
        yield body[: match.start()] + "\\." + body[match.end() :], 0.6
    for match in re.finditer(r"\\[dws](?![*+?{])|[\])](?![*+?{])", body):
        for quantifier, weight in (("+", 0.6), ("*", 0.5), ("?", 0.5)):
            yield body[: match.end()] + quantifier + body[match.end() :], weight
    if not body.endswith("$"):
        yield body + "$", 0.5
    if not body.startswith("^"):
        yield "^" + body, 0.5
    yield rf"\b{body}\b", 0.3
