"""The loop's sleep ends when it should."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from daemon.supervision.wake import Signals, Wake


@pytest.fixture
def wake() -> Iterator[Wake]:
    """A pipe to sleep on."""
    wake = Wake()
    yield wake
    wake.close()


def test_a_call_before_the_sleep_is_not_lost(wake: Wake) -> None:
    """Nor do a hundred thousand calls block."""
    for _ in range(100_000):
        wake.call()

    wake.sleep(3600)


def test_a_call_from_another_thread_ends_the_sleep(wake: Wake) -> None:
    """As watchdog's and the scheduler's do."""
    threading.Timer(0.05, wake.call).start()

    wake.sleep(3600)


def test_another_descriptor_ends_the_sleep(wake: Wake) -> None:
    """The end of a worker is one."""
    read, write = os.pipe()
    os.close(write)

    wake.sleep(3600, read)

    os.close(read)


def test_a_signal_ends_the_sleep_and_is_counted(wake: Wake) -> None:
    """And afterwards one more does nothing: who asks twice must not make a clean end a crash."""
    before = signal.getsignal(signal.SIGUSR1)
    signals = Signals(wake, [signal.SIGUSR1])
    try:
        signal.raise_signal(signal.SIGUSR1)
        wake.sleep(3600)

        assert signals.take(signal.SIGUSR1) == 1
        assert signals.take(signal.SIGUSR1) == 0
        signals.close()
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
