"""How the unpatched copy behaves: run twice, compared, remembered by content.

What differs between the two runs is flaky and is never counted. Two equal trees under the same
image and test command behave alike, so a baseline is kept until one of them changes; for a day,
as some tests look at the clock.
"""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from daemon.engines import Baseline
from sandbox.trial import Bench, Ending, Outcome, Run

KEPT = 20
FRESH = timedelta(days=1)
MOST_OUTPUT = 600


class UnusableBaseline(Exception):
    """The suite cannot serve as a judge (hangs, empty, cannot be collected); says what to do."""

    def __init__(self, words: str, ending: Ending | None = None) -> None:
        super().__init__(words)
        self.ending = ending


ADVICE = {
    Ending.TIMED_OUT: "raise timeout_s for this target, or lower its test_timeout_s if tests hang",
    Ending.OUT_OF_MEMORY: "raise sandbox.memory_mib or mend the test that eats it",
    Ending.FLOODED: "make the suite print less or raise sandbox.output_kib",
    Ending.FORGED: "the suite disturbs mendd's pytest plugin; see docs/sandbox.md",
    Ending.CRASHED: "the test process died; run the test command by hand in the target",
    Ending.NO_TESTS: "give the target tests, or set its test command (`tests`)",
}


def baseline(bench: Bench, folder: Path, run: Callable[[], Run], *, now: datetime) -> Baseline:
    """The target's baseline, remembered or measured with two calls of `run`.

    Raises UnusableBaseline when the suite does not end in outcomes.
    """
    path = folder / f"{_key(bench)}.json"
    remembered = _remembered(path, now)
    if remembered is not None:
        return remembered
    with ThreadPoolExecutor(max_workers=2) as pool:
        first, second = pool.map(lambda _: run(), range(2))
    for each in (first, second):
        _check(each)
    found = compared(first, second)
    _remember(path, found, now)
    return found


def compared(first: Run, second: Run) -> Baseline:
    """Two runs of the same tree: what they agree on, and what is flaky."""
    ids = dict.fromkeys([*first.outcomes, *second.outcomes])
    flaky = tuple(test for test in ids if first.outcomes.get(test) != second.outcomes.get(test))
    stable = {test: first.outcomes[test] for test in ids if test not in set(flaky)}
    return Baseline(outcomes=stable, flaky=flaky, run=first)


def _check(run: Run) -> None:
    if run.ending is Ending.FINISHED and run.outcomes:
        return
    ending = run.ending if run.ending is not Ending.FINISHED else Ending.NO_TESTS
    said = run.output.strip()[-MOST_OUTPUT:] if ending is Ending.CRASHED or not run.detail else ""
    raise UnusableBaseline(
        f"the unpatched suite ended {ending.value}: {run.detail or 'no more is known'}; "
        f"{ADVICE.get(ending, 'run the test command by hand')}"
        + (f". The end of its output:\n{said}" if said else ""),
        ending,
    )


def _key(bench: Bench) -> str:
    module = bench.module
    command, env = list(module.command), sorted(module.env.items())
    parts = [bench.tree.hash, bench.image_id, command, env, module.test_timeout_s]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _remembered(path: Path, now: datetime) -> Baseline | None:
    try:
        data = json.loads(path.read_text("utf-8"))
        if abs(now - datetime.fromisoformat(data["measured"])) > FRESH:
            return None
        outcomes = {test: Outcome(value) for test, value in data["outcomes"].items()}
        run = Run(
            ending=Ending.FINISHED,
            outcomes={test: Outcome(value) for test, value in data["run"].items()},
            messages=data["messages"],
            durations=data["durations"],
            output=data["output"],
            seconds=data["seconds"],
            detail="",
            collected=tuple(data["collected"]),
            promised=dict(data["promised"]),
        )
        return Baseline(outcomes=outcomes, flaky=tuple(data["flaky"]), run=run)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _remember(path: Path, found: Baseline, now: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {
        "measured": now.isoformat(),
        "outcomes": dict(found.outcomes),
        "flaky": list(found.flaky),
        "run": dict(found.run.outcomes),
        "messages": dict(found.run.messages),
        "durations": dict(found.run.durations),
        "output": found.run.output,
        "seconds": found.run.seconds,
        "collected": list(found.run.collected),
        "promised": {file: dict(tests) for file, tests in found.run.promised.items()},
    }
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(data), "utf-8")
    beside.replace(path)
    kept = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
    for old in kept[:-KEPT]:
        old.unlink(missing_ok=True)
