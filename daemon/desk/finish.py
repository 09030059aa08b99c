"""Puts an ending into the record, the report and the store, in an order that survives a crash.

Announced first, then record, report and store: what a crash cuts off is made up for and done once.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from daemon.apply import CannotApply, forget
from daemon.changes.journal import JournalBusy
from daemon.desk.closing import Closing, announce, over
from daemon.desk.workshop import Workshop
from daemon.engines import EngineError
from daemon.promote import hands_on, open_promotion
from daemon.road.baseline import UnusableBaseline
from daemon.road.chronicle import Chronicle, cost_data
from daemon.road.ending import Ending, Verdict
from daemon.road.job import Job
from daemon.road.lanes import target_of
from daemon.road.source import ModuleChanged
from reflections.errors import StoreUnwritable
from reflections.store import State, Work
from sandbox.errors import SandboxError

log = logging.getLogger("mendd.worker")
STAYS_OPEN = {
    Verdict.HELD: State.HELD, Verdict.FROZEN: State.FROZEN, Verdict.REVERTED: State.FROZEN,
}  # fmt: skip
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
    closing = closing_of(work, ending, job, shop)
    if ending.verdict in (Verdict.APPLIED, Verdict.REVERTED):  # those were recorded when done
        chronicle.save_report(shop)
        if job and ending.verdict is Verdict.APPLIED and hands_on(work, job.target):
            open_promotion(work, job.target, shop)
    else:
        announce(closing, shop.state)
        chronicle.write(closing.event, **closing.told)
        report_if_possible(chronicle, work.id, shop)
    with sure_to_come(closing):
        put_away(closing, work, shop)
        settled(closing, shop)


@contextmanager
def sure_to_come(closing: Closing) -> Iterator[None]:
    """A disk that fails after an end was recorded does not postpone the work: the end comes."""
    try:
        yield
    except (OSError, JournalBusy) as error:
        raise StoreUnwritable(
            f"{closing.work} came to its end ({closing.event}), which cannot be kept: {error}; "
            "the next worker keeps it"
        ) from error


def report_if_possible(chronicle: Chronicle, work: str, shop: Workshop) -> None:
    """The report a person reads; what is wrong with it keeps no work from its end."""
    try:
        chronicle.save_report(shop)
    except OSError as error:  # 'mendd audit report' makes it; the store has to be right now
        log.warning("the report of %s cannot be written: %s", work, error)
    except Exception:
        log.exception("the report of %s cannot be made", work)


def settled(closing: Closing, shop: Workshop) -> None:
    """Only now is nothing left to make up for after a crash."""
    for change in closing.changes:
        forget(shop.journal, change)
    over(shop.state)


def closing_of(work: Work, ending: Ending, job: Job | None, shop: Workshop) -> Closing:
    """What its end will be in the trail and in the store."""
    data: dict[str, Any] = dict(job.held_data) if job else {}
    stays = STAYS_OPEN.get(ending.verdict)
    if stays:
        kept = {} if ending.verdict is Verdict.REVERTED else data
        data = {**work.data, **kept, **_since(ending.reason, shop)}
    stored = shop.store.get(work.id) or work
    return Closing(
        work=work.id,
        target=(job.chronicle if job else chronicle_of(work, shop)).target,
        verdict=ending.verdict.value,
        reason=ending.reason,
        event=EVENTS.get(ending.verdict, ending.verdict.value),
        told={"reason": ending.reason, **_held_words(job), **_cost(job)},
        stays=stays.value if stays else "",
        data=data,
        state=stored.state.value,
        attempts=stored.attempts,
        after=shop.trail.head()[0],
        changes=tuple(job.changes) if job else (),
    )


def put_away(closing: Closing, work: Work, shop: Workshop) -> None:
    """Bring the store up to the end that is recorded."""
    if closing.stays:
        changed = {
            "data": closing.data,
            "attempts": closing.attempts + closing.counts,
            "not_before": None,
        }
        shop.store.update(work, state=State(closing.stays), **changed)
        return
    shop.store.finish(
        work,
        verdict=closing.verdict,
        reason=closing.reason,
        now=shop.clock(),
        extra=closing.data,
    )


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
    frozen = Ending(verdict=Verdict.FROZEN, reason=reason)
    kept = {**lasting(shop.store.get(work.id) or work), **_since(reason, shop)}
    closing = replace(closing_of(work, frozen, None, shop), data=kept, counts=0)
    announce(closing, shop.state)
    chronicle_of(work, shop).write(closing.event, **closing.told)
    with sure_to_come(closing):
        put_away(closing, work, shop)
        settled(closing, shop)


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


def _since(reason: str, shop: Workshop) -> dict[str, str]:
    return {"reason": reason, "since": shop.clock().isoformat()}


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
