"""Which target a piece of work belongs to."""

import re
from pathlib import Path

from daemon.settings import Settings, TargetSettings
from reflections.note import Reflection

_FRAME = re.compile(r'File "([^"\n\0]{1,250})", line \d+')


def target_of(note: Reflection, settings: Settings) -> TargetSettings | str:
    """The target the note names, means by a path, or the only one; else why there is none."""
    if note.target:
        named = settings.target(note.target)
        if named:
            return named
        by_path = [t for t in settings.targets if str(t.path) == note.target.rstrip("/")]
        if by_path:
            return by_path[0]
        return f"no target is called {note.target!r}; known are {_names(settings)}"
    only = settings.target(None)
    if only:
        return only
    mentioned = [target for target in settings.targets if str(target.path) in note.text]
    holding = mentioned or [target for target in settings.targets if _holds_frame(target, note)]
    if len(holding) == 1:
        return holding[0]
    return f"the note names no target and there are several: {_names(settings)}"


def _holds_frame(target: TargetSettings, note: Reflection) -> bool:
    """Whether a traceback's file is one of this target's, wherever the failing copy stood."""
    for path in _FRAME.findall(note.text):
        parts = path.split("/")
        ends = (Path(*parts[start:]) for start in range(len(parts) - 1))
        if any((target.path / end).is_file() for end in ends if ".." not in end.parts):
            return True
    return False


def _names(settings: Settings) -> str:
    return ", ".join(target.name for target in settings.targets)
