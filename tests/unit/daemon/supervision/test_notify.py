"""What systemd hears, on a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.supervision.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A listening socket and its name as systemd writes it into $NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@mendd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name if request.param == "path" else "\0" + name[1:])
        listener.settimeout(30)
        yield listener, name


def test_the_states_of_a_service_are_told(systemd: tuple[socket.socket, str]) -> None:
    """One datagram each, in the words of sd_notify(3)."""
    listener, name = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})

    notifier.ready()
    notifier.reloading()
    notifier.stopping()

    assert listener.recv(1000) == b"READY=1"
    reloading = listener.recv(1000).decode().split("\n")
    assert reloading[0] == "RELOADING=1"
    assert reloading[1].startswith("MONOTONIC_USEC=")
    assert reloading[1].removeprefix("MONOTONIC_USEC=").isdecimal()
    assert listener.recv(1000) == b"STOPPING=1"


def test_a_status_is_one_line_and_told_when_it_changes(systemd: tuple[socket.socket, str]) -> None:
    """The loop may say it on every turn."""
    listener, name = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})

    for words in ("idle", "idle", "two\nREADY=1", "idle"):
        notifier.status(words)

    said = [listener.recv(1000) for _ in range(3)]
    assert said == [b"STATUS=idle", b"STATUS=two READY=1", b"STATUS=idle"]


def test_the_watchdog_is_fed_twice_per_period(systemd: tuple[socket.socket, str]) -> None:
    """However often the loop turns."""
    listener, name = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"})

    for second in range(31):
        notifier.feed(float(second))
    notifier.stopping()

    said = []
    while (word := listener.recv(1000)) != b"STOPPING=1":
        said.append(word)
    assert said == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
    ],
)
def test_no_watchdog_no_food(environment: dict[str, str]) -> None:
    """Nor when the watchdog is another process's."""
    assert Notifier(environment).feed_every_s == 0


def test_without_systemd_or_with_a_dead_socket_nothing_breaks(tmp_path: Path) -> None:
    """The same code runs by hand; a socket that went away must not stop the service."""
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
