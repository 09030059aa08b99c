"""The test that must fail: it goes through pytest's own machinery in every run."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.runner import runtestprotocol

TREE = "/module"


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

    def __init__(self, reporter: Any) -> None:
        self.reporter = reporter

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> bool | None:
        """The usual phases and hooks; only the log is left out."""
        if not isinstance(item, Canary):
            return None
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            self.reporter.pytest_runtest_logreport(report)
        return True
