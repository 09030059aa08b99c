"""What a work's end means for its target's breaker (daemon/breakers.py), and for what is due."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.breakers import Breaker
from daemon.desk.workshop import Workshop
from daemon.promote import stage_before
from daemon.road.ending import Ending, Verdict
from daemon.road.lanes import target_of
from daemon.show import utc_time
from reflections.store import Work

A_PERSON_WAITS = frozenset({"modify"})
"""Work that somebody sees the end of: it is done in a pause, too."""
JUDGED = frozenset({"bug", "promotion"})
"""Work whose rejection counts as a failure; an experiment without a gain does not."""
GOOD = frozenset({Verdict.APPLIED, Verdict.HELD, Verdict.EXPLAINED, Verdict.UNDER_WAY})


@dataclass
class Turn:
    """One work on one target. `ending` or `failure` is set by whoever does it; neither: no news."""

    target: str = ""
    ending: Ending | None = None
    failure: str = ""


@contextmanager
def a_turn(work: Work, shop: Workshop) -> Iterator[Turn]:
    """Take note of how the work ends; an exception that leaves it says nothing of the target."""
    turn = Turn()
    try:
        yield turn
    except BaseException:
        with suppress(OSError):  # what is raised says more
            shop.breakers.call_off(turn.target)
        raise
    _note(work, turn, shop)


def on_target(turn: Turn, name: str, work: Work, shop: Workshop) -> None:
    """The work's target is known; after a pause this is the one try."""
    turn.target = name
    breaker = shop.breakers.begin(name)
    if breaker:
        _record("trying", breaker, name, work, shop)


def pause_of(work: Work, paused: Mapping[str, Breaker], shop: Workshop) -> datetime | None:
    """Until when nothing is done for the work's target (UTC), by the breakers that are open."""
    if not paused or work.kind in A_PERSON_WAITS:
        return None
    target = target_of(work.reflection, shop.settings)
    if isinstance(target, str):
        return None
    stage = stage_before(target, shop.settings) if work.kind == "bug" else None
    breaker = paused.get((stage or target).name)
    return breaker.until if breaker else None


def end_pauses(by: str, shop: Workshop) -> str:
    """A person ends every pause; in words."""
    ended = shop.breakers.end()
    for name, breaker in ended.items():
        shop.trail.append("breaker", target=name, data={**_data("closed", breaker), "by": by})
    over = [f"the pause of {name} is over" for name in ended]
    return "; ".join(over) or "no target is paused"


def _note(work: Work, turn: Turn, shop: Workshop) -> None:
    if not turn.target:
        return
    failure = turn.failure or _rejection(work, turn.ending)
    if failure:
        breaker = shop.breakers.failed(turn.target, failure)
        if breaker:
            _record("paused", breaker, turn.target, work, shop)
    elif turn.ending and turn.ending.verdict in GOOD:
        breaker = shop.breakers.came_to_something(turn.target)
        if breaker:
            _record("closed", breaker, turn.target, work, shop)
    else:
        shop.breakers.call_off(turn.target)


def _rejection(work: Work, ending: Ending | None) -> str:
    bad = ending is not None and ending.verdict in (Verdict.REJECTED, Verdict.REVERTED)
    return f"{work.id}: {ending.reason}" if ending and bad and work.kind in JUDGED else ""


def _record(step: str, breaker: Breaker, target: str, work: Work, shop: Workshop) -> None:
    shop.trail.append("breaker", reflection=work.id, target=target, data=_data(step, breaker))


def _data(step: str, breaker: Breaker) -> dict[str, Any]:
    until = breaker.until if step == "paused" else None
    return {
        "step": step,
        "failures": breaker.failures,
        "pauses": breaker.pauses,
        "until": utc_time(until) if until else None,
        "reason": breaker.reason,
    }
