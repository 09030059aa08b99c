"""What tested code may reach, and what is read of what it says."""

import time
from collections.abc import Iterator

from docker.errors import APIError

from sandbox.errors import EngineUnavailable
from sandbox.trial import Bench, Sandbox
from tests.attacks.violent import VIOLENT
from tests.battery import Met, as_called, attackers, battery, beside, ended, holder
from tests.channel import OURS, SHARED, Attempt, measured
from tests.leaking import LOOKS, ground
from tests.soak.check import CannotRun, Check, Row, Setting

MOST_S, PROCESSOR_S, PEAK_MIB = 1.0, 60, 64
KINDS = {"copied tree": True, "read-only tree": False}


def attacks(setting: Setting) -> Iterator[Row]:
    """Both ways of giving tests a tree; then two containers side by side; then violent ends."""
    try:
        for kind, writable in KINDS.items():
            folder = setting.folder / kind.replace(" ", "-")
            folder.mkdir()
            with attackers(folder, writable_tree=writable) as (sandbox, bench):
                yield from in_one(bench, kind)
                if writable:
                    yield from side_by_side(sandbox, bench)
                    yield from violent(bench)
    except EngineUnavailable as fault:
        raise CannotRun(str(fault)) from fault


def in_one(bench: Bench, kind: str) -> Iterator[Row]:
    """The table in one container; its rows are printed once, and again where they broke."""
    began = time.monotonic()
    met = battery(bench)
    seconds = time.monotonic() - began
    if kind == "copied tree":
        yield from map(row, met)
    else:
        yield from (row(each) for each in met if not each.held)
        broken = sum(not each.held for each in met)
        yield Row(f"all of these, {kind}", len(met), broken, f"{seconds:.1f} s")


def side_by_side(sandbox: Sandbox, bench: Bench) -> Iterator[Row]:
    """What a second container sees of one that holds all it may, and how long it takes."""
    with holder(sandbox, bench) as container:
        began = time.monotonic()
        yield from map(row, beside(bench))
        yield Row("a whole trial beside a fork bomb", 1, 0, f"{time.monotonic() - began:.2f} s")
        try:
            sandbox._docker.client.logs(container)
            yield Row("27, 28 the engine's logs", 1, 1, "it keeps some")
        except APIError:
            yield Row("27, 28 the engine's logs", 1, 0, "none kept, none to read (no log driver)")


def violent(bench: Bench) -> Iterator[Row]:
    """One container each."""
    for number, each in enumerate(VIOLENT):
        run = ended(bench, number)
        name = f"{each.row} {each.name}" if each.row else each.name
        yield Row(name, 1, int(not as_called(each, run)), f"{run.ending} ({each.wall})")


def row(met: Met) -> Row:
    """One attack; its number in the published table in front."""
    attack = met.attack
    name = f"{attack.row} {attack.name}" if attack.row else attack.name
    return Row(name, 1, int(not met.held), f"{met.words} ({attack.wall})")


def results(setting: Setting) -> Iterator[Row]:
    """Must-fail JSON, odd streams and odd files, by kind; what is read must have an end."""
    if not SHARED.is_dir():
        raise CannotRun("the shared corpora with JSONTestSuite are not here")
    attempts, peak_mib = measured([OURS, SHARED], PROCESSOR_S)
    kinds: dict[str, list[Attempt]] = {}
    for each in attempts:
        kinds.setdefault(each.kind, []).append(each)
    for kind, those in kinds.items():
        good = kind in ("must-parse object", "endless")
        slowest = max(those, key=lambda each: each.seconds)
        broken = sum(each.accepted is not good or each.seconds > MOST_S for each in those)
        figure = f"slowest {slowest.seconds:.2f} s of processor time ({slowest.name})"
        yield Row(kind + (", read" if good else ", refused"), len(those), broken, figure)
    yield Row("peak of memory", 1, int(peak_mib > PEAK_MIB), f"{peak_mib} MiB")


def leaks(setting: Setting) -> Iterator[Row]:
    """Everything planted, looked for in every place, in both ways of giving tests a tree."""
    try:
        for kind, writable in KINDS.items():
            folder = setting.folder / f"leaks-{writable}"
            folder.mkdir()
            with ground(folder, writable=writable) as here:
                for name, look in LOOKS.items():
                    seen = sorted(look(here))
                    yield Row(f"{name}, {kind}", len(here.planted.values), len(seen), str(seen))
    except EngineUnavailable as fault:
        raise CannotRun(str(fault)) from fault


CHECKS = (
    Check(
        "sandbox.leaks",
        "of 60 planted secrets none is seen inside, told to the engine or kept in an image",
        leaks,
    ),
    Check(
        "sandbox.results",
        f"nothing hostile is taken for a result, none takes {MOST_S:g} s, peak {PEAK_MIB} MiB",
        results,
    ),
    Check(
        "sandbox.attacks",
        "all 31 published attacks and ours: none reaches anything but what is public",
        attacks,
    ),
)
