"""A model that errs, loops, storms or costs too much: spending and trying come to an end.

The real engine talks over HTTP to a scripted server, which counts what it would have billed.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from string import ascii_lowercase
from typing import Any

import pytest

from daemon.budget import Budget
from daemon.engines.choose import engines_for
from daemon.settings import BreakerSettings, BudgetSettings, ClaudeSettings
from reflections.store import State
from tests.fake_model import Answer, FakeModel, Fault, Step, status, text, tool, usage
from tests.place import CODE, NOTE, Place

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


Stage = Callable[..., Scene]


@pytest.fixture
def stage(place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Makes a scene of a script and a budget."""
    servers: list[FakeModel] = []

    def make(script: Script, *, failures: int = 5, **budget: Any) -> Scene:
        here, meter = place('engine = "claude"\nattempts = 2'), Meter(script)
        monkeypatch.setattr("daemon.cycle.engines_for", engines_for)
        meter.day = lambda: here.now.date().isoformat()
        model = FakeModel(meter)
        servers.append(model.__enter__())
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
        return Scene(here, meter, model)

    yield make
    for server in servers:
        server.close()


def looks(tokens: int = 10_000) -> Script:
    """A model that looks at code for ever."""

    def answer(request: dict[str, Any], turn: int) -> Step:
        call = tool("view_code", filename="shop.py", start_line=1, end_line=2)
        return Answer(content=[call], usage=usage(tokens, 400))

    return answer


def always(step: Callable[[], Step]) -> Script:
    """The same at every turn."""
    return lambda request, turn: step()


def test_endless_tool_calls_end_at_the_cap(stage: Stage) -> None:
    """The work is held with the reason, and no later pass sends anything for it."""
    scene = stage(looks(), reflection_usd=0.2, day_usd=10.0)

    scene.here.mend()
    sent = len(scene.model.requests)
    scene.here.now += DAY
    scene.here.work()

    assert scene.here.shop.store.all()[0].state is State.HELD
    assert "budget.reflection_usd" in scene.here.last("held")["reason"]
    assert scene.meter.total > 0.1
    scene.assert_within(0.2)
    assert len(scene.model.requests) == sent


def test_endless_tool_calls_of_a_cheap_model_end_by_their_number(stage: Stage) -> None:
    """A conversation has so many turns, whatever they cost."""
    scene = stage(looks(10), reflection_usd=100.0, day_usd=100.0)

    scene.here.mend()

    assert len(scene.model.requests) <= 3 * PRICES.turns
    assert scene.here.file.read_text() == CODE


def test_a_bill_far_above_the_estimate_passes_the_cap_by_one_call(stage: Stage) -> None:
    """Nobody can know before what a server will count; afterwards everybody does."""
    scene = stage(looks(200_000), reflection_usd=0.2, day_usd=10.0)

    scene.here.mend()

    assert len(scene.model.requests) == 1
    scene.assert_within(0.2)


@pytest.mark.parametrize(
    "fault",
    [
        lambda: status(429, "0"),
        lambda: status(529, "0"),
        lambda: status(500, "0"),
        lambda: status(401),
        lambda: status(400),
    ],
    ids=["429", "529", "500", "401", "400"],
)
def test_a_storm_of_errors_costs_nothing_and_pauses_the_target(
    stage: Stage, fault: Callable[[], Step]
) -> None:
    """Eight notes: so many tries and no more, then a pause; nothing is booked, nothing is lost."""
    scene = stage(always(fault), failures=3)
    scene.drop(8)

    for _ in range(3):
        scene.here.work()

    retries = scene.here.shop.settings.claude.retries
    assert len(scene.model.requests) <= 3 * (1 + retries)
    assert scene.here.shop.budget.spent_today().usd == 0
    assert set(scene.here.shop.breakers.paused()) == {"shop"}
    assert len(scene.here.shop.store.all()) == 8
    assert all(work.attempts == 0 for work in scene.here.shop.store.all())


@pytest.mark.parametrize("kind", ["cut", "unfinished", "event"])
def test_answers_that_break_off_are_booked_at_their_worst(stage: Stage, kind: str) -> None:
    """Whoever answered half may bill it all: the day's cap ends that, too."""
    scene = stage(always(lambda: Fault(kind=kind)), failures=100, day_usd=0.15)
    scene.drop(8)

    for _ in range(6):
        scene.here.work()
        scene.here.now += timedelta(hours=1)

    scene.assert_within(0.15)
    assert scene.here.shop.budget.spent_today().usd <= 0.15 + CENT
    assert "budget_stop" in scene.here.events()


def test_answers_without_end_are_bounded(stage: Stage) -> None:
    """`max_tokens` again and again is no conversation."""
    cut_off = Answer(content=[text("so ")], stop_reason="max_tokens", usage=usage(2000, 500))
    scene = stage(always(lambda: cut_off), reflection_usd=0.3)

    scene.here.mend()

    scene.assert_within(0.3)
    assert len(scene.model.requests) <= 3 * PRICES.turns


def test_many_works_share_the_days_cap_and_go_on_tomorrow(stage: Stage) -> None:
    """What is over for today waits for midnight and no longer."""
    scene = stage(looks(), reflection_usd=0.2, day_usd=0.5)
    scene.drop(6)

    scene.here.work()
    scene.assert_within(0.5)
    assert any(work.state is State.WAITING for work in scene.here.shop.store.all())

    scene.here.now += DAY
    scene.here.work()
    scene.assert_within(0.5)
    assert len(scene.meter.billed) == 2


@pytest.mark.parametrize("steps", [(DAY, -DAY, DAY), (-DAY, DAY, -DAY)])
def test_a_clock_stepped_by_a_day_spends_no_day_twice(
    stage: Stage, steps: tuple[timedelta, ...]
) -> None:
    """Back on a day whose money is gone, nothing is sent."""
    scene = stage(looks(), reflection_usd=0.2, day_usd=0.3)
    scene.drop(8)

    scene.here.work()
    for step in steps:
        scene.here.now += step
        scene.here.work()

    scene.assert_within(0.3)
    assert len(scene.meter.billed) <= 2


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_model_does_the_caps_hold(stage: Stage, seed: int) -> None:
    """Answers, faults and clock steps as they come; replayed by its seed."""
    dice = random.Random(seed)  # noqa: S311 - replays, keeps no secret

    def anything(request: dict[str, Any], turn: int) -> Step:
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
        return good if dice.random() < 0.8 else bad

    scene = stage(anything, reflection_usd=0.3, day_usd=0.6, failures=4)
    scene.drop(6)

    for _ in range(6):
        scene.here.work()
        scene.here.now += dice.choice([timedelta(hours=2), DAY, -DAY])

    scene.assert_within(0.6)
    assert scene.here.file.read_text() == CODE
    assert scene.model.faults == []
