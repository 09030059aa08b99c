"""The pytest plugin: one line per test and phase while it happens, a canary, and a last word.

Works with pytest 7 to 9. It also orders the tests (`first`), narrows them (`only`), adds the
extra test files, and keeps plugins quiet that would reorder, repeat, cache or fan out.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from .canary import Canary, CanaryKeeper
from .channel import Channel
from .keeper import COLLECTING, IDLE, PHASES, RUNNING, Page, Resume, keep
from .promise import promised

TREE = "/module"
MESSAGE_BYTES = 6000
IDS_A_LINE = 200
MOST_PROMISED = 2000
CAPTURED = 20_000  # bytes of a test's captured output that pytest gets to print


def main(job: dict[str, Any], channel: Channel) -> int:
    """Run pytest in a worker that may take `test_s` for each test; its exit code."""
    return keep(lambda page, resume: run(job, channel, page, resume), channel, job["test_s"])


def run(job: dict[str, Any], channel: Channel, page: Page, resume: Resume) -> int:
    """Run pytest in this process, from where an earlier worker came to; its exit code."""
    if job["module_path"]:
        sys.path.insert(0, TREE)
    args = [*job["args"], *quieted(), f"--rootdir={TREE}", "--continue-on-collection-errors"]
    args += ["--maxfail=0", "-p", "no:cacheprovider"]
    sys.argv = [pytest.__file__.replace("__init__", "__main__"), *job["args"]]
    reporter = Reporter(job, channel, page, resume)
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


OTHERWISE = "collected otherwise after a test that did not end: its ids are not the same each time"


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

    def __init__(self, job: dict[str, Any], channel: Channel, page: Page, resume: Resume) -> None:
        self.job, self.channel, self.pid = job, channel, os.getpid()
        self.page, self.resume = page, resume
        self.order: dict[Any, int] = {}  # item -> its place in the whole run
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
            self.page.set(writing=1)
            self.channel.send(message)
            self.page.set(writing=0)

    # collecting

    def pytest_configure(self, config: Any) -> None:
        """Add the extra test files to what is collected."""
        self.config = config
        config.args = [*config.args, *(os.path.join(TREE, f) for f in self.job["extra"])]

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Any:
        """A file has as long as a test for its import; one that hung is not tried again."""
        if not isinstance(collector, pytest.File) or isinstance(collector, pytest.Package):
            return None
        name = clean(collector.nodeid, 1000)
        if name in self.resume.hung_files:
            self.promise(name)
            return pytest.CollectReport(collector.nodeid, "passed", None, [])
        self.page.begin(COLLECTING, 0, name)
        return None

    def pytest_collectreport(self, report: Any) -> None:
        """A file that cannot be imported is an outcome too."""
        self.page.set(stage=IDLE)
        if report.failed and not self.resume.digest:
            name = clean(report.nodeid, 1000)
            self.promise(name)
            self.send(k="collect_error", id=name, m=text_of(report))

    def promise(self, name: str) -> None:
        """Say which tests the text of a file that cannot be collected holds."""
        held = promised(name, self.config)
        if held is not None and not self.resume.digest:
            self.send(k="promise", id=name, tests=held[:MOST_PROMISED])

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
            if self.only is None or meant(name, self.only) in self.only:
                self.names[item] = name
                kept.append(item)
        rank = {name: number for number, name in enumerate(self.job["first"])}
        kept.sort(key=lambda item: rank.get(meant(self.names[item], rank), len(rank)))
        self.first_left = sum(meant(self.names[item], rank) in rank for item in kept)
        if kept:
            canary = Canary.from_parent(session, name=self.job["canary"])
            self.names[canary] = self.job["canary"]
            kept.append(canary)
        items[:] = kept

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: Any) -> None:
        """Report the ids, in the order in which they will run; an earlier worker's are known."""
        ids = [self.names.get(item, "") for item in session.items]
        digest = hashlib.sha256("\0".join(ids).encode()).hexdigest()[:32].encode()
        self.order = {item: number for number, item in enumerate(session.items)}
        if not self.resume.digest:
            for start in range(0, len(ids), IDS_A_LINE):
                self.send(k="collected", ids=ids[start : start + IDS_A_LINE])
        elif self.resume.digest != digest:
            raise pytest.UsageError(OTHERWISE)
        self.page.order(digest)
        self.go_on_from(session.items)

    def go_on_from(self, items: list[Any]) -> None:
        """Leave out what an earlier worker has done."""
        done = self.resume.done
        del items[:done]
        if done and self.first_left:
            failed = self.resume.first_failed or done <= self.first_left
            self.first_failed = ["a test of an earlier worker"] if failed else []
            self.first_left = max(0, self.first_left - done)
            if failed and not self.first_left:
                self.stopped, items[:] = "first", []

    # running

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> Iterator[None]:
        """Know which item the reports belong to; end early when a first test has failed."""
        self.current, self.seen = self.names.get(item, ""), {}
        self.seconds = 0.0
        if self.current != self.job["canary"]:
            self.page.begin(RUNNING, self.order.get(item, 0), self.current)
        yield
        self.page.set(stage=IDLE)
        if self.first_left and self.current != self.job["canary"]:
            self.first_left -= 1
            if not self.first_left and self.first_failed:
                self.stopped = "first"
                item.session.shouldstop = "a test that had to pass failed"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Note the phase."""
        self.page.set(phase=0, sent=0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        """Note the phase."""
        self.page.set(phase=1, sent=0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        """Note the phase."""
        self.page.set(phase=2, sent=0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """One line per call, per subtest, and per setup or teardown that did not pass."""
        if report.outcome not in ("passed", "failed", "skipped"):
            return
        report.sections = [(title, clean(text, CAPTURED)) for title, text in report.sections]
        sub = subtest_of(report)
        if report.outcome == "passed" and report.when != "call" and sub is None:
            self.seconds += report.duration  # said with the next line: one line a passing test
            return
        again = self.seen[report.when, sub] = self.seen.get((report.when, sub), 0) + 1
        if report.outcome == "failed" and self.first_left:
            self.first_failed.append(self.current)
            self.page.set(first_failed=1)
        self.send(
            k="test", id=self.current, p=report.when, o=report.outcome, sub=sub, n=again,
            x=hasattr(report, "wasxfail"), s=round(self.seconds + report.duration, 6),
            m="" if report.outcome == "passed" else text_of(report),
        )  # fmt: skip
        self.seconds = 0.0
        if sub is None and report.when in PHASES:
            self.page.set(phase=PHASES.index(report.when), sent=again)


def meant(name: str, wanted: Any) -> str:
    """The id by which a test is wanted: its own, or its file's where all of the file is."""
    return name if name in wanted else name.split("::")[0]


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
    return text[-limit:].encode("utf-8", "backslashreplace")[-limit:].decode("utf-8", "ignore")
