"""A session on the bench: its state in the store, its events in the trail, its code as it stands.

State first, event second: what is stored holds the event too until it is told, so a session that
is killed between the two tells it when it goes on, once.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

from daemon.budget import Budget
from daemon.desk.recovery import LANDED
from daemon.experiment.overlay import Overlay, laid_over
from daemon.experiment.session import KEY, Session, session_of
from daemon.road.job import Job
from sandbox.trial import Bench


class Lab:
    """One session with its job; a context manager, used by one thread."""

    def __init__(self, job: Job) -> None:
        """Raises NoSession."""
        self.job = job
        self.session = session_of(job.shop.store.get(job.work.id) or job.work)
        self.snapshot = job.source
        self._benches: dict[tuple[str, ...], Bench] = {}
        self._overlay: tuple[int, Overlay] | None = None
        self._limit_spending()

    def __enter__(self) -> Self:
        self._make_up()
        return self

    def __exit__(self, *_: object) -> None:
        for bench in self._benches.values():
            bench.close()

    def save(self, session: Session) -> None:
        """Put the session into the store; from here on this is where it stands."""
        self.session = session
        kept = session.to_json()
        self.job.held_data[KEY] = kept
        store = self.job.shop.store
        stored = store.get(self.job.work.id)
        if stored is not None:
            store.update(stored, data={**stored.data, KEY: kept})

    def note(self, session: Session, step: str, **data: Any) -> None:
        """A step is done: the session with the event that says so, stored and told once.

        `data` holds a `reason`: what happened, in a sentence.
        """
        number = session.told + 1
        iteration = data.pop("iteration", session.iteration)
        event = {"step": step, "nth": number, "iteration": iteration, **data}
        self.save(replace(session, told=number, untold=event))
        self.job.chronicle.write("experiment", **event)
        self.save(replace(self.session, untold=None))

    def _make_up(self) -> None:
        """Tell the event that an interruption kept from the trail."""
        event = self.session.untold
        if event is None:
            return
        told = self.job.shop.trail.records(reflection=self.job.work.id, event="experiment")
        if not any(record.data.get("nth") == event["nth"] for record in told):
            self.job.chronicle.write("experiment", **event)
        self.save(replace(self.session, untold=None))

    @property
    def overlay(self) -> Overlay:
        """The snapshot with what was kept. Raises PatchError when that does not fit any more."""
        kept = self.session.kept
        if self._overlay is None or self._overlay[0] != len(kept):
            patches = [each.edit.patch for each in kept]
            self._overlay = len(kept), laid_over(self.snapshot, patches)
        return self._overlay[1]

    @contextlib.contextmanager
    def seen(self) -> Iterator[None]:
        """While inside, engines and gates see the snapshot with what was kept."""
        self.job.source = self.overlay  # type: ignore[assignment]
        try:
            yield
        finally:
            self.job.source = self.snapshot

    def bench(self, command: tuple[str, ...]) -> Bench:
        """The snapshot with a metric's command; `python` is the interpreter of the tests."""
        if command not in self._benches:
            is_python = command[0] in ("python", "python3")
            python = (self.job.target.python or "python3",) if is_python else command[:1]
            self._benches[command] = self.job.bench.with_command((*python, *command[1:]))
        return self._benches[command]

    def landed(self, change: str) -> dict[str, Any] | None:
        """The commit of this change, where it was made just before an interruption."""
        stored = self.job.shop.store.get(self.job.work.id)
        found: dict[str, dict[str, Any]] = stored.data.get(LANDED, {}) if stored else {}
        return found.get(change)

    def _limit_spending(self) -> None:
        """The session's own limit takes the place of the one for a reflection."""
        shop = self.job.shop
        limits = replace(shop.settings.budget, reflection_usd=self.session.plan.spend_usd)
        budget = Budget(shop.state / "budget.json", limits)
        self.job.shop = replace(shop, budget=budget)

    def spent_usd(self) -> float:
        """What the session's models have cost so far."""
        return round(self.job.shop.budget.spent(self.job.work.id).usd, 6)
