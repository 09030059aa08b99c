"""A patch as a value, and the one pure function that applies it.

The trial and the real change both call `patched`: what was tested is what is applied.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Hunk:
    """One line range of one file and what shall stand there instead.

    Lines count from 1, both ends are included, and a line ends at `\\n` only (a form feed or a
    lone `\\r` ends none). `last_line == first_line - 1` inserts before `first_line`. A file that
    does not exist yet is written by one hunk with first_line 1, last_line 0, original "".

    `original` and `replacement` use `\\n`; the file's own line endings are kept when applied.
    """

    filename: str  # relative to the module's root, "/" between folders
    first_line: int
    last_line: int
    original: str
    replacement: str


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Hunks that are applied together or not at all, and why."""

    hunks: tuple[Hunk, ...]
    rationale: str

    @property
    def filenames(self) -> tuple[str, ...]:
        """The files touched, each once, in the order of the hunks."""
        return tuple(dict.fromkeys(hunk.filename for hunk in self.hunks))
