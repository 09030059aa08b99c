"""Puts an ending into the record, the report and the store, in an order that survives a crash.

Record first, report second, store last: a crash in between repeats the step and never loses it.
"""

from datetime import datetime, timedelta
from typing import Any

from daemon.apply import CannotApply, forget
from daemon.desk.workshop import Workshop
from daemon.engines import EngineError
from daemon.promote import hands_on, open_promotion
from daemon.road.baseline import UnusableBaseline
from daemon.road.chronicle import Chronicle, cost_data
from daemon.road.ending import Ending, Verdict
from daemon.road.job import Job
from daemon.road.lanes import target_of
from daemon.road.source import ModuleChanged
from reflections.store import State, Work
from sandbox.errors import SandboxError

STAYS_OPEN = {Verdict.HELD: State.HELD, Verdict.FROZEN: State.FROZEN}
OUTAGES = (SandboxError, EngineError, UnusableBaseline, ModuleChanged, CannotApply, OSError)
"""The world was not as needed; says nothing about a patch."""
_PASSING = ("reason", "since", "waits", "waits_for", "breaks")
EVENTS = {Verdict.EXPLAINED: "declined"}


def close_work(work: Work, ending: Ending, job: Job | None, shop: Workshop) -> None:
    """Record how the work ended; held and frozen work stays in the store for a person."""
    chronicle = job.chronicle if job else chronicle_of(work, shop)
    if ending.verdict in (Verdict.UNDER_WAY, Verdict.PAUSED):  # its steps are recorded by now
        stay_open(work, ending, job, shop)
        return
    if ending.verdict not in (Verdict.APPLIED, Verdict.REVERTED):  # those were recorded when done
        event = EVENTS.get(ending.verdict, ending.verdict.value)
        chronicle.write(event, reason=ending.reason, **_held_words(job), **_cost(job))
    chronicle.save_report(shop)
    if job and ending.verdict is Verdict.APPLIED and hands_on(work, job.target):
        open_promotion(work, job.target, shop)
    extra: dict[str, Any] = dict(job.held_data) if job else {}
    state = STAYS_OPEN.get(ending.verdict)
    now = shop.clock()
    if state is not None:
        data = {**work.data, **extra, "reason": ending.reason, "since": now.isoformat()}
        shop.store.update(work, state=state, data=data, attempts=work.attempts + 1)
    elif ending.verdict is Verdict.REVERTED:
        data = {**work.data, "reason": ending.reason, "since": now.isoformat()}
        shop.store.update(work, state=State.FROZEN, data=data, attempts=work.attempts + 1)
    else:
        shop.store.finish(
            work, verdict=ending.verdict.value, reason=ending.reason, now=now, extra=extra
        )
    for change in job.changes if job else ():
        forget(shop.journal, change)  # only now is nothing left to make up for after a crash


def stay_open(work: Work, ending: Ending, job: Job | None, shop: Workshop) -> None:
    """Keep what the work has come to; it is due again at once, or when somebody asks for it."""
    kept = {**work.data, **(job.held_data if job else {}), "reason": ending.reason, "waits": 0}
    state = State.PAUSED if ending.verdict is Verdict.PAUSED else State.OPEN
    shop.store.update(work, state=state, not_before=None, data=kept)
    for change in job.changes if job else ():
        forget(shop.journal, change)


def postpone(
    work: Work,
    event: str,
    reason: str,
    job: Job | None,
    shop: Workshop,
    *,
    until: datetime | None = None,
) -> None:
    """The world was not as needed: wait longer each time; no attempt is used up."""
    service = shop.settings.service
    waits = int(work.data.get("waits", 0))
    wait_s = min(service.retry_s * 2 ** min(waits, 30), service.retry_most_s)
    not_before = until or shop.clock() + timedelta(seconds=wait_s)
    chronicle = job.chronicle if job else chronicle_of(work, shop)
    chronicle.write(event, reason=reason, next_try=not_before.isoformat(), **_cost(job))
    stored = shop.store.get(work.id) or work  # what its steps came to is not paid for again
    breaks = {name: work.data[name] for name in ("breaks",) if name in work.data}
    data = {**stored.data, **breaks, "waits": waits + 1, "waits_for": event, "reason": reason}
    shop.store.update(work, state=State.WAITING, not_before=not_before, data=data)


def give_up(work: Work, reason: str, shop: Workshop) -> None:
    """Leave work that breaks the cycle each time to a person; needs no more than trail and store.

    Approving it lets it start afresh.
    """
    chronicle_of(work, shop).write("frozen", reason=reason)
    stored = shop.store.get(work.id) or work
    data = {**lasting(stored), "reason": reason, "since": shop.clock().isoformat()}
    shop.store.update(work, state=State.FROZEN, not_before=None, data=data)


def lasting(work: Work) -> dict[str, Any]:
    """What work has to keep when it starts afresh: all a note needs is the note."""
    if work.kind == "bug":
        return {}
    return {name: value for name, value in work.data.items() if name not in _PASSING}


def chronicle_of(work: Work, shop: Workshop) -> Chronicle:
    """Its records where no job came about; under the target's name if one is meant."""
    target = target_of(work.reflection, shop.settings)
    named = work.reflection.target if isinstance(target, str) else target.name
    return Chronicle(shop.trail, work, named)


def _cost(job: Job | None) -> dict[str, Any]:
    return cost_data(job.spending) if job and job.spending.calls else {}


def _held_words(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {}
    return {
        name: job.held_data[name]
        for name in ("diff", "rival_diffs", "evidence", "suspicious")
        if job.held_data.get(name)
    }
