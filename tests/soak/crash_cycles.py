"""Whole cycles, from a note to its verdict: killed, starved of disk space, edited, mistimed.

The worker is real and in a process of its own (tests/rounds.py); after each fault workers start
until all is done, and every note must be accounted for exactly once.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from tests.accounting import faults_in_the_end
from tests.drops import some_drops
from tests.rounds import Round, ended, in_memory, kill
from tests.soak.check import Check, Row, Setting

KILLS, KILLS_OF_A_ROUND = 1000, 6


def moments(setting: Setting) -> Iterator[Row]:
    """SIGKILL at random moments of the worker and of the ones that take up its work."""
    kills = setting.times(KILLS)
    with in_memory(setting.folder) as folder:
        for git, group in ((False, False), (True, False), (True, True)):
            yield killed_rounds(setting, folder, kills // 3 + 1, git=git, group=group)


def killed_rounds(setting: Setting, folder: Path, kills: int, *, git: bool, group: bool) -> Row:
    """Rounds until that many workers were killed."""
    killed = rounds = 0
    broken: list[str] = []
    span_s = 0.6
    while killed < kills:
        setting.say(f"{killed} of {kills} kills, {len(broken)} rounds broken")
        here = Round(folder / "round", some_drops(setting.rng, 4), git=git)
        here.drop_all()
        for _ in range(KILLS_OF_A_ROUND):
            pid = here.start()
            time.sleep(setting.rng.random() * span_s)
            kill(pid, group=group)
            if ended(pid) >= 0:  # it was done before
                break
            killed += 1
        began = time.monotonic()
        found, codes = faults_in_the_end(here)
        span_s = 0.8 * span_s + 0.2 * min(time.monotonic() - began + 0.1, 2.0)
        if found:
            broken.append(f"{found[0]} ({len(found)} faults, {codes}, {here.drops})")
        rounds += 1
        shutil.rmtree(here.folder)
    what = f"{'git' if git else 'plain'}, {'all of its group' if group else 'the worker alone'}"
    return Row(what, killed, len(broken), f"{rounds} rounds; {broken[:2] or ''}")


CHECKS = (
    Check(
        "crash.moments",
        "1,000 SIGKILLs: every note accounted for once, nothing by half or twice, the chain whole",
        moments,
    ),
)
