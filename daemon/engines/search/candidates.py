"""All edits of all templates, the likeliest first, no two the same code."""

import ast
import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from daemon.engines.search.edits import Edit, same_code_key, unchanged_key
from daemon.engines.search.ingredients import Pool
from daemon.engines.search.program import FUNCTIONS, FunctionNode, Program
from daemon.engines.search.spot import Spot
from daemon.engines.search.templates import TEMPLATES, Template

FAINTEST = 0.01  # edits below this score are noise


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One edit of one file and how promising it is."""

    program: Program
    edit: Edit
    score: float
    function: str | None  # the qualified name of the function it is in


@dataclass(frozen=True, kw_only=True)
class Area:
    """A function (None: the module's own code) that may hold the fault, line by line."""

    program: Program
    function: FunctionNode | None
    suspicion: Mapping[int, float]  # by line; lines the failing tests never ran are not in it
    hints: tuple[str, ...] = ()


def candidates(
    areas: Iterable[Area], templates: tuple[Template, ...] = TEMPLATES
) -> Iterator[Candidate]:
    """Every edit in the areas by falling score, each code once; deterministic."""
    seen: set[tuple[str, str]] = set()
    for candidate in by_score(areas, templates):
        key = same_code_key(candidate.program, candidate.edit)
        if key is None or (candidate.program.filename, key) in seen:
            continue
        seen.add((candidate.program.filename, key))
        if key != unchanged_key(candidate.program, candidate.edit):
            yield candidate


@dataclass(frozen=True)
class Turn:
    """One template at one node, not asked yet."""

    best: float  # no edit of it scores higher: weights are 1 at most
    area: Area
    spot: Spot
    template: Template


def by_score(areas: Iterable[Area], templates: tuple[Template, ...]) -> Iterator[Candidate]:
    """Edits by falling score, equals in the order of the code; each made only when it may be next.

    Making all of them first took a minute of processor time for fourteen large functions.
    """
    turns = [turn for area in areas for turn in turns_of(area, templates)]
    waiting: list[tuple[float, int, int, Candidate]] = []
    for order, turn in sorted(enumerate(turns), key=lambda each: -each[1].best):  # stable
        while waiting and -waiting[0][0] > turn.best:
            yield heapq.heappop(waiting)[-1]
        for number, candidate in enumerate(edits_at(turn)):
            heapq.heappush(waiting, (-candidate.score, order, number, candidate))
    while waiting:
        yield heapq.heappop(waiting)[-1]


def turns_of(area: Area, templates: tuple[Template, ...]) -> Iterator[Turn]:
    """The templates that look at each node that a failing test ran."""
    pool = Pool(area.program, area.function, area.hints)
    for node in own_nodes(area):
        suspicion = suspicion_of(area, node)
        if suspicion <= 0:
            continue
        inner = area.program.function_of(node)
        local = pool if inner is area.function or inner is None else _inner_pool(pool, area, inner)
        spot = Spot(area.program, node, local)
        for template in templates:
            best = suspicion * template.prior
            if best >= FAINTEST and isinstance(node, template.nodes):
                yield Turn(best, area, spot, template)


def edits_of(area: Area, templates: tuple[Template, ...]) -> Iterator[Candidate]:
    """Everything the templates make of an area, in the order of the code."""
    for turn in turns_of(area, templates):
        yield from edits_at(turn)


def edits_at(turn: Turn) -> Iterator[Candidate]:
    """What the template makes of the node."""
    area = turn.area
    name = area.program.qualname(area.function) if area.function else None
    for edit in turn.template.edits(turn.spot):
        score = turn.best * min(1.0, edit.weight)
        if score >= FAINTEST:
            yield Candidate(
                program=area.program,
                edit=edit.named(turn.template.name),
                score=score,
                function=name,
            )


def _inner_pool(pool: Pool, area: Area, function: FunctionNode) -> Pool:
    """The pool of a function inside the area's function, made once."""
    key = f"inner {function.lineno}"
    if key not in pool._cache:
        pool._cache[key] = Pool(area.program, function, area.hints)
    found = pool._cache[key]
    assert isinstance(found, Pool)
    return found


def own_nodes(area: Area) -> Iterator[ast.AST]:
    """The area's nodes; for the module's own code, functions and classes' methods are left out."""
    root: ast.AST = area.function or area.program.tree
    if area.function is not None:
        yield root
    waiting = list(ast.iter_child_nodes(root))
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.arguments) and area.function is None:
            continue
        yield node
        if area.function is None and isinstance(node, FUNCTIONS):
            continue
        waiting = [*(c for c in ast.iter_child_nodes(node) if not _annotation(node, c)), *waiting]


def _annotation(node: ast.AST, child: ast.AST) -> bool:
    return child in (getattr(node, "annotation", None), getattr(node, "returns", None))


def suspicion_of(area: Area, node: ast.AST) -> float:
    """The most suspicious line of the node's statement (of its header, for a compound one)."""
    if isinstance(node, (FUNCTIONS, ast.arguments, ast.arg)):
        return max(area.suspicion.values(), default=0.0) * 0.7 if area.function else 0.0
    statement = area.program.statement(node)
    if statement is None:
        return 0.0
    if statement is area.function:  # a default value or a decorator
        return max(area.suspicion.values(), default=0.0) * 0.6
    last = statement.end_lineno or statement.lineno
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body:
        last = max(statement.lineno, body[0].lineno - 1)
    lines = range(statement.lineno, last + 1)
    if isinstance(statement, ast.Try):  # `try:` itself is no line of its own for every tracer
        lines = range(statement.lineno, body[0].lineno + 1) if body else lines
    return max((area.suspicion.get(line, 0.0) for line in lines), default=0.0)
