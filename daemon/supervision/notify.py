"""Tells systemd how the service is: ready, busy with what, alive, reloading, stopping.

The protocol is one datagram of `KEY=value` lines (sd_notify(3)); it needs no library. Without
$NOTIFY_SOCKET every message is a no-op, so the same code runs under systemd and by hand.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)


class Notifier:
    """Speaks to the socket named in `environment` (normally os.environ)."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.feed_every_s = _half_of_watchdog(environment)
        self._fed = float("-inf")
        self._status = ""

    def ready(self) -> None:
        """The service works (also the end of a reload)."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A reload begins; systemd 253 and newer (Type=notify-reload) want the time of it."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now_us}")

    def stopping(self) -> None:
        """The service is on its way out."""
        self._send("STOPPING=1")

    def status(self, words: str) -> None:
        """One line for `systemctl status`; sent only when it changes."""
        if words != self._status:
            self._status = words
            self._send("STATUS=" + words.replace("\n", " "))

    def feed(self, now_s: float) -> None:
        """Feed the watchdog, at most twice per its period; `now_s` is a monotonic clock."""
        if self.feed_every_s and now_s - self._fed >= self.feed_every_s:
            self._fed = now_s
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.settimeout(1.0)
                speaker.sendto(message.encode("utf-8", "replace"), address)
        except OSError as error:
            log.warning("systemd could not be told %r: %s", message.split("\n")[0], error)


def _half_of_watchdog(environment: Mapping[str, str]) -> float:
    """Half of WatchdogSec in seconds; 0 when there is none or it is meant for another process."""
    meant_for = environment.get("WATCHDOG_PID", "")
    if meant_for and meant_for != str(os.getpid()):
        return 0.0
    period_us = environment.get("WATCHDOG_USEC", "")
    return int(period_us) / 2e6 if period_us.isdecimal() else 0.0
