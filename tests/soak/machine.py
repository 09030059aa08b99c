"""The state machine of tests/machine.py, as long as one likes."""

from collections import Counter
from collections.abc import Iterator

from tests.machine import FAULTS, PASSES, drive
from tests.soak.check import Check, Row, Setting

EXAMPLES, STEPS, AT_ONCE = 1000, 50, 20


def state_machine(setting: Setting) -> Iterator[Row]:
    """Each run a fresh installation; after every pass all that must hold is looked at."""
    examples = setting.times(EXAMPLES)
    total: Counter[str] = Counter()
    for first in range(0, examples, AT_ONCE):
        last = min(first + AT_ONCE, examples)
        tally = drive(last - first, STEPS, setting.rng.randrange(1 << 32))
        total += tally
        faults = ", ".join(f"{tally[fault]} {fault}" for fault in FAULTS)
        yield Row(f"passes compared, runs {first + 1} to {last}", passes(tally), 0, faults)
    yield Row("all workers' passes, compared", passes(total), 0)
    yield Row(
        "steps", sum(total.values()), 0, ", ".join(f"{n} {what}" for what, n in total.items())
    )


def passes(tally: Counter[str]) -> int:
    """How many workers ran."""
    return sum(tally[each] for each in PASSES)


CHECKS = (
    Check(
        "service.state-machine",
        "1,000 runs of 50 steps: every note accounted for once, nothing applied twice, unasked or "
        "after the switch, the file a known version, store and trail agree, the chain verifies",
        state_machine,
    ),
)
