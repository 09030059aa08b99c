"""A day of the service in minutes: timers, notes, orders, faults, and what it costs."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from audit.trail import Trail, verify
from daemon.desk.lock import held_by
from daemon.supervision.crontab import crontab, times_between
from daemon.supervision.schedule import LATE_S
from tests.hurried_service import MIDNIGHT, simulated
from tests.soak.check import Check, Row, Setting

HOME = Path(__file__).parents[2]
SPEED = 288.0  # a day in five minutes
HOURS, STEPS = 24, 10_000
LEAST_HOURS = 3
WARM_H = 1.0
MIB_PER_HOUR = 1.0
WATCHDOG_S = 4.0
EVERY = "*/5 * * * *"
EVERY_S = 300
CONFIG = f"""\
state = "."
[[target]]
name = "example"
path = "target"
[service]
every = "{EVERY}"
retry_s = 1
retry_most_s = 2
[inbox]
scan_s = 5
"""
WORKER = """
import os, pathlib, signal, sys, time
state = pathlib.Path(sys.argv[1])
if "--settle" not in sys.argv and "--housekeep" not in sys.argv:
    names = [e.path for f in ("orders", "inbox") for e in os.scandir(state / f) if e.is_file()]
    for name in names:
        os.unlink(name)
    if any("crash" in name for name in names):
        os.kill(os.getpid(), signal.SIGKILL)
    if any("slow" in name for name in names):
        time.sleep(1.5)
"""


class Day:
    """The service's process, and everything that is done to it."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.state, self.rng = folder, rng
        self.began = time.time()
        self.tally: Counter[str] = Counter()
        self.fed: list[float] = []
        self.slept: list[tuple[float, float]] = []
        (folder / "target").mkdir()
        (folder / "mendd.toml").write_text(CONFIG)
        (folder / "worker.py").write_text(WORKER)
        worker = [sys.executable, "-I", "-S", str(folder / "worker.py"), str(folder)]
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind(str(folder / "notify"))
        self._ear.setblocking(False)
        watched = {
            "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
        }  # fmt: skip
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "tests.hurried_service", str(folder / "mendd.toml"),
                    json.dumps(worker), str(self.began), str(SPEED),
                ],
                cwd=HOME, stderr=log, env={**os.environ, **watched},
            )  # fmt: skip
        while b"watching" not in (folder / "log").read_bytes():
            assert self.process.poll() is None, (folder / "log").read_text()
            time.sleep(0.01)

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return simulated(time.time(), self.began, SPEED)

    # What may happen, one of them at each step.

    def step(self) -> None:
        """One thing, as often as its weight says."""
        chosen = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        self.tally[chosen] += 1
        number = sum(self.tally.values())
        if chosen in ("note", "crash", "slow"):
            (self.state / "inbox").mkdir(exist_ok=True)
            (self.state / "inbox" / f"{chosen}-{number}.json").write_text("{}")
        elif chosen == "order":
            (self.state / "orders" / f"{number}.json").write_text("{}")
        elif chosen == "due":
            due = (self.now - timedelta(seconds=1)).isoformat()
            (self.state / "due.json").write_text(json.dumps({"next": due}))
        elif chosen != "nothing":
            getattr(self, chosen)()
        self.listen()

    def switch(self) -> None:
        """On for a while: some scheduled runs fall into it."""
        (self.state / "KILL").touch()
        self._pause(self.rng.uniform(0.1, 2))
        (self.state / "KILL").unlink()

    def suspended(self) -> None:
        """The machine sleeps."""
        self.process.send_signal(signal.SIGSTOP)
        begun = time.time()
        time.sleep(self.rng.uniform(0.5, 3))
        self.process.send_signal(signal.SIGCONT)
        self.slept.append((begun, time.time()))

    def reload(self) -> None:
        """SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def replaced(self) -> None:
        """The inbox is another folder; what lay in the old one is moved over."""
        inbox, old = self.state / "inbox", self.state / "old"
        inbox.rename(old)
        inbox.mkdir(exist_ok=True)
        for path in old.iterdir():
            path.rename(inbox / path.name)
        old.rmdir()

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.02)
            self.listen()

    # What it costs.

    def listen(self) -> None:
        """Systemd's ear: when the watchdog was fed."""
        while True:
            try:
                said = self._ear.recv(4096)
            except BlockingIOError:
                return
            if said == b"WATCHDOG=1":
                self.fed.append(time.time())

    def sample(self) -> tuple[float, float, int, int]:
        """Simulated hours, resident MiB, open descriptors, threads."""
        proc = Path("/proc") / str(self.process.pid)
        fields = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        hours = (self.now - MIDNIGHT).total_seconds() / 3600
        open_ones = len(list((proc / "fd").iterdir()))
        return hours, int(fields["VmRSS"].split()[0]) / 1024, open_ones, int(fields["Threads"])

    def end(self) -> int:
        """Its exit code, once all that was dropped is worked off."""
        deadline = time.monotonic() + 60
        while any(p.is_file() for p in (self.state / "inbox").iterdir()):
            assert time.monotonic() < deadline, "notes stay in the inbox"
            self._pause(0.1)
        self.ended = self.now
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._ear.close()
        return code

    def records(self, event: str) -> list[dict[str, Any]]:
        """The data of all records of one event."""
        trail = Trail(self.state / "audit" / "trail.jsonl")
        return [dict(record.data) for record in trail.records(event=event)]

    def starts(self) -> list[datetime]:
        """When workers were started for work, in simulated time."""
        lines = map(json.loads, (self.state / "starts.jsonl").read_text().splitlines())
        return sorted(simulated(at, self.began, SPEED) for duty, at in lines if duty == "work")


WEIGHTS = {
    "nothing": 300, "note": 400, "order": 150, "due": 100, "crash": 20, "slow": 5, "reload": 10,
    "switch": 8, "replaced": 4, "suspended": 3,
}  # fmt: skip


def day(setting: Setting) -> Iterator[Row]:
    """Steps at random, spread over the hours; then the books."""
    hours = max(LEAST_HOURS, setting.times(HOURS))
    steps = round(STEPS * hours / HOURS)
    here = Day(setting.folder, setting.rng)
    samples = []
    try:
        for number in range(steps):
            here.step()
            if number % 20 == 0:
                samples.append(here.sample())
                setting.say(f"{number} of {steps}: {samples[-1]}")
            late = number / steps * hours * 3600 / SPEED - (time.time() - here.began)
            time.sleep(max(0.0, late))
        code = here.end()
    finally:
        here.process.kill()
        here.process.wait()
    seen = f"{hours} simulated hours in {time.time() - here.began:.0f} s"
    broken = (code != 0) + (not verify(here.state / "audit" / "trail.jsonl").ok)
    broken += held_by(here.state / "service.lock") is not None
    yield Row("steps", steps, broken, f"{seen}; {dict(here.tally)}")
    yield schedule_kept(here)
    yield from growth(samples)
    yield watchdog(here)


def schedule_kept(here: Day) -> Row:
    """Every run of the crontab began in time, or is on record as missed."""
    expected = times_between(crontab(EVERY), MIDNIGHT, here.ended - timedelta(seconds=EVERY_S))
    first = here.starts()[0]
    expected = [each for each in expected if each > first]
    spans = [
        (datetime.fromisoformat(each["first"]), datetime.fromisoformat(each["last"]))
        for each in here.records("missed") if each["job"] == "cycle"
    ]  # fmt: skip
    starts = here.starts()
    missed = [t for t in expected if any(a <= t <= b for a, b in spans)]
    silent = [
        t for t in expected if t not in missed
        and not any(t <= s < t + timedelta(seconds=LATE_S) for s in starts)
    ]  # fmt: skip
    figure = f"{len(missed)} missed and on record, {len(starts)} workers started"
    if silent:
        figure += f"; silent: {', '.join(f'{t:%H:%M}' for t in silent[:5])}"
    return Row("scheduled runs, begun or on record as missed", len(expected), len(silent), figure)


def growth(samples: list[tuple[float, float, int, int]]) -> Iterator[Row]:
    """Memory by the hour; descriptors and threads in the first and in the last third.

    The lower quartile of a third: a worker that runs at a sample has a descriptor of its own, and
    for a moment of each reload there are fewer.
    """
    warm = [each for each in samples if each[0] >= WARM_H]
    slope = slope_of([(hours, mib) for hours, mib, _, _ in warm])
    figure = f"{slope:+.3f} MiB/h, {warm[0][1]:.1f} MiB to {warm[-1][1]:.1f} MiB"
    yield Row("samples of resident memory", len(warm), int(slope > MIB_PER_HOUR), figure)
    third = len(warm) // 3
    for at, what in ((2, "open descriptors"), (3, "threads")):
        before, after = (
            quantiles([each[at] for each in part], n=4)[0] for part in (warm[:third], warm[-third:])
        )
        yield Row(f"{what} do not grow", len(warm), int(after > before), f"{before}, then {after}")


def slope_of(points: list[tuple[float, float]]) -> float:
    """Least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return above / sum((x - mean_x) ** 2 for x, _ in points)


def watchdog(here: Day) -> Row:
    """Fed in time whatever happened, but for the time the machine slept."""
    gaps = [
        b - a - sum(max(0.0, min(b, e) - max(a, s)) for s, e in here.slept)
        for a, b in zip(here.fed, here.fed[1:], strict=False)
    ]  # fmt: skip
    hungry = sum(gap > WATCHDOG_S for gap in gaps)
    return Row("watchdog fed in time", len(gaps), hungry, f"longest {max(gaps):.1f} s of 4 s")


CHECKS = (
    Check(
        "service.day",
        "10,000 steps over a simulated day: no run missed in silence, memory slope at most 1 MiB "
        "an hour, descriptors and threads do not grow, the watchdog is fed",
        day,
    ),
)
