"""Which target a piece of work belongs to."""

from daemon.settings import Settings, TargetSettings
from reflections.note import Reflection


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
    if len(mentioned) == 1:
        return mentioned[0]
    return f"the note names no target and there are several: {_names(settings)}"


def _names(settings: Settings) -> str:
    return ", ".join(target.name for target in settings.targets)
