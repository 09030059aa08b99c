"""A person saves a file between test and change, or within it: no byte of theirs is lost."""

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from daemon.apply import ChangedMeanwhile
from tests.accounting import faults
from tests.changing import MODES, NEW, OLD, Scene, make_template
from tests.drops import Drop, code
from tests.instant import InstantSandbox
from tests.rounds import Round, ended, in_memory, quiet
from tests.soak.check import Check, Row, Setting

EDITS = 100
TRIAL = 3  # the first run of the tests after the two of the baseline


def human_edits(setting: Setting) -> Iterator[Row]:
    """Before the change, within it, and between test and change of whole cycles."""
    yield from edits_before(setting)
    yield from edits_within(setting)
    yield from edits_on_the_road(setting)


def edits_before(setting: Setting) -> Iterator[Row]:
    """Saved between test and change; and at any moment of the change, by another process."""
    with in_memory(setting.folder) as folder:
        template = make_template(folder / "template" / "module")
        for mode in MODES[:2]:
            times, broken = setting.times(EDITS), list[str]()
            for number in range(times):
                scene = Scene(folder / f"{mode}{number}", template, mode)
                name, how = setting.rng.choice(sorted(OLD)), setting.rng.choice(HOWS)
                text = f"saved by a person {number}\n".encode()
                how(scene.root / name, text)
                done = scene.apply()
                others = {each: read(scene.root / each) for each in NEW if each != name}
                untouched = {each: OLD.get(each) for each in others}
                if not isinstance(done, ChangedMeanwhile) or read(scene.root / name) != text:
                    broken.append(f"{name}: {done}")
                elif others != untouched:
                    broken.append(f"{name} was refused, but others changed")
                shutil.rmtree(scene.root.parent)
            yield Row(f"{mode}, before the change", times, len(broken), str(broken[:2] or ""))


def edits_within(setting: Setting) -> Iterator[Row]:
    """Saved by rename at a random moment of the change: the person's bytes stand in the end."""
    with in_memory(setting.folder) as folder:
        template = make_template(folder / "template" / "module")
        for mode, span_s in (("plain", 0.008), ("git-in-place", 0.15)):
            times, broken, refused = setting.times(EDITS), list[str](), 0
            for number in range(times):
                scene = Scene(folder / f"{mode}{number}", template, mode)
                name = setting.rng.choice(sorted(OLD))
                text = f"saved by a person {number}\n".encode()
                pause_s = setting.rng.random() * span_s
                person = person_saves(scene.root / name, text, pause_s)
                done = scene.apply()
                os.kill(person, signal.SIGCONT)
                assert ended(person) == 0
                refused += isinstance(done, ChangedMeanwhile)
                if read(scene.root / name) != text:
                    broken.append(f"{name}: {done}, but it is {read(scene.root / name)!r}")
                shutil.rmtree(scene.root.parent)
            told = f"{refused} refused, the others came after; {broken[:2] or ''}"
            yield Row(f"{mode}, at any moment", times, len(broken), told)


def person_saves(path: Path, text: bytes, pause_s: float) -> int:
    """Another process that saves the file as editors do, after a while; its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        time.sleep(pause_s)
        by_rename(path, text)
    finally:
        os._exit(0)


def in_place(path: Path, text: bytes) -> None:
    """Written over."""
    path.write_bytes(text)


def by_rename(path: Path, text: bytes) -> None:
    """Written beside and renamed, as editors do."""
    beside = path.with_name(f"{path.name}~")
    beside.write_bytes(text)
    beside.rename(path)


HOWS = (in_place, by_rename)


def read(path: Path) -> bytes | None:
    """The bytes of a file, None when there is none."""
    return path.read_bytes() if path.exists() else None


def edits_on_the_road(setting: Setting) -> Iterator[Row]:
    """Saved while the patch is tried: it is tried again on the new text, or left to the person."""
    with in_memory(setting.folder) as folder:
        for git in (False, True):
            times, broken, outcomes = setting.times(EDITS), list[str](), Counter[str]()
            for number in range(times):
                setting.say(f"cycle {number} of {times}")
                here = Round(folder / "round", [Drop("right", "apple")], git=git)
                here.drop_all()
                text = setting.rng.choice(EDITED)(number)
                run = TRIAL + setting.rng.randrange(3)
                ended(here.start(lambda: edited_at(here, run, text)))  # noqa: B023 -- at once
                final = here.read("apple")
                mended = text.replace("count - ", "count + ")
                outcomes["mended on top" if final == mended != text else "left alone"] += 1
                if final not in (text, mended):
                    broken.append(f"run {run}: it is {final!r}")
                    outcomes["broken"] += 1
                elif final == mended != text and not git:
                    broken += [f for f in faults(here) if "apple.py is" not in f][:1]
                shutil.rmtree(here.folder)
            what = f"{'git' if git else 'plain'}, between test and change"
            yield Row(what, times, len(broken), f"{dict(outcomes)}; {broken[:2] or ''}")


def edited_at(here: Round, run: int, text: str) -> int:
    """A worker's pass in which a person saves the file when the tests begin their `run`-th run."""
    runs, lock = [0], threading.Lock()

    def person() -> None:
        with lock:
            runs[0] += 1
            if runs[0] == run:
                by_rename(here.module / "apple.py", text.encode())

    sandbox = InstantSandbox()
    sandbox.before_run = person
    quiet()
    return here.work(sandbox=sandbox)


EDITED = (
    lambda number: code("apple") + f"# by a person {number}\n",
    lambda number: f"# by a person {number}\n" + code("apple"),
    lambda number: code("apple").replace("count - 11", f"count + 10 + 1  # by hand {number}"),
)


CHECKS = (
    Check(
        "crash.human-edit",
        "a person's save between test and change: 100 of 100 refused or made first, bytes intact",
        human_edits,
    ),
)
