"""Which target a piece of work belongs to: by name, by path, by the files the note mentions."""

import os
import re
from pathlib import Path, PurePosixPath

from daemon.settings import Settings, TargetSettings
from reflections.reflection import Reflection

PYTHON_FILE = re.compile(r"(?<![\w./-])[\w./-]+\.py\b")  # begun once a word: else quadratic
MOST_FILES = 50


def target_of(note: Reflection, settings: Settings) -> TargetSettings | str:
    """The target the note means; otherwise, in words, why none can be told.

    A named target counts above all. Else it is the one whose folder the note mentions, the only
    one there is, or the one that alone has the Python files of the traceback or the text. Stages
    are meant only where they are named; daemon/promote.py sees to it that they come first.
    """
    if note.target:
        return _named(note.target, settings)
    real = [target for target in settings.targets if not target.stage_of]
    for candidates in (_by_folder(note, settings), real, _by_files(note, real)):
        if len(candidates) == 1:
            return candidates[0]
    return (
        "the note names no target, and neither paths nor files in it tell which is meant; "
        f"set `target` in the note to one of: {_names(settings)}"
    )


def _named(name: str, settings: Settings) -> TargetSettings | str:
    path = Path(name)
    for target in settings.targets:
        if name == target.name or path == target.path:
            return target
    return f"no target is called {name!r}; known are: {_names(settings)}"


def _by_folder(note: Reflection, settings: Settings) -> list[TargetSettings]:
    return [target for target in settings.targets if f"{target.path}/" in note.text]


def _by_files(note: Reflection, targets: list[TargetSettings]) -> list[TargetSettings]:
    """The targets that hold most of the files mentioned (at least one)."""
    mentioned = list(dict.fromkeys(PYTHON_FILE.findall(note.text)))[:MOST_FILES]
    held = {target.name: sum(_holds(target, name) for name in mentioned) for target in targets}
    most = max(held.values())
    return [target for target in targets if most and held[target.name] == most]


def _holds(target: TargetSettings, mentioned: str) -> bool:
    """Whether the end of a mentioned path, two parts at least or all of it, is in the target.

    Any name may be mentioned; `Path.is_file` would raise for one that is too long.
    """
    parts = [part for part in PurePosixPath(mentioned).parts if part not in ("/", ".", "..")]
    least = 1 if len(parts) == 1 else 2
    ends = (parts[start:] for start in range(len(parts) - least + 1))
    return any(os.path.isfile(target.path.joinpath(*end)) for end in ends)  # noqa: PTH113


def _names(settings: Settings) -> str:
    return ", ".join(target.name for target in settings.targets)
