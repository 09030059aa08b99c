"""The worker: a process that takes the inbox in, works on what is due, and exits.

Its exit returns all memory, and its death at any moment costs nothing: the store, the trail and
the intent journal are whole after every step. `python -m daemon.worker` is how the service starts
it; commands run it in their own process.
"""

import argparse
import logging
import os
import sys
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audit.trail import TrailError
from daemon.budget import ReflectionBudgetSpent
from daemon.config.config_file import SettingsError, load_settings, text_of
from daemon.desk.due import forget_odd_times, next_due, write_due
from daemon.desk.finish import OUTAGES, close_work, give_up, postpone
from daemon.desk.intake import take_in
from daemon.desk.lock import AlreadyRunning, only_one
from daemon.desk.obey import carry_out_orders
from daemon.desk.pauses import Turn, a_turn, on_target
from daemon.desk.recovery import settle_leftovers
from daemon.desk.sealing import seal
from daemon.desk.workshop import Workshop, open_workshop
from daemon.engines import BudgetSpent
from daemon.engines.choose import preload
from daemon.kinds import kind_of
from daemon.learning.exchange import exchange_if_due
from daemon.learning.retest import try_recipes
from daemon.monitor.alerts import send_alerts
from daemon.road.ending import Ending, Killed, Verdict
from daemon.road.job import Job
from daemon.road.lanes import target_of
from daemon.road.source import ModuleChanged
from daemon.settings import Settings, TargetSettings
from daemon.supervision.logs import LOG_JSON, start_logging
from reflections.errors import ReflectionsError, StoreUnwritable
from reflections.store import Work
from sandbox.errors import SandboxError

log = logging.getLogger("mendd.worker")
DONE, NO_CONFIG, NO_WORLD, STOPPED = 0, 2, 3, 4
MOST_STARTS = 3  # of one work at once, while a person edits the files it is about
MOST_BREAKS = 5


def work(shop: Workshop, *, complete: Collection[str] = ()) -> int:
    """Everything there is to do now. Returns an exit code; 4 when the kill switch stopped it."""
    if complete or next_due(shop):
        preload(shop.settings, shop.environ)
    try:
        settle_leftovers(shop)
        forget_odd_times(shop)
        carry_out_orders(shop)
        take_in(shop, complete)
        for each in iter(lambda: next_due(shop), None):
            work_on(each, shop)
            sign_trail(shop, least=shop.settings.audit.sign_every)
            carry_out_orders(shop)
            take_in(shop, ())
        try_recipes(shop)
    except Killed:
        return STOPPED
    finally:
        shop.sandbox.close()
        call_for_people(shop)
        sign_trail(shop)
        shop.beacon.end()
        write_due(shop)
    return DONE


def sign_trail(shop: Workshop, *, least: int = 1) -> None:
    """A checkpoint, when that many records are new; the kill switch does not wait for one."""
    if not shop.stop.asked():
        shop.beacon.stage("checkpoint")
        seal(shop.settings, shop.trail, shop.environ, shop.clock(), least=least)


def call_for_people(shop: Workshop) -> None:
    """Send alerts about what this pass left to worry about; exchange recipes when it is time."""
    if shop.stop.asked():
        return
    shop.beacon.stage("alerts")
    try:
        send_alerts(shop.settings, shop.trail, shop.environ, shop.clock())
        exchange_if_due(shop.settings, shop.trail, shop.environ, shop.clock())
    except (OSError, TrailError) as error:
        log.warning("alerts or recipes cannot be sent: %s", error)
    except Exception:  # the pass has to come to its end, whatever a stranger's server does
        log.exception("alerts or recipes broke")


def work_on(item: Work, shop: Workshop) -> None:
    """One piece of work. This is the cycle's edge: whatever happens is recorded, none is lost."""
    if shop.stop.asked():
        raise Killed
    shop.beacon.work(item.id, item.reflection.target)
    with a_turn(item, shop) as turn:
        take_turn(item, turn, shop)


def take_turn(item: Work, turn: Turn, shop: Workshop) -> None:
    """Do the work; how it ended goes to the turn as well, for the target's breaker."""
    job: Job | None = None
    try:
        target = lane_of(item, shop.settings)
        if isinstance(target, Ending):
            close_work(item, target, None, shop)
            return
        on_target(turn, target.name, item, shop)
        for started in range(1, MOST_STARTS + 1):
            try:
                with Job(item, target, shop) as job:
                    turn.ending = kind_of(item).story(job)
                    close_work(item, turn.ending, job, shop)
                return
            except ModuleChanged:  # somebody works there: begin again on what it is now
                if started == MOST_STARTS:
                    raise
    except (Killed, TrailError, StoreUnwritable):
        raise
    except ReflectionBudgetSpent as error:
        close_work(item, Ending(verdict=Verdict.HELD, reason=str(error)), job, shop)
    except BudgetSpent as error:
        postpone(item, "budget_stop", str(error), job, shop, until=_tomorrow(shop.clock()))
    except OUTAGES as error:
        if shop.stop.asked():  # whatever broke, broke because we were told to stop
            raise Killed from error
        log.warning("%s: %s", item.id, error)
        turn.failure = str(error)
        postpone(item, "failed", str(error), job, shop)
    except Exception as error:
        if shop.stop.asked():
            raise Killed from error
        log.exception("%s broke the cycle", item.id)
        broken(item, f"{type(error).__name__}: {error}", job, shop)


def lane_of(item: Work, settings: Settings) -> TargetSettings | Ending:
    """The target the work is done on, or why nothing is to be done."""
    target = target_of(item.reflection, settings)
    if isinstance(target, str):
        return Ending(verdict=Verdict.DECLINED, reason=target)
    return kind_of(item).lane(item, target, settings)


def broken(item: Work, reason: str, job: Job | None, shop: Workshop) -> None:
    """A defect of ours: tried again later, but what breaks each time is left to a person."""
    breaks = int(item.data.get("breaks", 0)) + 1
    if breaks >= MOST_BREAKS:
        give_up(item, f"it broke the cycle {breaks} times, the last time with {reason}", shop)
        return
    postpone(replace(item, data={**item.data, "breaks": breaks}), "failed", reason, job, shop)


def _tomorrow(now: datetime) -> datetime:
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1, seconds=5)


def main(arguments: list[str] | None = None) -> int:
    """The process the service starts."""
    parser = argparse.ArgumentParser(prog="python -m daemon.worker")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--complete", action="append", default=[])
    parser.add_argument("--settle", action="store_true", help="only clear up after a kill")
    parser.add_argument("--housekeep", action="store_true", help="only drop old snapshots")
    parser.add_argument("--accepted", type=Path, help="the copy of it that the service accepted")
    options = parser.parse_args(arguments)
    start_logging(as_json=LOG_JSON in os.environ, environment=os.environ)
    try:
        text = text_of(options.accepted) if options.accepted else None
        settings = load_settings(options.config, text)
    except SettingsError as error:
        log.error("%s", error)
        return NO_CONFIG
    return run_worker(settings, options)


def run_worker(settings: Settings, options: argparse.Namespace) -> int:
    """Hold the work lock and do what was asked."""
    try:
        with only_one(settings.state / "work.lock"):
            shop = open_workshop(settings, os.environ)
            if options.settle:
                settle_leftovers(shop)
                return DONE
            if options.housekeep:
                shop.sandbox.prune(settings.sandbox.keep_snapshots)
                return DONE
            return work(shop, complete=options.complete)
    except (AlreadyRunning, SandboxError, TrailError, ReflectionsError) as error:
        log.error("%s", error)
        return NO_WORLD
    except OSError as error:
        remedy = "nothing was lost; 'mendd check' looks at the disk and the folders"
        log.error("%s cannot be used: %s; %s", settings.state, error, remedy)
        return NO_WORLD


if __name__ == "__main__":
    sys.exit(main())
