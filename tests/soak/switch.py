"""The kill switch at random moments of the real service, with real containers at work."""

import contextlib
import json
import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from sandbox.launch import state_label
from sandbox.trial import Limits, Sandbox
from tests.conftest import engine_answers
from tests.end_to_end.conftest import Site
from tests.little_world import FORMS, throw
from tests.soak.check import CannotRun, Check, Row, Setting

MOMENTS = 100
WINDOW_S = 5.0
NARROW_S = 0.03  # every fourth moment lies within this after a change of the module has begun
HOLD_S = 1.0
GONE_S = 2.0
WANTED_S = 1.0
PATIENCE_S = 240.0
ENDS = ("alerts", "checkpoint", "starting")  # a pass about to end, or one that has not begun
NAMES = tuple("".join(pair) for pair in product("bcdfghklmnprstvw", "aeiou"))
CODE = "def restock_{0}(count):\n    return count - 1\n"
TEST = (
    "from shelf_{0} import restock_{0}\n\n\n"
    "def test_some_{0}():\n    assert restock_{0}(5) == 6\n\n\n"
    "def test_none_{0}():\n    assert restock_{0}(0) == 1\n\n\n"
    "def test_debt_{0}():\n    assert restock_{0}(-3) == -2\n"
)


class Shelves:
    """An installation with one bug on each of many shelves; a note for each, one by one."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        for old in self.site.module.iterdir():
            old.unlink()
        self.site.configure(target='engine = "search"', rest="[service]\nretry_s = 1\n")
        self.told: list[str] = []
        import docker

        self._docker = docker.from_env()
        for name in NAMES:
            (self.site.module / f"shelf_{name}.py").write_text(CODE.format(name))
            (self.site.module / f"test_{name}.py").write_text(TEST.format(name))

    def tell_more(self, open_ones: int) -> None:
        """Notes until so many are not mended yet."""
        applied = len(self.site.records("applied"))
        while len(self.told) - applied < open_ones and len(self.told) < len(NAMES):
            name = NAMES[len(self.told)]
            self.told.append(name)
            note = {
                "outcome": f"failed: restock_{name}(5) gave 4 instead of 6",
                "reflection": f"restock_{name} in shelf_{name}.py takes one away",
            }
            self.site.drop(note, name=f"{name}.json")

    def files(self) -> dict[Path, bytes]:
        """The module's own files."""
        return {path: path.read_bytes() for path in self.site.module.glob("shelf_*.py")}

    def running(self) -> list[str]:
        """The containers of this installation that run."""
        label = f"mendd.state={state_label(self.site.state)}"
        found = self._docker.api.containers(quiet=True, filters={"label": label})
        return [str(each["Id"]) for each in found]

    def progress(self) -> dict[str, Any] | None:
        """What a worker says it is at."""
        try:
            return dict(json.loads((self.site.state / "progress.json").read_text()))
        except (OSError, ValueError):
            return None

    def about_to_apply(self) -> None:
        """Wait until a worker says so."""
        end = time.monotonic() + PATIENCE_S / 4
        while time.monotonic() < end and (self.progress() or {}).get("stage") != "apply":
            time.sleep(0.001)

    def close(self) -> None:
        """Nothing of it is left."""
        if self.site.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.site.process.send_signal(signal.SIGTERM)
            self.site.process.wait(60)
        sandbox = Sandbox(
            docker_host=None, limits=Limits(), slots=1, state=self.site.state,
            progress=lambda _: None,
        )  # fmt: skip
        sandbox.sweep()
        sandbox.prune(0)
        sandbox.close()
        self._docker.close()


class Spell:
    """One moment: the switch appears, everything is looked at, it is lifted again."""

    def __init__(self, shelves: Shelves, form: str) -> None:
        self.shelves, self.form = shelves, form
        self.gone_s: float | None = None
        self.at: dict[str, Any] | None = None  # what a worker was at for certain
        self.faults: dict[str, str] = {}
        self._switch = shelves.site.state / "KILL"

    def thrown(self) -> None:
        """Throw it and look until nothing runs, and for a while after."""
        site = self.shelves.site
        self._killed = len(site.records("killed"))
        self._before, at, ran = (
            self.shelves.files(),
            self.shelves.progress(),
            self.shelves.running(),
        )
        begun = time.monotonic()
        throw(self._switch, self.form)
        self.at = at if at and self.shelves.progress() == at and at["stage"] not in ENDS else None
        last = begun if ran else 0.0  # one may be on its way to start: looked for a while
        while (now := time.monotonic()) - max(last, begun) < HOLD_S:
            if self.shelves.running():
                last = time.monotonic()
            if now - begun > PATIENCE_S:
                self.faults["containers"] = "they stay"
                return
            time.sleep(0.005)
        self.gone_s = last - begun if last else None
        patiently(lambda: len(site.records("killed")) > self._killed, "killed")

    def held(self) -> None:
        """Nothing is applied, nothing started."""
        for _ in range(5):
            if self.shelves.running():
                self.faults["applied"] = "a container was started long after it"
            time.sleep(0.1)
        since = os.lstat(self._switch).st_ctime_ns
        for path, data in self.shelves.files().items():
            if data != self._before[path] and path.stat().st_ctime_ns > since:
                self.faults["applied"] = f"{path.name} was changed after the switch"
        if len(self.shelves.site.records("killed")) != self._killed + 1:
            self.faults["told"] = "not recorded exactly once"

    def told(self) -> None:
        """The operator sees why, since when, and what was under way."""
        found = json.loads(self.shelves.site.mendd("status", "--json"))["kill_switch"]
        record = self.shelves.site.records("killed")[-1]
        if not found["on"] or not found["since"] or not record["data"]["reason"]:
            self.faults["told"] = f"status says {found}"
        if self.form == "file" and "enough" not in found["reason"]:
            self.faults["told"] = "the reason is not shown"
        stopped = found["stopped"]
        if self.at and (stopped is None or stopped["reflection"] != self.at["reflection"]):
            self.faults["told"] = f"it was at {self.at}, status says {stopped}"

    def restarted(self, how: signal.Signals) -> None:
        """The service goes and comes back; the switch is on all the time."""
        site = self.shelves.site
        assert site.process is not None
        started = len(site.records("started"))
        site.process.send_signal(how)
        site.process.wait(60)
        site.start()
        patiently(lambda: len(site.records("started")) > started, "started")
        before = dict(self.faults)
        self.held()
        if self.faults != before:
            self.faults["restart"] = str(self.faults)

    def lifted(self) -> None:
        """As an operator does it."""
        resumed = len(self.shelves.site.records("resumed"))
        self.shelves.site.mendd("on")
        patiently(lambda: len(self.shelves.site.records("resumed")) > resumed, "resumed")


def moments(setting: Setting) -> Iterator[Row]:
    """So many spells in one run of the service; at its end every note is mended, once."""
    if not engine_answers():
        raise CannotRun("no Docker engine answers")
    shelves, rng = Shelves(setting.folder), setting.rng
    try:
        shelves.site.start()
        spells = list(spells_of(shelves, setting.times(MOMENTS), rng, setting.say))
        changing = sum((spell.at or {}).get("stage") == "apply" for spell in spells)
        faults = sorted({word for spell in spells for word in spell.faults.values()})
        figure = "; ".join([f"{changing} while a file was about to change", *faults])
        yield Row("nothing applied after it appears", len(spells), count(spells, "applied"), figure)
        yield gone(spells)
        restarts = [spell for number, spell in enumerate(spells) if number % 5 == 4]
        yield Row("holds across a restart", len(restarts), count(restarts, "restart"))
        named = sum(spell.at is not None for spell in spells)
        what = f"{named} with work under way"
        yield Row("operator sees why and what", len(spells), count(spells, "told"), what)
        yield mended(shelves, len(spells))
    finally:
        shelves.close()


def spells_of(
    shelves: Shelves, times: int, rng: random.Random, say: Callable[[str], None]
) -> Iterator[Spell]:
    """One spell after the other, each at a random moment of the work."""
    forms = list(FORMS)
    for number in range(times):
        if number % len(FORMS) == 0:
            rng.shuffle(forms)
        shelves.tell_more(2)
        if number % 4 == 3:
            shelves.about_to_apply()
            time.sleep(rng.uniform(0, NARROW_S))
        else:
            time.sleep(rng.uniform(0, WINDOW_S))
        spell = Spell(shelves, forms[number % len(FORMS)])
        spell.thrown()
        spell.held()
        spell.told()
        if number % 5 == 4:
            spell.restarted(rng.choice([signal.SIGTERM, signal.SIGKILL]))
        spell.lifted()
        say(f"{number + 1} of {times}: {spell.form}, {spell.gone_s}, {spell.faults}")
        yield spell


def count(spells: list[Spell], kind: str) -> int:
    """In how many this did not hold."""
    return sum(kind in spell.faults for spell in spells)


def gone(spells: list[Spell]) -> Row:
    """How long containers outlived the switch."""
    seconds = sorted(spell.gone_s for spell in spells if spell.gone_s is not None)
    late = sum(each > GONE_S for each in seconds) + count(spells, "containers")
    if len(seconds) < 2:
        return Row("no container after 2 s", len(seconds), late)
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    figure = (
        f"p50 {statistics.median(seconds):.2f} s, p95 {p95:.2f} s, max {seconds[-1]:.2f} s, "
        f"{sum(each > WANTED_S for each in seconds)} over {WANTED_S:g} s; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    return Row("no container after 2 s", len(seconds), late, figure)


def mended(shelves: Shelves, spells: int) -> Row:
    """Every note came to its end exactly once; every spell began and ended on record."""
    site = shelves.site
    patiently(lambda: len(site.records("applied")) >= len(shelves.told), "all applied")
    assert site.process is not None
    site.process.send_signal(signal.SIGTERM)
    site.process.wait(60)
    site.process = None
    texts = {path.name: data.decode() for path, data in shelves.files().items()}
    wrong = [
        name for name in NAMES if ("- 1" in texts[f"shelf_{name}.py"]) == (name in shelves.told)
    ]
    wrong += ["records"] * (len(site.records("applied")) != len(shelves.told))
    wrong += ["spells"] * (len(site.records("killed")) != spells)
    wrong += ["spells"] * (len(site.records("resumed")) != spells)
    wrong += ["trail"] * (not site.trail_is_whole())
    return Row(
        "every note mended exactly once after it", len(shelves.told), len(wrong), str(wrong or "")
    )


def patiently(holds: Callable[[], object], what: str) -> None:
    """Until it holds. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"not {what} within {PATIENCE_S:g} s")
        time.sleep(0.05)


CHECKS = (
    Check(
        "switch.moments",
        "at 100 random moments in five forms: nothing applied after it, no container after 2 s, "
        "it holds, is told, and nothing is lost or repeated",
        moments,
    ),
)
