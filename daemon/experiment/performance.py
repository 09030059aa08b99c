"""A note that something is slow: an experiment where the target has a metric, else a hypothesis.

Without a metric nobody can say whether a change helps, so none is made. What can be said is where
the time likely goes: the functions the note names, what stands in their bodies (loops within
loops, work repeated in a loop), and the slowest tests of the suite.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from daemon.experiment.plan import plan_of
from daemon.experiment.session import KEY, PRIORITY, Session
from daemon.experiment.wishes import Setup
from daemon.road.baseline import UnusableBaseline
from daemon.road.ending import Ending, Verdict
from daemon.road.job import Job

MOST_FOUND = 8
SLOW_S = 0.05
MOST_NOTE = 4000


def performance(job: Job) -> Ending:
    """Open an experiment, or end with a hypothesis."""
    if not job.target.metric:
        return hypothesis(job)
    plan = plan_of(Setup(), job.target, job.shop.settings.research)
    plan = replace(plan, note=job.reflection.text[:MOST_NOTE])
    session = Session(plan=plan, policy="", driving=True)
    job.held_data[KEY] = session.to_json()
    job.shop.store.update(job.work, kind="experiment", priority=PRIORITY, data=dict(job.held_data))
    metric = plan.metric.name
    job.chronicle.write("experiment", step="open", metric=metric, reason="a performance note")
    return Ending(verdict=Verdict.UNDER_WAY, reason=f"an experiment with {metric} was opened")


def hypothesis(job: Job) -> Ending:
    """Where the time likely goes, for a person."""
    found = [*named_places(job), *slow_tests(job)]
    advice = (
        "to have edits tried and measured, add a [[target.metric]] table to the configuration "
        "(docs/research.md) and send the note again"
    )
    job.held_data["suspicious"] = found
    if not found:
        reason = f"nothing in the note or the suite shows where the time goes; {advice}"
    else:
        places = "; ".join(found[:3])
        reason = f"hypothesis: the time likely goes to {places}. No metric is defined: {advice}"
    job.chronicle.write("experiment", step="hypothesis", reason=reason, places=found)
    return Ending(verdict=Verdict.EXPLAINED, reason=reason)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A function with how often the note's words meet it, and what makes it suspicious."""

    where: str
    score: int
    why: str


def named_places(job: Job) -> list[str]:
    """Functions the note names, and costly shapes in them, the most suspicious first."""
    words = set(_words(job.reflection.text))
    places = [
        place
        for name in job.source.files
        if name.endswith(".py") and job.source.may_edit(name)
        for place in _places(name, job.source.text(name) or "", words)
    ]
    best = sorted(places, key=lambda each: -each.score)[:MOST_FOUND]
    return [f"{each.where}{f' ({each.why})' if each.why else ''}" for each in best]


def slow_tests(job: Job) -> list[str]:
    """The slowest tests, where they stand out. Raises SandboxError."""
    try:
        durations = job.baseline().run.durations
    except UnusableBaseline:
        return []
    total = sum(durations.values())
    slowest = sorted(durations.items(), key=lambda each: -each[1])[:3]
    return [
        f"test {test} ({seconds:.2f} s of {total:.2f} s)"
        for test, seconds in slowest
        if seconds >= SLOW_S
    ]


def _places(name: str, text: str, words: set[str]) -> Iterator[Place]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named = node.name.lower() in words
            why = _shape(node)
            meets = len(words & set(_words(node.name.replace("_", " "))))
            score = 10 * named + 2 * meets + (2 if why else 0)
            if named or (meets and why):
                yield Place(where=f"{name}:{node.lineno} {node.name}", score=score, why=why)


def _shape(function: ast.AST) -> str:
    """What in a function costs more the more data there is."""
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For | ast.While)]
    if any(inner is not outer for outer in loops for inner in ast.walk(outer) if inner in loops):
        return "a loop within a loop"
    inside = [node for loop in loops for node in ast.walk(loop)]
    if any(isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp) for node in inside):
        return "a pass over data within a loop"
    if any(isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In) for node in inside):
        return "a search with `in` within a loop"
    calls = {node.func.id for node in inside if _is_named_call(node)}  # type: ignore[attr-defined]
    return "sorting or summing within a loop" if calls & {"sorted", "sum", "min", "max"} else ""


def _is_named_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def _words(text: str) -> list[str]:
    import re

    return [word.lower() for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]{2,}", text[:20_000])]
