"""A circuit breaker for each target: where nothing works, mendd leaves off for a while.

After so many works in a row that failed (Docker, model, disk) or were rejected, the target is
paused, each time for twice as long. When the pause is over one work is tried: if that one comes to
something the breaker closes, else the next pause begins. That pause is booked before the try, as
spending is, so a worker that dies in it has not tried for free. Kept in `state/breakers.json`; a
file that cannot be read counts as none, which costs a few more tries and no more.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from audit.durable import write_whole
from daemon.settings import BreakerSettings

BREAKERS = "breakers.json"
MOST_DOUBLINGS = 30
MOST_REASON = 500


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """One target's. `until` (UTC) is when the next try may be made; None while it is closed."""

    failures: int = 0  # in a row
    pauses: int = 0  # in a row
    until: datetime | None = None
    reason: str = ""  # of the last failure
    trying: bool = False  # the one try is under way; `until` is already its failure's

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "until": self.until.isoformat() if self.until else None}


CLOSED = Breaker()


class Breakers:
    """All of one state folder. One writer, the worker; and a person who ends pauses."""

    def __init__(
        self, path: Path, settings: BreakerSettings, clock: Callable[[], datetime]
    ) -> None:
        self._path, self._settings, self._clock = path, settings, clock

    def paused(self) -> dict[str, Breaker]:
        """The targets that nothing is done for now."""
        breakers = self.all()
        now = self._clock()  # looked at last: a pause that `all` ends now is over
        return {name: each for name, each in breakers.items() if each.until and each.until > now}

    def all(self) -> dict[str, Breaker]:
        """Every breaker that is not as new.

        A time that no pause reaches comes from a clock that was wrong: that pause is over.
        """
        try:
            kept = json.loads(self._path.read_text("utf-8"))
            found = {str(name): _breaker(each) for name, each in kept.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return {}
        now = self._clock()
        furthest = now + timedelta(seconds=self._settings.pause_most_s)
        return {
            name: replace(each, until=now) if each.until and each.until > furthest else each
            for name, each in found.items()
        }

    def begin(self, target: str) -> Breaker | None:
        """Work on the target begins; the breaker when this is the one try after a pause.

        Work that is done within a pause all the same (a person waits for it) is no try.
        """
        breakers = self.all()
        breaker = breakers.get(target, CLOSED)
        if breaker.until is None or breaker.until > self._clock():
            return None
        trying = replace(self._longer(breaker), trying=True)
        self._write({**breakers, target: trying})
        return trying

    def call_off(self, target: str) -> None:
        """The try was stopped from outside and says nothing: another may be made at once."""
        breakers = self.all()
        breaker = breakers.get(target, CLOSED)
        if breaker.trying:
            again = replace(
                breaker, until=self._clock(), pauses=max(breaker.pauses - 1, 1), trying=False
            )
            self._write({**breakers, target: again})

    def failed(self, target: str, reason: str) -> Breaker | None:
        """One more failure in a row; the breaker when a pause begins with it."""
        breakers = self.all()
        before = breakers.get(target, CLOSED)
        count = before.failures + 1
        breaker = replace(before, failures=count, reason=reason[:MOST_REASON], trying=False)
        opens = before.until is None and count >= self._settings.failures
        breaker = self._longer(breaker) if opens else breaker
        self._write({**breakers, target: breaker})
        return breaker if opens or before.trying else None

    def came_to_something(self, target: str) -> Breaker | None:
        """A work was done: the count begins anew; the breaker as it was if that ends a pause."""
        breakers = self.all()
        breaker = breakers.pop(target, None)
        if breaker is None:
            return None
        self._write(breakers)
        return breaker if breaker.until else None

    def end(self) -> dict[str, Breaker]:
        """A person ends every pause; those that were under way."""
        ended = {name: each for name, each in self.all().items() if each.until}
        if ended:
            self._write({name: each for name, each in self.all().items() if name not in ended})
        return ended

    def _longer(self, breaker: Breaker) -> Breaker:
        settings = self._settings
        wait_s = settings.pause_s * 2 ** min(breaker.pauses, MOST_DOUBLINGS)
        until = self._clock() + timedelta(seconds=min(wait_s, settings.pause_most_s))
        return replace(breaker, until=until, pauses=breaker.pauses + 1)

    def _write(self, breakers: Mapping[str, Breaker]) -> None:
        data = {name: each.to_json() for name, each in sorted(breakers.items())}
        write_whole(self._path, json.dumps(data, indent=1).encode())


def _breaker(kept: Mapping[str, Any]) -> Breaker:
    until = datetime.fromisoformat(kept["until"]).astimezone(UTC) if kept["until"] else None
    return Breaker(
        failures=int(kept["failures"]),
        pauses=int(kept["pauses"]),
        until=until,
        reason=str(kept["reason"]),
        trying=bool(kept["trying"]),
    )
