"""What an engine is told before it proposes an edit: the metric, the history, how bold to be."""

import random

from daemon.engines import Task
from daemon.experiment.session import Session, Try

MOST_HISTORY = 30  # tries told, the latest
MOST_LINE = 300
WORDS = """\
Better a metric of this module by one focused change.
Metric: {name}, printed by `{command}`; {direction} is better.
Unmodified code: {baseline}. Best so far: {best}, with {kept} edits kept; the code shown holds them.
A gain counts only if it is more than {noise}, the noise of the metric. It is measured again, and \
every test of the module must pass as before{guards}.
Make one change with one hypothesis; the rationale of the patch is the hypothesis, in one or two \
sentences. Better the real cost, for every input: recognising the measurement, its inputs or its \
output is cheating and is refused. These may not be touched: {frozen}.
{mood}{wish}"""
STEADY = "Build on what worked; do not repeat what was tried and failed for the same reason."
BOLD = (
    "This time be bold: leave the path of the edits tried so far and try an idea of another kind "
    "(another algorithm, another data structure, work not done at all), even if it may fail."
)


def is_bold(seed: int, iteration: int, epsilon: float) -> bool:
    """Whether this iteration tries something else; the same for the same seed, however often."""
    return random.Random(f"{seed}:{iteration}").random() < epsilon  # noqa: S311 - no secret


def task(session: Session, *, bold: bool) -> Task:
    """What is asked of an engine for the next edit."""
    return Task(
        kind="experiment",
        words=words(session, bold=bold),
        files=session.plan.files,
        hints=(
            *((f"a note said: {session.plan.note}",) if session.plan.note else ()),
            *(told(each) for each in session.tries[-MOST_HISTORY:]),
        ),
    )


def words(session: Session, *, bold: bool) -> str:
    """The instruction in words."""
    plan, level = session.plan, session.baseline[session.plan.metric.name]
    others = ", ".join(each.name for each in plan.guards)
    best = session.best or level
    return WORDS.format(
        name=plan.metric.name,
        command=" ".join(plan.metric.command),
        direction=plan.metric.direction,
        baseline=f"{level.middle:g}",
        best=f"{best.middle:g}",
        kept=len(session.kept),
        noise=f"{max(level.noise, best.noise):g}",
        guards=f", and these metrics may not get worse: {others}" if others else "",
        frozen=", ".join(glob.removeprefix("./") for glob in plan.frozen) or "tests",
        mood=BOLD if bold else STEADY,
        wish=f"\nWhat the person asks for: {plan.words}" if plan.words else "",
    )


def told(each: Try) -> str:
    """One try in a line: what, how it ended, why."""
    value = "" if each.value is None else f" ({each.value:g})"
    line = f"edit {each.edit.iteration}, {each.outcome}{value}: {each.edit.hypothesis}"
    return f"{' '.join(line.split())[:MOST_LINE]} | {' '.join(each.reason.split())[:MOST_LINE]}"
