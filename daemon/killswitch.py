"""The kill switch: while anything stands at one path, nothing is started, tried or applied.

Whatever the state of that path, doubt counts as on: a file, a dangling link, a folder, a file
nobody may read, a path that cannot be looked at.
"""

import contextlib
import os
import signal
import stat
import threading
import unicodedata
from collections.abc import Callable
from pathlib import Path

POLL_S = 0.1
"""How often a worker looks: the switch must act within a second, and a look costs 3 us."""

MOST_BYTES = 4096
MOST_CHARACTERS = 200


class KillSwitchError(Exception):
    """The switch cannot be thrown or lifted; the message says what to do by hand."""


class KillSwitch:
    """The switch at `path`. Looking never raises; throwing and lifting may (KillSwitchError)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on(self) -> bool:
        """True while anything stands at the path, or when the path cannot be looked at."""
        try:
            os.lstat(self.path)
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True
        return True

    def reason(self) -> str:
        """The first line of the file, at most 200 characters, safe to print on a terminal.

        Empty when the switch is no regular file, cannot be read, or says nothing.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self.path, flags)
        except (OSError, ValueError):
            return ""
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return ""
            return harmless(os.read(fd, MOST_BYTES).decode("utf-8", "replace"))
        except OSError:
            return ""
        finally:
            os.close(fd)

    def throw(self, reason: str, by: str) -> bool:
        """Switch on, saying why and who; False when it was on already (its reason stays).

        The file appears whole or not at all; where that cannot be had (no space, no hard links)
        an empty file is enough. Raises KillSwitchError when not even that can be made.
        """
        words = f"{harmless(reason) or 'no reason given'} (by {harmless(by) or 'somebody'})\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return _create_whole(self.path, words.encode())
        except OSError as error:
            raise KillSwitchError(
                f"cannot create {self.path}: {error.strerror}. Nothing was stopped: create the file"
                " as a user who may, or stop the service (systemctl stop mendd)"
            ) from error

    def lift(self) -> bool:
        """Switch off: remove the file, link or empty folder; False when it was off already."""
        try:
            if stat.S_ISDIR(os.lstat(self.path).st_mode):
                self.path.rmdir()
            else:
                self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise KillSwitchError(
                f"cannot remove {self.path}: {error.strerror}. The kill switch stays on:"
                " remove it by hand, as a user who may"
            ) from error
        return True

    def watch(self, callback: Callable[[], None], *, every_s: float = POLL_S) -> threading.Thread:
        """Look every `every_s` seconds; call `callback` once, from a thread, when it is on."""

        def look() -> bool:
            if not self.on():
                return False
            callback()
            return True

        return _poll(look, every_s)


class StopSignal(threading.Event):
    """Set when a worker must end: the kill switch was thrown, or SIGTERM (SIGINT) came.

    `killed` says whether it was the switch. `callback` (kill the containers) is called once,
    from the watching thread, before the event is set.
    """

    def __init__(self, switch: KillSwitch, callback: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.killed = False
        self._switch = switch
        self._callback = callback
        self._told_to_stop = False

    def listen(self, *, signals: bool = True) -> None:
        """Begin to watch; with `signals` also take SIGTERM and SIGINT (main thread only)."""
        if signals:
            signal.signal(signal.SIGTERM, self._tell)
            signal.signal(signal.SIGINT, self._tell)
        _poll(self._look, POLL_S)

    def asked(self) -> bool:
        """Whether the worker must end: true a moment before the event, which follows the killing.

        In that moment containers vanish; what fails then failed because of it.
        """
        return self.is_set() or self._told_to_stop or self._switch.on()

    def _tell(self, _number: int, _frame: object) -> None:
        # A flag and no more: Event.set() in a handler deadlocks when the signal arrives while
        # the main thread is inside Event.wait() and holds the event's lock.
        self._told_to_stop = True

    def _look(self) -> bool:
        self.killed = self._switch.on()
        if not (self.killed or self._told_to_stop):
            return False
        try:
            if self._callback is not None:
                self._callback()
        finally:
            self.set()
        return True


def harmless(text: str) -> str:
    """The first line that says something, without control, format and surrogate characters."""
    for line in text.splitlines():
        shown = "".join(c for c in line if unicodedata.category(c)[0] != "C").strip()
        if shown:
            return shown[:MOST_CHARACTERS]
    return ""


def _create_whole(path: Path, content: bytes) -> bool:
    """Write beside and hard-link into place: a link never replaces what stands there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        beside.write_bytes(content)
        path.hardlink_to(beside)
    except FileExistsError:
        return False
    except OSError:
        return _create_empty(path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
    return True


def _create_empty(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    except FileExistsError:
        return False
    return True


def _poll(look: Callable[[], bool], every_s: float) -> threading.Thread:
    """A thread that looks until a look says True; it never keeps the process alive."""
    pause = threading.Event()

    def turn() -> None:
        while not look():
            pause.wait(every_s)

    thread = threading.Thread(target=turn, name="mendd-stop", daemon=True)
    thread.start()
    return thread
