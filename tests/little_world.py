"""A small installation whose worker passes are processes that anything may happen to.

The suite of tests/little_shop.py really runs, in the worker's own process, so that a pass takes
milliseconds.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import daemon.cycle
import daemon.worker
from audit.trail import Trail
from daemon.budget import Budget
from daemon.config.config_file import load_settings
from daemon.desk.progress import Beacon
from daemon.desk.workshop import Workshop
from daemon.engines import BugReport, Case, Declined, Proposal
from daemon.killswitch import KillSwitch, StopSignal
from daemon.road.history import History
from daemon.road.moment import Uptime
from daemon.worker import run_worker
from reflections.store import Store
from sandbox.errors import EngineUnavailable
from sandbox.patch import Hunk, Patch
from sandbox.results import Ending, Outcome, Run
from tests.fakes import LocalBench, LocalSandbox, ScriptedEngine, ScriptedSession
from tests.little_shop import FUNCTIONS, TESTS, module_text, parsed
from tests.mischief import Mischief, in_a_child

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


class QuickBench(LocalBench):
    """Runs the suite in this process: the module and its tests in one namespace."""

    _sandbox: "QuickSandbox"

    def run(self, changes: Mapping[str, bytes] = {}, **more: Any) -> Run:
        """Every test of the changed copy, or `only` these."""
        for trouble in self._sandbox.troubles:
            raise trouble
        kept = self._sandbox.kept(self.tree)
        code = changes.get("shop.py") or (kept / "shop.py").read_bytes()
        space: dict[str, Any] = {}
        exec(code, space)  # noqa: S102 -- our own text
        exec(TESTS.partition("\n")[2], space)  # noqa: S102
        outcomes = {
            f"test_shop.py::test_{name}": _outcome(space[f"test_{name}"]) for name in FUNCTIONS
        }
        only = more.get("only")
        chosen = {test: each for test, each in outcomes.items() if only is None or test in only}
        return Run(
            ending=Ending.FINISHED,
            outcomes=chosen,
            messages={},
            durations={},
            output="",
            seconds=0.01,
            detail="",
            collected=tuple(chosen),
        )


def _outcome(test: Any) -> Outcome:
    try:
        test()
    except AssertionError:
        return Outcome.FAILED
    return Outcome.PASSED


class QuickSandbox(LocalSandbox):
    """Makes benches that need no process. `troubles` are what every run raises, if any."""

    def __init__(self, folder: Path, troubles: list[Exception]) -> None:
        super().__init__(folder)
        self.troubles = troubles

    def prepare(self, module: Any) -> LocalBench:
        """A copy of the module as it is now."""
        for trouble in self.troubles:
            raise trouble
        made = super().prepare(module)
        return QuickBench(made.module, made.tree, self)


class KnowingEngine(ScriptedEngine):
    """Knows what each function should be, and reads the snapshot to find where it stands."""

    def __init__(self) -> None:
        super().__init__(Declined(category="not_in_target", reason="nothing of that name"), [])

    def open(self, case: Case) -> ScriptedSession:
        """A script made for this note."""
        name = case.reflection.reflection.partition(" ")[0]
        script = ScriptedEngine(self.report, [])
        lines, comments = parsed(case.source.text("shop.py") or "")
        known = FUNCTIONS.get(name)
        if known is None:
            return ScriptedSession(script)
        if lines[name] != known.bug:
            script.report = Declined(category="not_a_bug", reason=f"{name} is right by now")
            return ScriptedSession(script)
        script.report = BugReport(
            filename="shop.py", function=name, summary=known.words,
            failing_test=f"test_shop.py::test_{name}",
        )  # fmt: skip
        at = 1 + len(comments) + 4 * list(FUNCTIONS).index(name) + 1
        patch = partial(_patch, at, known.bug)
        if known.right:
            rivals = (patch(known.rival),) if known.rival else ()
            script.answers = [Proposal(patch=patch(known.right), rivals=rivals)]
        else:
            script.answers = [Proposal(patch=patch(each)) for each in known.wrong]
        return ScriptedSession(script)


def _patch(line: int, old: str, new: str) -> Patch:
    hunk = Hunk(
        filename="shop.py", first_line=line, last_line=line,
        original=f"    return {old}\n", replacement=f"    return {new}\n",
    )  # fmt: skip
    return Patch(hunks=(hunk,), rationale="because")


class World:
    """The installation's folders, its clock, and whether its Docker is there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.module = folder / "shop"
        self.module.mkdir(parents=True)
        self.file = self.module / "shop.py"
        self.file.write_text(module_text({n: f.bug for n, f in FUNCTIONS.items()}, []))
        (self.module / "test_shop.py").write_text(TESTS)
        config = folder / "mendd.toml"
        config.write_text(
            'state = "state"\n[[target]]\nname = "shop"\npath = "shop"\ngit = "plain"\n'
            "day_patches = 1000\nregion_edits = 5\ncycles = 0\n[inbox]\nsettle_s = 0.05\n"
        )
        self.settings = load_settings(config)
        self.inbox = self.settings.inbox_path
        self.inbox.mkdir(parents=True)
        self.switch = KillSwitch(self.settings.kill_switch)
        self.now = START
        self.docker = True

    def worker(
        self, *, complete: Sequence[str] = (), settle: bool = False,
        mischief: Mischief | None = None,
    ) -> int:  # fmt: skip
        """One worker's pass in a process of its own; its exit code."""
        self.now += timedelta(seconds=1)
        story = self.folder / "story.txt"
        story.unlink(missing_ok=True)
        code = in_a_child(lambda: self._worker(complete, settle, mischief), story)
        assert not story.exists(), story.read_text()
        return code

    def _worker(self, complete: Sequence[str], settle: bool, mischief: Mischief | None) -> int:
        logging.disable()
        daemon.worker.open_workshop = lambda settings, environ: self._workshop(mischief)  # type: ignore[assignment]
        daemon.cycle.engines_for = lambda job: (KnowingEngine(),)  # type: ignore[assignment]
        os.fsync = os.fdatasync = lambda _: None  # type: ignore[assignment] # no power cuts here
        if mischief:
            mischief.install()
        asked = _Options(complete=complete, settle=settle)
        return run_worker(self.settings, asked)  # type: ignore[arg-type]

    def _workshop(self, mischief: Mischief | None) -> Workshop:
        settings, state = self.settings, self.state
        troubles = mischief.engine_gone if mischief else []
        if not self.docker:
            troubles.append(EngineUnavailable("no engine answers"))
        sandbox = QuickSandbox(self.folder / "copies", troubles)
        switch = KillSwitch(settings.kill_switch)
        stop = StopSignal(switch)
        stop.listen(signals=False)
        return Workshop(
            settings=settings,
            store=Store(state),
            trail=Trail(state / "audit" / "trail.jsonl", clock=lambda: self.now),
            sandbox=sandbox,  # type: ignore[arg-type]
            history=History(state / "history"),
            budget=Budget(state / "budget.json", settings.budget),
            beacon=Beacon(state),
            kill_switch=switch,
            stop=stop,
            environ={},
            clock=lambda: self.now,
            steady=lambda: Uptime(boot="this", seconds=self.now.timestamp()),
        )


@dataclass(frozen=True, kw_only=True)
class _Options:
    complete: Sequence[str]
    settle: bool
    housekeep: bool = False


def note_text(words: str, number: int, when: datetime) -> str:
    """A note as agents write it; another `number` makes another note on the same failure."""
    return json.dumps(
        {
            "timestamp": when.isoformat(),
            "task_summary": f"task {number}",
            "outcome": f"failed: it gave {number}",
            "reflection": words,
        }
    )


def throw(path: Path, form: str) -> None:
    """The kill switch in one of its forms."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "folder":
        path.mkdir()
    elif form == "fifo":
        os.mkfifo(path)
    elif form == "dangling link":
        path.symlink_to("nowhere-at-all")
    elif form == "unreadable file":
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0))
    else:
        path.write_text("enough (by ada)\n")


FORMS = ("file", "dangling link", "unreadable file", "folder", "fifo")
