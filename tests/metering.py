"""A model that bills for what it answers, and a place whose work it is asked about."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from string import ascii_lowercase
from typing import Any

from daemon.budget import Budget
from daemon.engines.choose import engines_for
from daemon.settings import BreakerSettings, BudgetSettings, ClaudeSettings
from tests.fake_model import Answer, FakeModel, Fault, Step, status, text, tool, usage
from tests.place import NOTE, Place

PRICES = ClaudeSettings()
DAY = timedelta(days=1)
Script = Callable[[dict[str, Any], int], Step]
CENT = 1e-6


@dataclass
class Meter:
    """A server that bills: by UTC day of the test's clock, and the dearest single call."""

    script: Script
    day: Callable[[], str] = lambda: ""
    billed: dict[str, float] = field(default_factory=dict)
    dearest: float = 0.0

    def __call__(self, request: dict[str, Any], turn: int) -> Step:
        """Answer, and bill whatever gives tokens."""
        step = self.script(request, turn)
        tokens = step.usage if isinstance(step, Answer) else usage(3000, 400)
        free = isinstance(step, Fault) and step.kind in ("status", "redirect")
        if tokens and not free:
            usd = tokens["input_tokens"] * PRICES.input_usd + tokens["output_tokens"] * 20.0
            self.dearest = max(self.dearest, usd / 1e6)
            self.billed[self.day()] = self.billed.get(self.day(), 0.0) + usd / 1e6
        return step

    @property
    def total(self) -> float:
        """US dollars, all days."""
        return sum(self.billed.values())


@dataclass
class Scene:
    """A place whose target is worked on by the real engine and a metered model."""

    here: Place
    meter: Meter
    model: FakeModel

    def drop(self, count: int) -> None:
        """Notes about different failures."""
        for letter in ascii_lowercase[:count]:
            words = {"reflection": f"total fails with the basket {letter * 4}"}
            self.here.drop({**NOTE, **words}, f"{letter}.json")

    def assert_within(self, cap_usd: float) -> None:
        """No day's bill passes the cap by more than one call."""
        for day, usd in self.meter.billed.items():
            assert usd <= cap_usd + self.meter.dearest + CENT, (day, usd)


@contextmanager
def staged(
    here: Place, script: Script, monkeypatch: Any, *, failures: int = 5, **budget: Any
) -> Iterator[Scene]:
    """The place (its target's engine is `claude`) with a metered model and a budget."""
    meter = Meter(script)
    monkeypatch.setattr("daemon.cycle.engines_for", engines_for)
    monkeypatch.setattr("daemon.engines.dialogue.transport.FIRST_WAIT_S", 0.02)
    meter.day = lambda: here.now.date().isoformat()
    with FakeModel(meter) as model:
        limits = BudgetSettings(**budget)
        claude = ClaudeSettings(
            base_url=model.url, timeout_s=20, retries=2, retry_after_s=1, max_tokens=500
        )
        settings = replace(
            here.shop.settings,
            claude=claude,
            budget=limits,
            breaker=BreakerSettings(failures=failures),
        )
        books = Budget(settings.state / "budget.json", limits, lambda: here.now)
        here.shop = replace(here.shop, settings=settings, budget=books)
        yield Scene(here, meter, model)


WELL = (0.9, 0.8, 0.2, 0.0)


def anything(dice: random.Random) -> Script:
    """Answers, faults, storms and bills as they come; no patch of it is right.

    How often it is well is drawn once for each server: some are ill for as long as they live.
    """
    well = dice.choice(WELL)

    def answer(request: dict[str, Any], turn: int) -> Step:
        view = tool("view_code", filename="shop.py", start_line=1, end_line=2)
        note = tool(
            "log_bug_report", filename="shop.py", function="total", summary="s", severity="low",
            failing_test=None,
        )  # fmt: skip
        wrong = tool(
            "propose_code_patch", filename="shop.py", start_line=2, end_line=2,
            original_code="    return sum(prices[1:])", rationale="r",
            new_code=f"    return sum(prices[{dice.randint(2, 9)}:])",
        )  # fmt: skip
        content = dice.choice([view, note, note, wrong, wrong, text("hm")])
        good = Answer(content=[content], usage=usage(dice.randint(10, 40_000), 400))
        bad = dice.choice(
            [status(429, "0"), status(529, "0"), Fault(kind="cut"), Fault(kind="malformed")]
        )
        return good if dice.random() < well else bad

    return answer


STEPS = (timedelta(hours=2), DAY, -DAY)  # how a clock may go on


def lived_through(scene: Scene, dice: random.Random, passes: int = 6) -> None:
    """Six notes, and a worker's passes with a clock that steps as it likes."""
    scene.drop(6)
    for _ in range(passes):
        scene.here.work()
        scene.here.now += dice.choice(STEPS)
