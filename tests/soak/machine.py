"""The state machine of tests/machine.py, as long as one likes."""

from collections.abc import Iterator

from tests.machine import FAULTS, PASSES, drive
from tests.soak.check import Check, Row, Setting

EXAMPLES, STEPS = 1000, 50


def state_machine(setting: Setting) -> Iterator[Row]:
    """Each run a fresh installation; after every pass all that must hold is looked at."""
    examples = setting.times(EXAMPLES)
    tally = drive(examples, STEPS, setting.rng.randrange(1 << 32))
    steps = sum(tally.values())
    yield Row("steps, in runs of at most 50", steps, 0, f"{examples} runs")
    yield Row("workers' passes, everything compared after", sum(tally[each] for each in PASSES), 0)
    for fault in FAULTS:
        yield Row(fault, tally[fault], 0)
    others = sorted(set(tally) - set(PASSES))
    yield Row("what people and the world did", sum(tally[each] for each in others), 0,
              ", ".join(f"{each} {tally[each]}" for each in others))  # fmt: skip


CHECKS = (
    Check(
        "service.state-machine",
        "1,000 runs of 50 steps: every note accounted for once, nothing applied twice, unasked or "
        "after the switch, the file a known version, store and trail agree, the chain verifies",
        state_machine,
    ),
)
