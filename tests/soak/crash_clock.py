"""The clock on the wall stepped by a day, forth and back, under the running service."""

import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audit.trail import Trail
from tests.accounting import faults
from tests.clocked import DAY_S, Clocked, library
from tests.drops import Drop, some_drops
from tests.rounds import Round, in_memory
from tests.soak.check import CannotRun, Check, Row, Setting

ROUNDS, STEPS, WAITS = 20, 5, 5
SOON_S = 30.0
FEW_STARTS, STARTS_A_S = 10, 2.0
"""Of workers: more than these, and more than so many in each second, is running wild."""


def stepped(setting: Setting) -> Iterator[Row]:
    """Notes are dropped and the engine goes and comes back while the clock jumps."""
    if library() is None:
        raise CannotRun("libfaketime is not here (Debian: apt-get install faketime)")
    with in_memory(setting.folder) as folder:
        for name, steps in (("forth", (1,)), ("back", (-1,)), ("both ways", (1, -1))):
            times = max(1, setting.times(ROUNDS) // 3)
            broken, starts, jumps, slowest = list[str](), 0, 0, 0.0
            for number in range(times):
                setting.say(f"{name}: round {number} of {times}")
                here = prepared(folder / f"{name}{number}", setting)
                found, seconds, count = one_round(here, steps, setting)
                broken += [f"{found[0]} ({len(found)} faults)"] if found else []
                starts, jumps = starts + count, jumps + STEPS
                slowest = max(slowest, seconds)
                shutil.rmtree(here.folder)
            told = f"{jumps} steps, {starts} workers, the slowest round {slowest:.0f} s"
            yield Row(f"a day {name}", times, len(broken), f"{told}; {broken[:2] or ''}")
    yield from while_work_waits(setting)


def while_work_waits(setting: Setting) -> Iterator[Row]:
    """One step while a retry is due in a second: it is not due a day later then."""
    with in_memory(setting.folder) as folder:
        for name, days in (("back", -1), ("forth", 1)):
            times, broken, slowest = setting.times(WAITS), list[str](), 0.0
            for number in range(times):
                setting.say(f"{name}, while work waits: {number} of {times}")
                here = prepared(folder / f"{name}{number}", setting, [Drop("right", "apple")])
                here.drop_all()
                with Clocked(here) as service:
                    service.outage.touch()
                    failed = service.recorded("failed")
                    service.step(days * DAY_S)
                    service.outage.unlink()
                    began = time.monotonic()
                    done = failed and service.done(SOON_S)
                    slowest = max(slowest, time.monotonic() - began)
                found = faults(here) if done else ["not done in time"]
                broken += [found[0]] if found else []
                shutil.rmtree(here.folder)
            told = f"the slowest was done {slowest:.1f} s after the step; {broken[:1] or ''}"
            yield Row(f"a day {name}, while work waits", times, len(broken), told)


def prepared(folder: Path, setting: Setting, drops: Sequence[Drop] = ()) -> Round:
    """An installation whose service looks often and tries again soon."""
    here = Round(folder, drops or some_drops(setting.rng, 4))
    here.configured(
        rest="[inbox]\nscan_s = 1\n[breaker]\nfailures = 2\npause_s = 2\npause_most_s = 4\n"
    )
    return here


def one_round(here: Round, days: tuple[int, ...], setting: Setting) -> tuple[list[str], float, int]:
    """What does not hold at its end, how long it took (s), and how many workers it took."""
    rng, began = setting.rng, time.monotonic()
    here.settings.inbox_path.mkdir(parents=True)
    left = list(here.drops)
    with Clocked(here) as service:
        if rng.random() < 0.6:
            service.outage.touch()
        for _ in range(STEPS):
            time.sleep(rng.random() * 1.5)
            if left:
                here.drop_all([left.pop()])
            time.sleep(rng.random() * 0.8)
            service.step(rng.choice(days) * DAY_S)
        service.outage.unlink(missing_ok=True)
        done = service.done()
        seconds = time.monotonic() - began
    found = faults(here) if done else [f"not done in time: {here.unfinished()}"]
    if service.starts > FEW_STARTS + STARTS_A_S * seconds:
        found.append(f"{service.starts} workers in {seconds:.0f} s")
    return found + odd_times(here), seconds, service.starts


def odd_times(here: Round) -> list[str]:
    """Records of a time that no clock showed here."""
    widest = timedelta(days=STEPS, minutes=10)
    now = datetime.now(UTC)
    records = Trail(here.state / "audit" / "trail.jsonl").records()
    odd = [each for each in records if abs(datetime.fromisoformat(each.time) - now) > widest]
    return [f"record {each.seq} is of {each.time}" for each in odd]


CHECKS = (
    Check(
        "crash.clock",
        "steps of a day, forth and back: no work missed or done twice, no worker runs wild",
        stepped,
    ),
)
