"""A model that errs, loops, storms or costs too much: spending and trying come to an end.

The real engine talks over HTTP to a scripted server, which counts what it would have billed.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from reflections.store import State
from tests.fake_model import Answer, Fault, Step, status, text, tool, usage
from tests.metering import CENT, DAY, PRICES, Scene, Script, anything, lived_through, staged
from tests.place import CODE, Place

Stage = Callable[..., Scene]


@pytest.fixture
def stage(place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Makes a scene of a script and a budget."""
    with ExitStack() as scenes:

        def make(script: Script, **limits: Any) -> Scene:
            here = place('engine = "claude"\nattempts = 2')
            return scenes.enter_context(staged(here, script, monkeypatch, **limits))

        yield make


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
    """Answers, faults and clock steps as they come; replayed by its seed, more in `make soak`."""
    dice = random.Random(seed)  # noqa: S311 - replays, keeps no secret
    scene = stage(anything(dice), reflection_usd=0.3, day_usd=0.6, failures=4)

    lived_through(scene, dice)

    scene.assert_within(0.6)
    assert scene.here.file.read_text() == CODE
    assert scene.model.faults == []
