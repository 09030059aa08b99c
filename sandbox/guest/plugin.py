"""The pytest plugin: one line per test and phase while it happens, a canary, and a last word.

Works with pytest 7 to 9. It also orders the tests (`first`), narrows them (`only`), adds the
extra test files, and keeps plugins quiet that would reorder, repeat, cache or fan out.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from .channel import Channel

TREE = "/module"
MESSAGE_BYTES = 6000
IDS_A_LINE = 200


def main(job: dict[str, Any], channel: Channel) -> int:
    """Run pytest in this process; its exit code."""
    if job["module_path"]:
        sys.path.insert(0, TREE)
    args = [*job["args"], *quieted(), f"--rootdir={TREE}", "--continue-on-collection-errors"]
    args += ["--maxfail=0", "-p", "no:cacheprovider"]
    sys.argv = [pytest.__file__.replace("__init__", "__main__"), *job["args"]]
    reporter = Reporter(job, channel)
    plugins: list[Any] = [reporter, CanaryKeeper(reporter)]
    if job["only"] is not None:
        plugins.append(Narrower(job["only"]))
    code = int(pytest.main(args, plugins=plugins))
    if os.getpid() == reporter.pid:
        channel.send({"k": "finish", "exit": code, "stopped": reporter.stopped})
    return code


def quieted() -> list[str]:
    """Options that switch off what would change order, number or timing of tests."""
    wanted = {
        "xdist": ["-n0"],
        "pytest_randomly": ["-p", "no:randomly"],
        "random_order": ["-p", "no:random_order"],
        "pytest_rerunfailures": ["--reruns=0"],
        "pytest_cov": ["--no-cov"],
    }
    return [
        option
        for module, options in wanted.items()
        if importlib.util.find_spec(module) is not None
        for option in options
    ]


class Canary(pytest.Item):
    """A test that must fail: a run in which it does not is a forged one."""

    def runtest(self) -> None:
        """Fail the ordinary way."""
        raise AssertionError("this test always fails")

    def repr_failure(self, excinfo: Any, style: Any = None) -> str:
        """No traceback of ours in the target's output."""
        return "the sandbox's own must-fail test"

    def reportinfo(self) -> Any:
        """Where it stands: nowhere in the target."""
        return TREE, None, self.name


class CanaryKeeper:
    """Runs the canary through pytest's own machinery, but keeps it out of what is printed."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> bool | None:
        """The usual phases and hooks; only the log is left out."""
        if not isinstance(item, Canary):
            return None
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            self.reporter.pytest_runtest_logreport(report)
        return True


class Narrower:
    """With `only`, imports no test file that holds none of them.

    A plugin of its own, because its hook runs for every file: 10,000 times in a large tree.
    """

    def __init__(self, only: list[str]) -> None:
        self.files = {name.split("::")[0] for name in only}

    def pytest_ignore_collect(self, collection_path: Any) -> bool | None:
        """Packages and conftest files stay, they may be needed."""
        if collection_path.suffix != ".py" or collection_path.name in (
            "__init__.py",
            "conftest.py",
        ):
            return None
        return os.path.relpath(str(collection_path), TREE) not in self.files or None


class Reporter:
    """Turns pytest's hooks into lines."""

    def __init__(self, job: dict[str, Any], channel: Channel) -> None:
        self.job, self.channel, self.pid = job, channel, os.getpid()
        self.names: dict[Any, str] = {}  # item -> the id we report, unique within the run
        self.current = ""
        self.seen: dict[Any, int] = {}
        self.seconds = 0.0  # of passed phases that got no line of their own
        self.first_left = 0
        self.first_failed: list[str] = []
        self.stopped: str | None = None
        self.only = None if job["only"] is None else set(job["only"])

    def send(self, **message: Any) -> None:
        """One line; a process that a test forked off stays silent."""
        if os.getpid() == self.pid:
            self.channel.send(message)

    # collecting

    def pytest_configure(self, config: Any) -> None:
        """Add the extra test files to what is collected."""
        config.args = [*config.args, *(os.path.join(TREE, f) for f in self.job["extra"])]

    def pytest_collectreport(self, report: Any) -> None:
        """A file that cannot be imported is an outcome too."""
        if report.failed:
            self.send(k="collect_error", id=clean(report.nodeid, 1000), m=text_of(report))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session: Any, items: list[Any]) -> None:
        """Name every item once, narrow, order, and put the canary last."""
        kept: list[Any] = []
        taken: dict[str, int] = {}
        extra = set(self.job["extra"])
        for item in items:
            count = taken[item.nodeid] = taken.get(item.nodeid, 0) + 1
            if count > 1 and item.nodeid.split("::")[0] in extra:
                continue
            name = clean(item.nodeid, 1000) + (f"#{count}" if count > 1 else "")
            if self.only is None or name in self.only:
                self.names[item] = name
                kept.append(item)
        rank = {name: number for number, name in enumerate(self.job["first"])}
        kept.sort(key=lambda item: rank.get(self.names[item], len(rank)))
        self.first_left = sum(self.names[item] in rank for item in kept)
        if kept:
            canary = Canary.from_parent(session, name=self.job["canary"])
            self.names[canary] = self.job["canary"]
            kept.append(canary)
        items[:] = kept

    def pytest_collection_finish(self, session: Any) -> None:
        """Report the ids, in the order in which they will run."""
        ids = [self.names.get(item, "") for item in session.items]
        for start in range(0, len(ids), IDS_A_LINE):
            self.send(k="collected", ids=ids[start : start + IDS_A_LINE])

    # running

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> Iterator[None]:
        """Know which item the reports belong to; end early when a first test has failed."""
        self.current, self.seen = self.names.get(item, ""), {}
        self.seconds = 0.0
        yield
        if self.first_left and self.current != self.job["canary"]:
            self.first_left -= 1
            if not self.first_left and self.first_failed:
                self.stopped = "first"
                item.session.shouldstop = "a test that had to pass failed"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """One line per call, per subtest, and per setup or teardown that did not pass."""
        if report.outcome not in ("passed", "failed", "skipped"):
            return
        sub = subtest_of(report)
        if report.outcome == "passed" and report.when != "call" and sub is None:
            self.seconds += report.duration  # said with the next line: one line a passing test
            return
        again = self.seen[report.when, sub] = self.seen.get((report.when, sub), 0) + 1
        if report.outcome == "failed" and self.first_left:
            self.first_failed.append(self.current)
        self.send(
            k="test", id=self.current, p=report.when, o=report.outcome, sub=sub, n=again,
            x=hasattr(report, "wasxfail"), s=round(self.seconds + report.duration, 6),
            m="" if report.outcome == "passed" else text_of(report),
        )  # fmt: skip
        self.seconds = 0.0


def subtest_of(report: Any) -> str | None:
    """What tells a subtest's report from its test's own (pytest 9, or pytest-subtests)."""
    context = getattr(report, "context", None)
    if context is None:
        return None
    return clean(f"{getattr(context, 'msg', '')} {dict(getattr(context, 'kwargs', {}))}", 300)


def text_of(report: Any) -> str:
    """The failure as pytest would print it, its end kept, or a skip's reason."""
    if isinstance(report.longrepr, tuple):
        return clean(str(report.longrepr[2]), MESSAGE_BYTES)
    try:
        return clean(report.longreprtext, MESSAGE_BYTES)
    except Exception as fault:  # noqa: BLE001 -  # the target's own __repr__ may raise anything
        return "the failure cannot be shown: " + type(fault).__name__


def clean(text: str, limit: int) -> str:
    """At most `limit` bytes of valid UTF-8, cut in front."""
    return text.encode("utf-8", "backslashreplace")[-limit:].decode("utf-8", "ignore")
