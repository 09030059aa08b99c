"""What may be spent on models, per reflection and per UTC day.

The worst case of a call is booked *before* it is sent and corrected with the real usage after it,
so a crash in between leaves too much booked and never too little. Kept in `state/budget.json`,
replaced whole and synced; a lock file beside it lets several processes spend from one budget.
"""

import fcntl
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from daemon.engines import BudgetSpent, EngineError
from daemon.settings import BudgetSettings

DAYS_KEPT = 40  # with spending, not calendar days: a clock years ahead must not clear the books


class ReflectionBudgetSpent(BudgetSpent):
    """This reflection may spend no more, today or later; a person may raise the limit."""


class DayBudgetSpent(BudgetSpent):
    """Today's limit is reached; work goes on after midnight UTC."""


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """What was booked for one call: US dollars and tokens, on one UTC day (ISO date)."""

    reflection: str
    day: str
    usd: float
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What is booked: settled calls and open reservations together."""

    usd: float = 0.0
    tokens: int = 0


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


class Budget:
    """The spending of all reflections under one state folder; `path` is its budget.json."""

    def __init__(
        self, path: Path, limits: BudgetSettings, clock: Callable[[], datetime] = now
    ) -> None:
        self._path = path
        self._limits = limits
        self._clock = clock

    def reserve(self, reflection: str, *, usd: float, tokens: int) -> Reservation:
        """Book the worst case of one call. Raises BudgetSpent if it does not fit; nothing is sent.

        Raises EngineError when the books cannot be read or written: without them nothing is spent.
        """
        day = self._clock().astimezone(UTC).date().isoformat()
        booked = Reservation(reflection=reflection, day=day, usd=usd, tokens=tokens)
        with self._books() as books:
            self._check(booked, books)
            _book(books, booked, usd, tokens)
        return booked

    def settle(self, booked: Reservation, *, usd: float, tokens: int) -> None:
        """Replace a reservation by what the call really used (0 and 0 for a call never billed)."""
        with self._books() as books:
            _book(books, booked, usd - booked.usd, tokens - booked.tokens)

    def spent(self, reflection: str) -> Spent:
        """What one reflection has used, open reservations included."""
        with self._books() as books:
            entry = books["reflections"].get(reflection, {})
        return Spent(usd=entry.get("usd", 0.0), tokens=entry.get("tokens", 0))

    def spent_today(self) -> Spent:
        """What the current UTC day has used, open reservations included."""
        day = self._clock().astimezone(UTC).date().isoformat()
        with self._books() as books:
            return Spent(usd=books["days"].get(day, 0.0))

    def _check(self, wanted: Reservation, books: dict[str, Any]) -> None:
        entry = books["reflections"].get(wanted.reflection, {"usd": 0.0, "tokens": 0})
        today = books["days"].get(wanted.day, 0.0)
        limits = self._limits
        if entry["usd"] + wanted.usd > limits.reflection_usd:
            raise ReflectionBudgetSpent(
                f"this reflection has used ${entry['usd']:.4f} and the next call may cost "
                f"${wanted.usd:.4f}, above budget.reflection_usd = {limits.reflection_usd:g}; "
                "nothing was sent. Raise that setting, or lower claude.max_tokens"
            )
        if entry["tokens"] + wanted.tokens > limits.reflection_tokens:
            raise ReflectionBudgetSpent(
                f"this reflection has used {entry['tokens']} tokens and the next call may use "
                f"{wanted.tokens}, above budget.reflection_tokens = {limits.reflection_tokens}; "
                "nothing was sent. Raise that setting, or lower claude.max_tokens"
            )
        if today + wanted.usd > limits.day_usd:
            raise DayBudgetSpent(
                f"${today:.4f} were used on {wanted.day} (UTC) and the next call may cost "
                f"${wanted.usd:.4f}, above budget.day_usd = {limits.day_usd:g}; nothing was sent. "
                "Work goes on after midnight UTC, or raise that setting"
            )

    @contextmanager
    def _books(self) -> Iterator[dict[str, Any]]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                books, before = self._read()
                yield books
                _forget(books)
                after = json.dumps(books, sort_keys=True)
                if after != before:
                    self._write(after)
        except OSError as error:
            raise EngineError(
                f"the budget {self._path} cannot be kept: {error}; no model is called without it. "
                "Free disk space or mend the folder's permissions"
            ) from error

    def _read(self) -> tuple[dict[str, Any], str]:
        try:
            text = self._path.read_text("utf-8")
        except FileNotFoundError:
            return {"days": {}, "reflections": {}}, ""
        try:
            return _checked(json.loads(text)), text
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise EngineError(
                f"the budget {self._path} cannot be read ({error}); no model is called without "
                "it. Move the file away to count from zero"
            ) from error

    def _write(self, text: str) -> None:
        beside = self._path.with_suffix(".tmp")
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _checked(data: Any) -> dict[str, Any]:
    """The books, checked: a NaN or a negative amount would switch the limits off."""
    days = {date.fromisoformat(day).isoformat(): _amount(usd) for day, usd in data["days"].items()}
    reflections = {
        str(name): {
            "usd": _amount(entry["usd"]),
            "tokens": int(_amount(entry["tokens"])),
            "day": date.fromisoformat(entry["day"]).isoformat(),
        }
        for name, entry in data["reflections"].items()
    }
    return {"days": days, "reflections": reflections}


def _amount(value: Any) -> float:
    amount = float(value)
    if not (math.isfinite(amount) and amount >= 0):
        raise ValueError(f"{amount} is no amount")
    return amount


def _book(books: dict[str, Any], booked: Reservation, usd: float, tokens: int) -> None:
    """Add to both counters; a settled amount below zero cannot be."""
    days = books["days"]
    days[booked.day] = max(0.0, round(days.get(booked.day, 0.0) + usd, 9))
    entry = books["reflections"].setdefault(
        booked.reflection, {"usd": 0.0, "tokens": 0, "day": booked.day}
    )
    entry["usd"] = max(0.0, round(entry["usd"] + usd, 9))
    entry["tokens"] = max(0, entry["tokens"] + tokens)
    entry["day"] = max(entry["day"], booked.day)


def _forget(books: dict[str, Any]) -> None:
    """Keep the latest days, and the reflections whose last call fell into one of them."""
    days = sorted(books["days"])[-DAYS_KEPT:]
    books["days"] = {day: books["days"][day] for day in days}
    kept = {
        name: e for name, e in books["reflections"].items() if e["day"] >= min(days, default="")
    }
    books["reflections"] = kept
