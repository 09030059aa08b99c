"""A model that errs, loops, storms and bills as it likes, under a clock that steps by days."""

import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from audit.trail import verify
from tests.metering import CENT, anything, lived_through, staged
from tests.place import CODE, Place
from tests.soak.check import Check, Row, Setting

LIVES = 200
DAY_USD, FAILURES = 0.6, 4


def cost(setting: Setting) -> Iterator[Row]:
    """Whole lives of an installation; the worst of them is told."""
    broken = {"the day's cap, by one call at most": 0, "no pause after so many failures": 0,
              "the module is as it was, the chain whole": 0}  # fmt: skip
    lives, worst, calls, pauses = setting.times(LIVES), 0.0, 0, 0
    for number in range(lives):
        setting.say(f"{number + 1} of {lives}")
        dice = random.Random(setting.rng.random())  # noqa: S311 -- repeatable on purpose
        with (
            TemporaryDirectory(dir=setting.folder) as folder,
            pytest.MonkeyPatch.context() as patch,
        ):
            here = Place(Path(folder), 'engine = "claude"\nattempts = 2', patch)
            limits = {"reflection_usd": 0.3, "day_usd": DAY_USD, "failures": FAILURES}
            with staged(here, anything(dice), patch, **limits) as scene:
                lived_through(scene, dice)
            over = [usd - DAY_USD for usd in scene.meter.billed.values()]
            worst = max([worst, *over])
            calls += len(scene.model.requests)
            broken["the day's cap, by one call at most"] += any(
                each > scene.meter.dearest + CENT for each in over
            )
            steps = list(here.shop.trail.records(event="breaker"))
            pauses += sum(record.data["step"] == "paused" for record in steps)
            broken["no pause after so many failures"] += in_a_row(here) > FAILURES
            broken["the module is as it was, the chain whole"] += (
                here.file.read_text() != CODE or not verify(here.shop.trail.path).ok
            )
            here.shop.store.close()
    figures = [
        f"{calls} calls, at worst {max(worst, 0) * 100:.2f} cents over",
        f"{pauses} pauses",
        "",
    ]
    for (what, count), figure in zip(broken.items(), figures, strict=True):
        yield Row(what, lives, count, figure)


def in_a_row(here: Place) -> int:
    """The longest row of failures of the world that no pause, no ending and no new try broke."""
    longest = now = 0
    for record in here.shop.trail.records():
        if record.event == "failed":
            now += 1
        elif record.event in ("breaker", "rejected", "declined", "held", "applied", "budget_stop"):
            now = 0
        longest = max(longest, now)
    return longest


CHECKS = (
    Check(
        "hostile.cost",
        "spending passes a day's cap by one call at most; a target is paused after 4 failures",
        cost,
    ),
)
