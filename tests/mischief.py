"""Things that happen at a counted step of a process: it dies, its disk is full, somebody comes.

A step is a system call about files that matter, made by the main thread. To be used in a process
that was forked for it, as nothing is put back.
"""

import builtins
import errno
import io
import os
import signal
import threading
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

CALLS = ("replace", "rename", "link", "unlink", "mkdir", "rmdir", "write", "open")
NEEDS_SPACE = {"replace", "mkdir", "write", "open", "link"}
UNIMPORTANT = ("progress.json", "/copies/", "/baselines/", ".lock", "/proc/")
BROKE = 99


class Mischief:
    """`act` is called before the step with this number, from 1; 0 is never."""

    def __init__(self, at: int, act: Callable[["Mischief"], None], mark: Path) -> None:
        """The file `mark` stands once it has happened."""
        self.at, self.act, self.mark = at, act, mark
        self.made = 0
        self.full = False
        self.engine_gone: list[Exception] = []  # holds what every trial raises from then on
        self.looks: list[Callable[[], None]] = []  # called before every step
        self.real = {name: getattr(os, name) for name in (*CALLS, "close")}
        self.really_open = io.open
        self._inside = False

    def install(self) -> None:
        """From here on steps are counted."""
        for name in CALLS:
            setattr(os, name, self._stepped(name))
        self.made = 0

        def opened(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            if not isinstance(file, int) and set(mode) & set("wax+"):
                self._step("write", file)
            return self.really_open(file, mode, *more, **named)

        builtins.open = io.open = opened  # type: ignore[assignment]

    def _stepped(self, name: str) -> Callable[..., Any]:
        real = self.real[name]

        def call(*arguments: Any, **named: Any) -> Any:
            only_looks = name == "open" and not arguments[1] & os.O_CREAT
            self._step("look" if only_looks else name, arguments[0])
            return real(*arguments, **named)

        return call

    def _step(self, name: str, about: object) -> None:
        if threading.current_thread() is not threading.main_thread() or self._inside:
            return
        if any(each in str(about) for each in UNIMPORTANT):
            return
        self._inside = True
        try:
            for look in self.looks:
                look()
            self.made += 1
            if self.made == self.at:
                self.real["close"](self.real["open"](self.mark, os.O_CREAT | os.O_WRONLY, 0o600))
                self.act(self)
        finally:
            self._inside = False
        if self.full and name in NEEDS_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def dies(_: Mischief) -> None:
    """SIGKILL: no handler, no `finally`."""
    os.kill(os.getpid(), signal.SIGKILL)


def fills_up(mischief: Mischief) -> None:
    """No space for anything, to the end of the process."""
    mischief.full = True


def in_a_child(do: Callable[[], int], story: Path) -> int:
    """Exit code of `do` in a process of its own; negative for a signal. `story` says what broke."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads: the child starts its own
        child = os.fork()
    if child == 0:
        code = BROKE
        try:
            code = do()
        except BaseException:  # noqa: BLE001 -- whatever it was, the parent has to hear of it
            story.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
