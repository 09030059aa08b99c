"""Arguments too many or too few."""

import ast
from collections.abc import Iterator

from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot


def change_arity(spot: Spot) -> Iterator[Edit]:
    """An argument dropped, or a name in scope or a constant added as the last.

    >>> tried(change_arity, "def f(a, b): g(a, 1)")[:2]
    ['def f(a, b): g(1)', 'def f(a, b): g(a)']
    """
    node = spot.node
    assert isinstance(node, ast.Call)
    everything = [*node.args, *node.keywords]
    if any(isinstance(a, (ast.Starred, ast.GeneratorExp)) for a in node.args):
        return
    head, texts = spot.source(node.func), [spot.source(a) for a in everything]
    if len(texts) > 1:
        for place in range(len(texts)):
            yield spot.put(f"{head}({', '.join(texts[:place] + texts[place + 1 :])})", 0.7)
    if len(node.args) < 4 and not node.keywords:
        for name in [*spot.names(), *spot.pool.constants[:6]]:
            if name not in texts:
                yield spot.put(f"{head}({', '.join([*texts, name])})", 0.4)
    yield from _keywords(spot, node, head, texts)


USUAL: dict[str, tuple[str, ...]] = {  # keywords that are easily forgotten
    "sorted": ("reverse=True", "key=len", "key=abs", "key=str.lower"),
    "sort": ("reverse=True", "key=len", "key=abs", "key=str.lower"),
    "max": ("default=None", "default=0", "key=len", "key=abs"),
    "min": ("default=None", "default=0", "key=len", "key=abs"),
    "enumerate": ("start=1",), "dumps": ("sort_keys=True",), "split": ("maxsplit=1",),
    "sub": ("flags=re.IGNORECASE",), "compile": ("re.IGNORECASE", "re.DOTALL"),
}  # fmt: skip


def _keywords(spot: Spot, node: ast.Call, head: str, texts: list[str]) -> Iterator[Edit]:
    """A usual keyword, or one of the called function's own that a name in scope is called like."""
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    given = {keyword.arg for keyword in node.keywords}
    for keyword in USUAL.get(called, ()):
        if keyword.partition("=")[0] not in given:
            yield spot.put(f"{head}({', '.join([*texts, keyword])})", 0.7)
    if None in given or called not in spot.pool.takes:
        return
    own = set(spot.pool.parameters[:1]) & {"self", "cls"}
    for name in spot.pool.takes[called][len(node.args) :]:
        if name not in given and name in spot.names():
            yield spot.put(f"{head}({', '.join([*texts, f'{name}={name}'])})", 1.0)
        if name not in given and own and name in spot.pool.attributes:
            text = f"{name}={spot.pool.parameters[0]}.{name}"
            yield spot.put(f"{head}({', '.join([*texts, text])})", 1.0)
