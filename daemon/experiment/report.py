"""The report of a session for a person; words from outside stand in code spans and fences."""

from collections.abc import Iterator

from audit.report import fence, span
from daemon.experiment.plot import best_so_far, sparkline
from daemon.experiment.session import GATES, Session, Try

MOST_OUTPUT = 2000


def markdown(session: Session, id_: str) -> str:
    """The report: result, gates, each iteration, what was learned."""
    return "\n".join(_lines(session, id_)).rstrip("\n") + "\n"


def _lines(session: Session, id_: str) -> Iterator[str]:
    plan, best = session.plan, session.best
    yield from (f"# Experiments with {span(plan.metric.name)}", "")
    yield f"- session: {span(id_)} on target {span(plan.target)}"
    yield f"- metric: {plan.metric.direction} is better; {span(' '.join(plan.metric.command))}"
    yield f"- end: **{session.end or 'none yet'}**: {span(session.end_reason or '-')}"
    baseline = session.baseline.get(plan.metric.name)
    if baseline and best:
        gain = plan.metric.gain(baseline.middle, best.middle)
        share = f", {gain / abs(baseline.middle):.1%}" if baseline.middle else ""
        yield f"- baseline {baseline.middle:g} (noise {baseline.noise:g}), best {best.middle:g}"
        yield f"- gain: **{gain:g}**{share}, by {len(session.kept)} of {len(session.tries)} edits"
        yield f"- over the iterations: {sparkline(best_so_far(session))} (plot.svg)"
    if session.tip:
        yield f"- branch: {span(session.branch)}, at {span(session.tip)}"
    yield f"- spent on models: ${session.spent_usd:.4f} of ${plan.spend_usd:.2f}"
    yield from _gates(session)
    yield from _tries(session)
    yield from _learned(session)


def _gates(session: Session) -> Iterator[str]:
    yield from ("", "## Gates", "", "| gate | enforced | refused |", "|---|---|---|")
    words = {True: "yes", False: "**NO: it could not run**", None: "not needed"}
    for gate in GATES:
        enforced = words[session.gates.enforced.get(gate)]
        yield f"| {gate} | {enforced} | {session.gates.rejections.get(gate, 0)} |"
    if session.gates.last_reason:
        yield from ("", f"The last reason: {span(session.gates.last_reason)}")


def _tries(session: Session) -> Iterator[str]:
    for each in session.tries:
        edit = each.edit
        yield from ("", f"## Edit {edit.iteration}: {each.outcome}", "")
        yield f"- hypothesis: {span(edit.hypothesis)}{' (bold)' if edit.bold else ''}"
        yield f"- by: {span(edit.model or edit.engine or 'the caller')}"
        yield f"- why: {span(each.reason)}"
        if each.value is not None:
            runs = ", ".join(f"{value:g}" for value in each.values)
            yield f"- value: {each.value:g} (runs: {runs})"
        if each.commit:
            yield f"- commit: {span(each.commit)}"
        if edit.diff:
            yield from ("", *fence(edit.diff))
        if each.output.strip():
            yield from ("", "The end of its output:", "", *fence(each.output[-MOST_OUTPUT:]))


def _learned(session: Session) -> Iterator[str]:
    yield from ("", "## What was learned", "")
    if not session.tries:
        yield "Nothing: no edit was tried."
    for each in session.tries:
        yield f"- {_lesson(each)}: {span(each.edit.hypothesis)}"


def _lesson(each: Try) -> str:
    if each.outcome == "kept":
        return f"holds, {each.gain or 0:g} gained"
    if each.outcome == "crashed":
        return "does not run"
    if each.outcome == "refused":
        return f"not allowed by {each.gate or 'anybody'}"
    return "does not hold"
