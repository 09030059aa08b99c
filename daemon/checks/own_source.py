"""Whether a target holds the very code that runs here: mendd changes itself only under review.

The tests that judge a patch to mendd run in the sandbox that the same patch may weaken, so no
verdict about it counts without a person. Folders are compared by what they are and not by their
names: links and bind mounts lead to the same code.
"""

from collections.abc import Iterator
from pathlib import Path

import audit
import daemon
import reflections
import sandbox

INSTALLED = frozenset({"site-packages", "dist-packages", ".venv", "venv"})
"""Below one of these in a target lies an installation; the scope gate lets no patch touch it."""


def own_folders() -> tuple[Path, ...]:
    """The folders of the packages this process runs."""
    packages = (daemon, sandbox, reflections, audit)
    return tuple(Path(str(package.__file__)).resolve().parent for package in packages)


def holds_own_source(target: Path) -> Path | None:
    """The folder of our own running code that a patch to this target could change, or None."""
    return next(
        (own for own in own_folders() if _within(own, target) or _around(own, target)), None
    )


def review_reason(name: str, target: Path) -> str | None:
    """Why no patch to the target of that name is applied by itself, or None."""
    own = holds_own_source(target)
    if own is None:
        return None
    return (
        f"{name} holds mendd's own running code ({own}), which changes only after a person "
        "looked, whatever autonomy says"
    )


def _around(own: Path, target: Path) -> bool:
    """The target is our folder or one above it, and no installation stands in between."""
    for above in _upwards(own):
        if _same(above, target):
            return not INSTALLED.intersection(own.relative_to(above).parts)
    return False


def _within(own: Path, target: Path) -> bool:
    return any(_same(above, own) for above in _upwards(target.resolve()))


def _upwards(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
