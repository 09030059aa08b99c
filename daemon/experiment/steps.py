"""Each step of a session, as the worker carries it out: an order of kind "research".

Commands and agents ask for the same steps with the same arguments (daemon/experiment/asking.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from daemon import research
from daemon.actions.action import ActionError, Arguments
from daemon.actions.registry import Registry
from daemon.budget import ReflectionBudgetSpent
from daemon.desk.finish import close_work
from daemon.desk.workshop import Workshop
from daemon.experiment.finalize import finalize
from daemon.experiment.lab import Lab
from daemon.experiment.plan import plan_of
from daemon.experiment.propose import NeedsModel, given
from daemon.experiment.session import KEY, OVER, PRIORITY, NoSession, Session
from daemon.experiment.setup import SetupFailed, set_up
from daemon.experiment.wishes import Edited, Named, Setup, Stopped
from daemon.road.ending import Ending, Verdict
from daemon.road.job import Job
from daemon.road.lanes import target_of
from reflections.reflection import Reflection
from reflections.secrets import redact
from reflections.store import State, Work
from sandbox.patch import Hunk, PatchError

if TYPE_CHECKING:
    from daemon.desk.orders import Order

DONE, REFUSED = "done", "refused"


class NotNow(Exception):
    """The step does not fit the state of the session; says which one does."""


NOS = (NotNow, NeedsModel, NoSession, PatchError, research.Refused, ActionError)


def carry_out(order: "Order", shop: Workshop) -> str:
    """One step; its outcome in words that begin with `done` or `refused`."""
    step, sent = str(order.data.get("step", "")), order.data.get("arguments", {})
    try:
        arguments = checked(step, sent)
        if step == "setup":
            return open_session(arguments, order, shop)
        return in_session(step, arguments, order, shop)
    except NOS as error:
        return f"{REFUSED}: {error}"


def checked(step: str, sent: Any) -> Arguments:
    """The step's arguments. Raises ActionError (UnknownAction, BadArguments)."""
    from daemon.experiment.asking import STEPS

    return Registry(STEPS, noun="research step").get(f"research_{step}").checked(sent)


def open_session(wish: Any, order: "Order", shop: Workshop) -> str:
    """A new session, measured; an order that an interruption left is gone on with."""
    work = shop.store.get(order.id) or new_session(wish, order, shop)
    return in_session("setup", wish, replace(order, id=work.id), shop)


def new_session(wish: Setup, order: "Order", shop: Workshop) -> Work:
    """The session in the store. Raises NotNow when no plan can be made of the wish."""
    settings = shop.settings
    wish = wish.model_copy(update={"words": redact(wish.words)})
    target = settings.target(wish.target or None)
    if target is None:
        known = ", ".join(each.name for each in settings.targets)
        raise NotNow(f"which target is meant? known are: {known}")
    try:
        plan = plan_of(wish, target, settings.research)
    except SetupFailed as error:
        raise NotNow(str(error)) from None
    note = Reflection(
        id=order.id,
        timestamp=shop.clock(),
        task_summary=f"better {plan.metric.name} ({order.id})",
        outcome=f"{plan.metric.direction} is better",
        reflection=wish.words,
        target=target.name,
        source=f"research, by {order.by}",
    )
    session = Session(plan=plan, policy="").to_json()
    signature = f"experiment:{order.id}"
    with shop.store.batch():  # or a crash would leave a work without a session
        work = shop.store.add(note, kind="experiment", signature=signature, now=shop.clock()).work
        data = {KEY: session}
        return shop.store.update(work, state=State.PAUSED, priority=PRIORITY, data=data)


def in_session(step: str, arguments: Any, order: "Order", shop: Workshop) -> str:
    """One step of an open session, on the worker's road."""
    from daemon.kinds import kind_of

    work = shop.store.get(order.id)
    if work is None or KEY not in work.data or work.state in (State.HELD, State.FROZEN):
        raise NotNow("no open session has that id; 'mendd research status' lists them")
    target = target_of(work.reflection, shop.settings)
    lane = kind_of(work).lane(work, target, shop.settings) if not isinstance(target, str) else None
    if lane is None or isinstance(lane, Ending):
        raise NotNow(str(target) if lane is None else lane.reason)
    with Job(work, lane, shop) as job:
        with Lab(job) as lab:
            ending = taken(step, arguments, order, lab)
        close_work(work, ending, job, shop)
    if ending.verdict is Verdict.REJECTED and lab.session.end == "failed":
        return f"{REFUSED}: {lab.session.end_reason}"
    return f"{DONE}: {said(step, lab.session, ending)}"


def taken(step: str, arguments: Any, order: "Order", lab: Lab) -> Ending:
    """The step itself."""
    try:
        if step not in ("stop", "finalize"):
            research.stand_on_firm_ground(lab)
        ending = DO[step](lab, arguments, order)
    except research.Refused as refused:
        lab.job.shop.store.update(lab.job.work, state=State.PAUSED)
        raise NotNow(str(refused)) from None
    except ReflectionBudgetSpent as error:
        words = research.budget_words(error)
        lab.save(lab.session.ended("budget", words))
        raise NotNow(f"{words}; next: finalize") from None
    except SetupFailed as error:
        lab.save(lab.session.ended("failed", str(error)))
        ending = None
    if lab.session.next in OVER and step in ("setup", "finalize", "stop"):
        return finalize(lab)
    return ending or research.goes_on(lab)


def _set_up(lab: Lab, wish: Setup, order: "Order") -> None:
    if lab.session.next == "setup":
        set_up(lab)


def _edit(lab: Lab, wish: Edited, order: "Order") -> None:
    _begun(lab)
    _due(lab, "edit")
    if not wish.hunks:
        research.edit(lab)
        return
    hunks = [
        Hunk(
            filename=each.filename,
            first_line=each.start_line,
            last_line=each.end_line,
            original=each.original_code,
            replacement=each.new_code,
        )
        for each in wish.hunks
    ]
    research.edit(lab, lambda lab: given(redact(wish.hypothesis), hunks, lab))


def _run(lab: Lab, wish: Named, order: "Order") -> None:
    _due(lab, "run")
    research.run(lab)


def _decide(lab: Lab, wish: Named, order: "Order") -> None:
    _due(lab, "decide", "keep")
    research.decide(lab)


def _finalize(lab: Lab, wish: Named, order: "Order") -> None:
    if not lab.session.end:
        lab.save(lab.session.ended("finalized", f"finalized by {order.by}"))


def _stop(lab: Lab, wish: Stopped, order: "Order") -> None:
    if not lab.session.end:
        why = f": {redact(wish.reason)}" if wish.reason else ""
        lab.save(lab.session.ended("stopped", f"stopped by {order.by}{why}"))


def _loop(lab: Lab, wish: Named, order: "Order") -> None:
    lab.save(replace(lab.session, driving=True))


DO: Mapping[str, Callable[[Lab, Any, "Order"], None]] = {
    "setup": _set_up,
    "edit": _edit,
    "run": _run,
    "decide": _decide,
    "finalize": _finalize,
    "stop": _stop,
    "loop": _loop,
}


def _begun(lab: Lab) -> None:
    """Measure first where that was interrupted, or where the module changed."""
    if lab.session.next == "setup":
        set_up(lab)


def _due(lab: Lab, *steps: str) -> None:
    if lab.session.next not in steps:
        due = {"keep": "decide", "over": "finalize"}.get(lab.session.next, lab.session.next)
        raise NotNow(f"the step that is due is {due}: 'mendd research {due}'")


def said(step: str, session: Session, ending: Ending) -> str:
    """What the step came to, in a sentence."""
    name, best = session.plan.metric.name, session.best
    if step == "setup" and best:
        return f"setup: {name} {best.middle:g}, noise {best.noise:g}; next: {session.next}"
    if step == "edit" and session.edit:
        return f"edit {session.edit.iteration}: {session.edit.hypothesis}; next: run"
    if step == "run" and session.sample:
        value = session.sample.values.get(name)
        shown = session.sample.trouble or f"{name} {value:g}"
        return f"run: {shown}; next: decide"
    if step in ("edit", "decide") and session.tries:
        last = session.tries[-1]
        return f"edit {last.edit.iteration} {last.outcome}: {last.reason}; next: {session.next}"
    return f"{step}: {ending.reason}"
