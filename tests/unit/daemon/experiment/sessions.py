"""A session to test with."""

from dataclasses import replace
from typing import Any

from daemon.experiment.noise import level
from daemon.experiment.session import Edit, Gates, Metric, Outcome, Plan, Sample, Session, Try
from sandbox.patch import Hunk

COST = Metric(name="cost", command=("python3", "bench.py"), pattern=r"cost: (\S+)")
SIZE = Metric(name="size", command=("python3", "size.py"), pattern=r"(\d+)", direction="higher")
HUNK = Hunk(
    filename="shop.py", first_line=1, last_line=1, original="A = 1\n", replacement="A = 2\n"
)


def plan(**changes: Any) -> Plan:
    usual = Plan(
        target="shop", metric=COST, guards=(SIZE,), files=("shop.py",), iterations=5, run_s=9,
        spend_usd=1, plateau=3, epsilon=0.5, seed=3, noise_runs=3, confirm_runs=2,
    )  # fmt: skip
    return replace(usual, **changes)


def tried(iteration: int, outcome: Outcome, value: float | None = None) -> Try:
    edit = Edit(iteration=iteration, hypothesis=f"idea {iteration}", hunks=(HUNK,), diff="+A = 2\n")
    commit = "c" * 40 if outcome == "kept" else None
    return Try(edit=edit, outcome=outcome, reason="so", value=value, gain=1.0, commit=commit)


def session(*tries: Try, **changes: Any) -> Session:
    usual = Session(
        plan=plan(), policy="p" * 64, next="edit", tree="t" * 64,
        baseline={"cost": level([10, 10, 10]), "size": level([3, 3, 3])},
        best=level([10, 10, 10]), tries=tries, gates=Gates().refused("suite", "a test fails"),
    )  # fmt: skip
    return replace(usual, **changes)


def full() -> Session:
    """One with something in every member."""
    return session(
        tried(1, "kept", 8.0),
        tried(2, "crashed"),
        edit=tried(3, "kept").edit,
        sample=Sample(values={"cost": 7.5}, matches={"cost": 1}, output="cost: 7.5"),
        decision=tried(3, "kept", 7.5),
        candidate=level([7.5, 7.5]),
        branch="mendd/research-x",
        tip="c" * 40,
        untold={"step": "run", "nth": 4},
    )
