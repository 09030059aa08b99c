"""Benches without containers, for a machine whose containers get no processor time.

The guest's code, the tests, Python's and pytest's versions are those of the containers; what is
missing is the wall around them. Each guest is a process of the user `nobody` on a copy of the tree
of its own, so run this only with subjects whose mutants you would run by hand. Needs root.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.results import Ending, Outcome, Run
from sandbox.tree import scan_tree
from sandbox.trial import Module
from tests import local_guest

PYTHON = "/usr/bin/python3"
PYTEST = "pytest==7.2.1"
NOBODY = 65534
PLUGIN = """\
import json, os

lines = open(os.environ["OUTCOMES"], "a")


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        word = "error" if report.failed and report.when != "call" else report.outcome
        if hasattr(report, "wasxfail"):
            word = "xfailed" if report.skipped else "xpassed"
        lines.write(json.dumps([report.nodeid, word, report.duration]) + "\\n")
        lines.flush()


def pytest_collectreport(report):
    if report.failed:
        lines.write(json.dumps([report.nodeid, "error", 0.0]) + "\\n")
"""


class LocalSandbox:
    """The part of a Sandbox that the benchmark uses."""

    def __init__(self, site: Path, timeout_s: float) -> None:
        """`site`: a folder with pytest in it, made when it is missing."""
        self.site, self.timeout_s = site, timeout_s
        if not site.exists():
            shutil.copytree(local_guest.ROOT / "sandbox" / "guest", site / "sandbox" / "guest")
            (site / "tests").mkdir()
            shutil.copy(local_guest.__file__, site / "tests" / "local_guest.py")
            (site / "outcomes.py").write_text(PLUGIN)
            subprocess.run(
                [sys.executable, "-m", "pip", "install", "-q", "--target", str(site), PYTEST],
                check=True, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    def prepare(self, module: Module) -> "LocalBench":
        """Nothing to build."""
        return LocalBench(module, self)

    def prune(self, keep: int) -> int:
        """No images."""
        return 0

    def close(self) -> None:
        """Nothing is held."""


class LocalBench:
    """The part of a Bench that the engine and the benchmark use."""

    def __init__(self, module: Module, sandbox: LocalSandbox) -> None:
        self.module, self.sandbox, self.tree = module, sandbox, scan_tree(module.root)

    def started(self, files: Mapping[str, bytes], argv: Sequence[str], **more: Any) -> "Guest":
        """A process of nobody's in a copy of the tree."""
        return Guest(self, files, argv, **more)

    def run(self, changes: Mapping[str, bytes] = {}, **_: Any) -> Run:
        """All tests of the changed copy."""
        argv = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "outcomes"]
        began = time.monotonic()
        guest = self.started(changes, argv, stdout=subprocess.DEVNULL)
        try:
            guest.process.wait(self.sandbox.timeout_s)
            ending = Ending.FINISHED
        except subprocess.TimeoutExpired:
            ending = Ending.TIMED_OUT
        rows = [json.loads(line) for line in guest.said()]
        guest.close()
        return Run(
            ending=ending, outcomes={test: Outcome(word) for test, word, _ in rows}, messages={},
            durations={test: seconds for test, _, seconds in rows}, output="",
            seconds=time.monotonic() - began, detail="", collected=tuple(row[0] for row in rows),
        )  # fmt: skip

    def session(self, job: Mapping[str, Any], *, files: Mapping[str, bytes], **_: Any) -> "Line":
        """A warm guest on the changed copy."""
        return Line(self, files, job)

    def room(self) -> int:
        """One guest."""
        return 1

    def close(self) -> None:
        """Nothing is held."""


class Guest:
    """A process and its copy of the tree; both are gone after `close`."""

    def __init__(
        self, bench: LocalBench, files: Mapping[str, bytes], argv: Sequence[str], **more: Any
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mutant-guest-"))
        self.root = self.folder / "module"
        shutil.copytree(bench.module.root, self.root)
        for name, data in files.items():
            (self.root / name).write_bytes(data)
        (self.folder / "tmp").mkdir()
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        environment = {
            "PATH": "/nowhere", "PYTHONPATH": str(bench.sandbox.site), "PYTHONHASHSEED": "0",
            "OUTCOMES": str(self.folder / "outcomes"), "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8", "HOME": str(self.folder),
        }  # fmt: skip
        self.process = subprocess.Popen(
            [PYTHON, "-B", *argv], cwd=self.root, env=environment, user=NOBODY, group=NOBODY,
            extra_groups=[], start_new_session=True, stderr=subprocess.DEVNULL, umask=0o022,
            stdin=more.get("stdin", subprocess.DEVNULL), stdout=more["stdout"],
        )  # fmt: skip

    def said(self) -> list[str]:
        """The lines of outcomes."""
        path = self.folder / "outcomes"
        return path.read_text().splitlines() if path.exists() else []

    def close(self) -> None:
        """End the process and whatever it left in its session; take the copy away."""
        for who in (self.process.pid, *_session(self.process.pid)):
            try:
                os.kill(who, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _session(leader: int) -> list[int]:
    """Processes of that session: forked candidates have groups of their own."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[3] == str(leader):
            found.append(int(path.parent.name))
    return found


class Line(local_guest.LocalLine):
    """The engine's line to such a guest."""

    def __init__(
        self, bench: LocalBench, files: Mapping[str, bytes], job: Mapping[str, Any]
    ) -> None:
        script = str(bench.sandbox.site / "tests" / "local_guest.py")
        pipe = subprocess.PIPE
        self._guest = bench.started(files, [script], stdin=pipe, stdout=pipe)
        self._process = self._guest.process
        self._rest = b""
        self.send({**job})

    def close(self) -> None:
        """End the guest."""
        self._guest.close()
