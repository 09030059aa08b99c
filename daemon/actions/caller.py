"""Who calls an action of mendd itself, and with which settings."""

from collections.abc import Callable
from dataclasses import dataclass

from daemon.settings import Settings


def _unheard(words: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The context of every action that commands and agents share.

    `by` goes into the trail with what is ordered ("ada", "mcp"). `progress` hears, in words, what
    a long action is at; it may be called from another thread.
    """

    settings: Settings
    by: str
    progress: Callable[[str], None] = _unheard
