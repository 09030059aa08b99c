"""Sees what this process opens for writing, connects to and starts: Python's own audit events.

    with watched() as seen:
        …
    seen.strangers({("127.0.0.1", port)})

The interpreter keeps such a hook for good, so there is one, and it is idle between watches.
"""

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    (
        *("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink"),
        *("os.truncate", "os.chmod", "os.chown", "os.mkfifo", "os.mknod"),
    )
)
_STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"})
_NET = frozenset({"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.bind"})


@dataclass
class Seen:
    """What happened while it was watched. Paths relative to an open folder stand as they are."""

    written: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    addresses: list[Any] = field(default_factory=list)

    def strangers(self, known: Collection[tuple[str, int]]) -> list[Any]:
        """Addresses that nobody was to be spoken to at."""
        return [each for each in self.addresses if each not in known]

    def outside(self, *folders: Path) -> list[str]:
        """Absolute paths that were changed and lie in none of these folders."""
        homes = tuple(f"{folder}/" for folder in folders)
        return [
            path
            for path in self.written
            if path.startswith("/") and path != os.devnull and not path.startswith(homes)
        ]


_now: Seen | None = None
_hooked = False


@contextmanager
def watched() -> Iterator[Seen]:
    """Watch until the end of the block; not twice at once."""
    global _now, _hooked
    assert _now is None
    if not _hooked:
        sys.addaudithook(_heard)
        _hooked = True
    _now = seen = Seen()
    try:
        yield seen
    finally:
        _now = None


def _heard(event: str, args: tuple[Any, ...]) -> None:
    seen = _now
    if seen is None:
        return
    if event == "open":
        path, _, flags = args
        if not isinstance(path, int) and (flags or 0) & _WRITES:
            seen.written.append(os.fsdecode(path))
    elif event in _CHANGES:
        seen.written += [os.fsdecode(each) for each in args[:2] if isinstance(each, str | bytes)]
    elif event in _STARTS:
        seen.started.append(f"{event} {str(args)[:200]}")
    elif event in ("socket.connect", "socket.sendto", "socket.bind"):
        seen.addresses.append(args[1])
    elif event == "socket.getaddrinfo":
        seen.addresses.append((args[0], args[1]))
