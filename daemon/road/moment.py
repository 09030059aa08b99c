"""When something happened, told by two clocks, so that a stepped one opens and closes nothing.

The clock on the wall can be set; the one that counts since the machine started cannot, but begins
anew with each start. Within one start the second one is believed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Uptime:
    """Seconds since the machine started, sleep included; `boot` names that start ("": unknown)."""

    boot: str = ""
    seconds: float = 0.0


UNKNOWN = Uptime()
Steady = Callable[[], Uptime]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A point in time: `wall` with its zone, and the machine's uptime then."""

    wall: datetime
    uptime: Uptime = UNKNOWN


def uptime() -> Uptime:
    """The machine's uptime; unknown where the kernel does not name its start."""
    boot = _boot()
    return Uptime(boot=boot, seconds=time.clock_gettime(time.CLOCK_BOOTTIME)) if boot else UNKNOWN


def seconds_between(then: Moment, now: Moment) -> float:
    """How long `then` is ago; never less than the uptime when it was before this start."""
    if then.uptime.boot and then.uptime.boot == now.uptime.boot:
        return now.uptime.seconds - then.uptime.seconds
    return max((now.wall - then.wall).total_seconds(), now.uptime.seconds)


@cache
def _boot() -> str:
    try:
        return BOOT_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
