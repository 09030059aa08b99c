"""A pytest plugin for screening: a test file whose import does not end counts as not collected."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

CLOCKS = (
    (signal.SIGPROF, signal.ITIMER_PROF, 5.0),
    (signal.SIGALRM, signal.ITIMER_REAL, 15.0),
)


class ImportHung(BaseException):
    """Raised inside the import; nothing in a module should catch it by accident."""


class ImportLimit:
    """Interrupts what the import system runs; enough for a loop, though not for C code."""

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Iterator[None]:
        """Both clocks run while one file is collected."""
        if not isinstance(collector, pytest.File) or isinstance(collector, pytest.Package):
            yield
            return
        before = [signal.signal(number, give_up) for number, _, _ in CLOCKS]
        for _, clock, seconds in CLOCKS:
            signal.setitimer(clock, seconds)
        yield
        for (number, clock, _), handler in zip(CLOCKS, before):  # noqa: B905 - Python 3.9 too
            signal.setitimer(clock, 0)
            signal.signal(number, handler)


def give_up(_signal: int, _frame: object) -> None:
    """End the import."""
    raise ImportHung("the import did not end")
