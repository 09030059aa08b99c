"""No space left, at each write of whole cycles and on a full file system; and no power left."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from daemon.worker import DONE, NO_WORLD
from tests.accounting import faults_in_the_end, unrecorded
from tests.drops import Drop
from tests.power_cuts import NoDisk, power_cuts
from tests.rounds import Round, ended, in_memory, quiet
from tests.soak.check import CannotRun, Check, Row, Setting
from tests.stepping import CannotTrace, Stepped, starved

SCENES = (
    ("plain", [Drop("pair", "apple"), Drop("unreadable", "cherry")]),
    ("git", [Drop("right", "apple"), Drop("rivals", "cherry")]),
)
CUTS = 200
PAGES, INODES = 160, 60  # what a round needs of a file system, with some to spare
PAGE = 4096


def each_write(setting: Setting) -> Iterator[Row]:
    """The n-th write denied, once and from there on, for every n."""
    with in_memory(setting.folder) as folder:
        for name, drops in SCENES:
            whole = pass_without_space(fresh(folder, drops, name), 0, lasting=False)
            points = sampled(len(whole.points), setting)
            for lasting in (False, True):
                found = Outcomes()
                for number in points:
                    setting.say(f"{name}: write {number} of {len(whole.points)}")
                    here = fresh(folder, drops, name)
                    seen = pass_without_space(here, number, lasting=lasting)
                    point = next((each for each in seen.points if each.endswith("!")), "none")
                    found.add(here, seen.code, f"{point} ({number})")
                what = f"{name}, from a write on" if lasting else f"{name}, one write"
                yield found.row(what, f"of {len(whole.points)} writes")


def full_file_system(setting: Setting) -> Iterator[Row]:
    """A small tmpfs filled to the brim but for so many pages, or so many names."""
    for name, drops in SCENES:
        for what, most, limit in (("pages", PAGES, "size=24m"), ("names", INODES, "nr_inodes=2k")):
            found = Outcomes()
            for left in sampled(most, setting):
                setting.say(f"{name}: {left} {what} left")
                with small_disk(setting.folder / "disk", f"size=24m,{limit}") as folder:
                    here = fresh(folder, drops, name)
                    taken = folder / "taken"
                    (fill_pages if what == "pages" else fill_names)(taken, left)
                    code = ended(here.start())
                    found.add(here, code, f"{left} {what} left", partial(give_back, taken))
            yield found.row(f"{name}, {what} left", f"0 to {most}")


def cut(setting: Setting) -> Iterator[Row]:
    """The power is cut while changes of several files are made."""
    try:
        cuts = list(power_cuts(setting.folder, setting.rng, setting.times(CUTS), setting.say))
    except NoDisk as reason:
        raise CannotRun(str(reason)) from None
    broken = [fault for _, fault, _ in cuts if fault]
    states = dict(Counter(state for _, _, state in cuts))
    told = f"{cuts[-1][0]} changes acknowledged; {states}; {broken[:2] or ''}"
    yield Row("changes of four files", len(cuts), len(broken), told)


class Outcomes:
    """What the faults of one kind came to."""

    def __init__(self) -> None:
        self.tried, self.broken = 0, list[str]()
        self.passed = 0

    def add(
        self, here: Round, code: int, where: str, space: Callable[[], None] = lambda: None
    ) -> None:
        """Judge right after the fault; give space back, let workers end it, and judge again."""
        self.tried += 1
        found = [f"changed without a word: {name}" for name in unrecorded(here)]
        if code not in (DONE, NO_WORLD):
            found.append(f"the worker ended with {code}")
        self.passed += code == DONE
        space()
        more, codes = faults_in_the_end(here, an_hour_later)
        found += more
        if found:
            self.broken.append(f"{where}: {found[0]} ({len(found)}; then {codes})")
        shutil.rmtree(here.folder, ignore_errors=True)

    def row(self, what: str, more: str) -> Row:
        """As a line of the table."""
        return Row(
            what,
            self.tried,
            len(self.broken),
            f"{more}; {self.passed} passes ended all the same; {self.broken[:3] or ''}",
        )


def fresh(folder: Path, drops: Sequence[Drop], name: str) -> Round:
    """A new installation with its notes dropped."""
    shutil.rmtree(folder / "round", ignore_errors=True)
    here = Round(folder / "round", drops, git=name == "git")
    here.drop_all()
    return here


def pass_without_space(here: Round, number: int, *, lasting: bool) -> Stepped:
    """One worker whose write with that number finds no space."""

    def work() -> int:
        quiet()
        return here.work()

    try:
        return starved(work, here.folder, number, lasting=lasting)
    except CannotTrace as error:
        raise CannotRun(str(error)) from None


def sampled(count: int, setting: Setting) -> Sequence[int]:
    """Every number up to `count` at full scale, else evenly spread ones."""
    times = min(setting.times(count), count)
    begin = setting.rng.random()
    return sorted({1 + int((each + begin) * count / times) % count for each in range(times)})


def an_hour_later() -> datetime:
    """What waited for its next try is due."""
    return datetime.now(UTC) + timedelta(hours=1)


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A tmpfs of a few MiB."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "mendd-soak", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        raise CannotRun("mounting a tmpfs needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_pages(taken: Path, left: int) -> None:
    """Every page but so many is taken."""
    taken.mkdir()
    with (taken / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(PAGE))
        except OSError:
            file.truncate(max(0, file.tell() - file.tell() % PAGE - left * PAGE))


def fill_names(taken: Path, left: int) -> None:
    """Every inode but so many is taken."""
    taken.mkdir()
    made = []
    try:
        while True:
            made.append(taken / str(len(made)))
            made[-1].touch()
    except OSError:
        for each in made[:-1][:left]:
            each.unlink()


def give_back(taken: Path) -> None:
    """There is space again."""
    shutil.rmtree(taken)


CHECKS = (
    Check(
        "crash.disk-full",
        "no space at every write, once and lasting: 0 changes unrecorded, all done when it returns",
        each_write,
    ),
    Check(
        "crash.tmpfs-full",
        "a really full file system, to the page and the name: the same",
        full_file_system,
    ),
    Check(
        "crash.power-cuts",
        "200 power cuts within changes: none mixed, no acknowledged record lost",
        cut,
    ),
)
