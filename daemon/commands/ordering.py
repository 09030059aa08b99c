"""Gives an order about a patch, sees to it that somebody carries it out, and tells the outcome.

A running service or worker finds the order by itself. Where none runs, the orders are carried out
here, in this process, under the worker's lock and on the same code.
"""

import argparse
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit
from daemon.commands.records import records_since, trail_size
from daemon.commands.switch import person

if TYPE_CHECKING:
    from daemon.desk.orders import OrderKind
    from daemon.settings import Settings

LOOK_S = 0.2
WORKER_GONE_S = 5.0
GOOD = {
    "approve": ("applied",),
    "reject": ("rejected",),
    "revert": ("reverted",),
    "modify": ("opened",),
    "research": ("done",),
    "learn": ("opened",),
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an order; `words` is None while nobody has carried it out."""

    order: str
    id: str
    words: str | None
    code: Exit

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        done = self.words is not None
        return {"order": self.order, "id": self.id, "done": done, "outcome": self.words}


def add_wait(parser: argparse.ArgumentParser) -> None:
    """The options every order has."""
    parser.add_argument("--wait", action="store_true", help="wait until the service has done it")
    parser.add_argument("--by", help="in whose name (default: the user's)")


def give(
    kind: "OrderKind", id_: str, options: argparse.Namespace, settings: "Settings", **more: Any
) -> Outcome:
    """Write the order and have it carried out where that is up to us. Raises CommandError."""
    from daemon.desk.orders import Order, give_order
    from daemon.killswitch import KillSwitch

    by = options.by or person()
    given = Order(kind=kind, id=id_, by=by, time=datetime.now(UTC).isoformat(), **more)
    start = trail_size(settings)
    path = give_order(settings.state, given)
    if KillSwitch(settings.kill_switch).on():
        words = "the kill switch is on: the order is kept and waits for 'mendd on'"
        raise CommandError(f"{kind} {id_}: {words}", Exit.STOPPED)
    if not _somebody_works(settings):
        _carry_out(settings)
    elif options.wait:
        _wait(path, settings)
    return _outcome(given.kind, id_, path, settings, start)


def tell(outcome: Outcome, options: argparse.Namespace) -> int:
    """Print the outcome; its exit code."""
    from daemon.show import Screen

    if options.json:
        Screen().document(outcome.to_json())
    elif outcome.words is None:
        Screen().say(
            f"{outcome.order} {outcome.id}: ordered; the service carries it out "
            "('--wait' shows the outcome, 'mendd status' the state)"
        )
    else:
        Screen().say(f"{outcome.order} {outcome.id}: {outcome.words}")
    return outcome.code


def _outcome(kind: str, id_: str, path: Path, settings: "Settings", start: int) -> Outcome:
    """Read the outcome from the trail, from where it ended when the order was given."""
    if path.exists():
        return Outcome(order=kind, id=id_, words=None, code=Exit.DONE)
    found = [
        r for r in records_since(settings, start) if r.event == "ordered" and r.reflection == id_
    ]
    words = str(found[-1].data.get("outcome", "done")) if found else "carried out"
    good = not found or words.startswith(GOOD[kind])
    return Outcome(order=kind, id=id_, words=words, code=Exit.DONE if good else Exit.NO)


def _somebody_works(settings: "Settings") -> bool:
    from daemon.desk.lock import held_by

    return any(held_by(settings.state / name) for name in ("service.lock", "work.lock"))


def _wait(path: Path, settings: "Settings") -> None:
    """Until the order is gone. Raises CommandError when nobody is left to carry it out."""
    from daemon.killswitch import KillSwitch

    switch, alone = KillSwitch(settings.kill_switch), 0.0
    while path.exists():
        if switch.on():
            raise CommandError("the kill switch is on: the order waits for it", Exit.STOPPED)
        alone = 0.0 if _somebody_works(settings) else alone + LOOK_S
        if alone > WORKER_GONE_S:
            _carry_out(settings)
            return
        time.sleep(LOOK_S)


def _carry_out(settings: "Settings") -> None:
    """Be the worker for the orders only, with its progress on a terminal."""
    from daemon.commands.progress_line import progress_shown
    from daemon.desk.lock import only_one
    from daemon.desk.obey import carry_out_orders
    from daemon.desk.recovery import settle_leftovers
    from daemon.desk.workshop import open_workshop
    from daemon.road.ending import Killed

    with only_one(settings.state / "work.lock"), progress_shown(settings.state):
        shop = open_workshop(settings, os.environ)
        try:
            settle_leftovers(shop)
            carry_out_orders(shop)
        except Killed:
            raise CommandError(
                "stopped before the order was carried out; it is kept", Exit.STOPPED
            ) from None
        finally:
            shop.sandbox.close()
            shop.beacon.end()
