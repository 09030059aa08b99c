"""Screening: a warm process that has collected the tests, and one fork for each candidate.

Requests arrive as JSON lines, answers go out as JSON lines, in order:

    -> {"do": "spectrum", "tests": [ids], "cpu_s": 5, "wall_s": 30, "within_s": 60}
        (with "file": f, "hunks": [...] under a patch)
    <- {"test": id, "outcome": ..., "lines": {file: [numbers]}, ...}, ..., {"end": "spectrum"}
    -> {"do": "screen", "file": f, "candidates": [[n, hunks], ...], "goal": [ids], "rest": [ids],
        "cpu_s": [seconds per test], "wall_s": 2, "within_s": 60, "all": false}
    <- {"n": n, "green": [places in goal], "stop": null | [id, why], "cold": false}, ...,
       {"end": "screen", "cpu_s": processor seconds of this guest so far}
    -> {"do": "probe", ...} see screen_probe.py

The first answer is {"collected": [ids], "errors": [ids], "python": "3.11"}. Nothing goes on for
longer than `within_s`: a candidate whose turn comes later is answered ["", "late"]. State cannot
leak from one candidate to the next: each has a process of its own.
"""

import gc
import resource
import sys
import time
from pathlib import Path
from signal import ITIMER_PROF, setitimer
from typing import Any, Protocol

import pytest

from . import screen_probe, spectrum
from .import_limit import ImportLimit
from .screen_cold import Zygote
from .screen_fork import Board, adopt_orphans, limit_memory, quick_child, silence
from .screen_run import Skipped, quietly, runner
from .screen_swap import LoadedFile

Message = dict[str, Any]


class Channel(Protocol):
    """The duplex line of JSON to the host."""

    def send(self, message: Message) -> None: ...
    def receive(self) -> Message | None: ...


def main(job: Message, channel: Channel) -> None:
    """Collect the tests of the working folder once, then answer until the host leaves."""
    if job.get("module_path", True):  # as `python -m pytest` does
        sys.path.insert(0, str(Path.cwd()))
    sys.dont_write_bytecode = True
    silence()
    arguments = [str(a) for a in job.get("arguments", [])]
    zygote = Zygote(arguments)
    adopt_orphans()
    server = Server(channel, job, zygote)
    try:
        pytest.main([*QUIET_ARGUMENTS, *arguments], plugins=[server, ImportLimit()])
    finally:
        zygote.close()
    if not server.started:
        channel.send({"collected": [], "errors": ["pytest could not start"]})


LATE = {"green": [], "stop": ["", "late"]}
QUIET_ARGUMENTS = ("-q", "-s", "-p", "no:cacheprovider", "-p", "no:faulthandler")


class Server:
    """A pytest plugin whose "run loop" answers the host's requests."""

    def __init__(self, channel: Channel, job: Message, zygote: Zygote) -> None:
        self.channel = channel
        self.memory_mib = int(job.get("memory_mib", 128))
        self.zygote = zygote
        self.files: dict[str, LoadedFile] = {}
        self.items: dict[str, pytest.Item] = {}
        self.plan = Plan([], [], {})
        self.errors: list[str] = []
        self.started = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what could not be collected."""
        if report.failed:
            self.errors.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running the tests: serve."""
        self.started = True
        self.items = {item.nodeid: item for item in session.items}
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        self.channel.send({"collected": list(self.items), "errors": self.errors, "python": version})
        with quietly(session.config, session.items):
            gc.collect()
            limit_memory(self.memory_mib)
            gc.freeze()  # forked children then do not copy pages only to count references
            self._serve()
        return True

    def _serve(self) -> None:
        while (request := self.channel.receive()) is not None:
            if request.get("do") == "spectrum":
                spectrum.answer(request, self.channel, self.items, self.loaded, self.memory_mib)
            elif request.get("do") == "screen":
                self._screen(request)
            elif request.get("do") == "probe":
                screen_probe.answer(request, self.channel, self.items, self.loaded, self.memory_mib)
            else:
                self.channel.send({"end": "unknown request"})

    def loaded(self, filename: str) -> LoadedFile:
        """The file as this process has it, read once."""
        if filename not in self.files:
            gc.unfreeze()  # frozen objects are not among gc.get_objects()
            self.files[filename] = LoadedFile((Path.cwd() / filename).resolve())
            gc.freeze()
        return self.files[filename]

    def _screen(self, request: Message) -> None:
        file = self.loaded(request["file"])
        if request["rest"] != self.plan.rest or request["goal"] != self.plan.goal:
            self.plan = Plan(request["goal"], request["rest"], self.items)
        until = time.monotonic() + request["within_s"]
        for number, hunks in request["candidates"]:
            left_s = until - time.monotonic()
            found = self._try(request, file, hunks, left_s) if left_s > 0 else LATE
            self.channel.send({"n": number, **found})
        self.channel.send({"end": "screen", "cpu_s": round(processor_seconds(), 3)})

    def _try(self, request: Message, file: LoadedFile, hunks: list[Any], left_s: float) -> Message:
        """One candidate in a process of its own."""
        plan, board = self.plan, self.plan.board
        try:
            swap = file.prepared([(int(a), int(b), str(text)) for a, b, text in hunks])
        except (SyntaxError, ValueError, RecursionError):
            return {"green": [], "stop": ["", "syntax"]}
        if swap is None:
            return {**self.zygote.run(request, file.path, hunks, left_s), "cold": True}

        def work() -> None:
            swap()
            plan.run(request["cpu_s"], keep_going=bool(request.get("all")))

        board.clear()
        ending = quick_child(work, cpu_s=1.0, wall_s=min(request["wall_s"], left_s))
        return plan.verdict(ending)


def processor_seconds() -> float:
    """What this process and its ended children have used."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usage)


def missing() -> BaseException:
    """Stands for a test that was not collected, e.g. because its file could not be imported."""
    return LookupError("not collected")


class Plan:
    """Which tests a candidate runs: the goal's first, then those that must stay green."""

    def __init__(self, goal: list[str], rest: list[str], items: dict[str, pytest.Item]) -> None:
        self.goal, self.rest = goal, rest
        self.names = [*goal, *rest]
        self.goals = len(goal)
        self.runners = [runner(items[test]) if test in items else missing for test in self.names]
        self.board = Board(len(self.names))

    def run(self, cpu_s: list[float], *, keep_going: bool) -> None:
        """In the child: stop at the first test that does not pass (`keep_going`: of the rest).

        Each test has its own limit of processor time, so a hang ends as soon as it can be told.
        """
        failed = False
        for place, test in enumerate(self.runners):
            if failed and (place >= self.goals or not keep_going):
                return
            setitimer(ITIMER_PROF, cpu_s[place])
            raised = test()
            if raised is None:
                self.board.note(place, Board.GREEN)
                continue
            failed = True
            self.board.note(place, Board.SKIPPED if isinstance(raised, Skipped) else Board.RED)
            self.board.says(type(raised).__name__)
        if not failed:
            self.board.says("plausible")

    def verdict(self, ending: str) -> Message:
        """What the board and the child's end say: which goal tests are green, what stopped it."""
        marks = self.board.marks(len(self.names))
        green = [i for i in range(self.goals) if marks[i] == Board.GREEN]
        if ending == "done" and self.board.word == "plausible" and all(marks):
            return {"green": green, "stop": None}
        bad = [i for i, mark in enumerate(marks) if mark != Board.GREEN]
        at = self.names[bad[0]] if bad else ""
        return {
            "green": green,
            "stop": [at, (self.board.word or "crashed") if ending == "done" else ending],
        }
