"""Wakes the service's loop from anywhere: a signal, another thread, the end of a child."""

import contextlib
import os
import select
import signal
from collections.abc import Sequence
from types import FrameType


class Wake:
    """A pipe to sleep on. `call()` may come from any thread; signals write into it by themselves.

    Python writes a byte into the wake-up descriptor before a handler runs, so a handler that only
    sets a flag is noticed at once and nothing can be lost between a look and the sleep.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def descriptor(self) -> int:
        """Where a byte wakes; for signal.set_wakeup_fd."""
        return self._write

    def call(self) -> None:
        """End the sleep that is going on, or the next one."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"\0")

    def sleep(self, longest_s: float, *others: int) -> None:
        """Until called, until one of the `others` (descriptors) is readable, or `longest_s`."""
        readable, _, _ = select.select([self._read, *others], [], [], max(0.0, longest_s))
        if self._read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, 4096)

    def close(self) -> None:
        """Give the descriptors back; nobody may call any more."""
        os.close(self._read)
        os.close(self._write)


class Signals:
    """Catches signals as flags: `take(signal.SIGHUP)` says how often it came since last asked."""

    def __init__(self, wake: Wake, numbers: Sequence[signal.Signals]) -> None:
        """Main thread only."""
        self._seen = dict.fromkeys(numbers, 0)
        for number in numbers:
            signal.signal(number, self._note)
        signal.set_wakeup_fd(wake.descriptor, warn_on_full_buffer=False)

    def take(self, number: signal.Signals) -> int:
        """How often the signal came; the count begins again."""
        count, self._seen[number] = self._seen.get(number, 0), 0
        return count

    def close(self) -> None:
        """The process ends: from here on they do nothing, for the end would look like a crash."""
        signal.set_wakeup_fd(-1)
        for number in self._seen:
            signal.signal(number, signal.SIG_IGN)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._seen[signal.Signals(number)] += 1
