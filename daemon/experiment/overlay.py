"""The snapshot with the edits that were kept, as engines and gates see it; nothing is written."""

import tokenize
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from io import BytesIO

from daemon.engines import Source
from sandbox.patch import Hunk, Patch, anchored, patched
from sandbox.text import Text, line_body


class Overlay:
    """A Source: files changed or added by kept edits over another one."""

    def __init__(self, below: Source, changes: Mapping[str, bytes]) -> None:
        self._below = below
        self.changes = dict(changes)

    @property
    def files(self) -> tuple[str, ...]:
        """Every file, sorted."""
        return tuple(sorted({*self._below.files, *self.changes}))

    def read(self, filename: str) -> bytes | None:
        """The bytes with what was kept."""
        return self.changes[filename] if filename in self.changes else self._below.read(filename)

    def text(self, filename: str) -> str | None:
        """The file decoded as Python would decode it, or None."""
        if filename not in self.changes:
            return self._below.text(filename)
        data = self.changes[filename]
        try:
            return data.decode(tokenize.detect_encoding(BytesIO(data).readline)[0])
        except (SyntaxError, UnicodeDecodeError, LookupError):
            return None

    def may_edit(self, filename: str) -> bool:
        """Files that a kept edit made may be edited again."""
        return filename in self.changes or self._below.may_edit(filename)


def laid_over(source: Source, patches: Iterable[Patch]) -> Overlay:
    """The source with these patches, one upon the other. Raises PatchError if one does not fit.

    A hunk whose lines moved since is anchored anew.
    """
    overlay = Overlay(source, {})
    for patch in patches:
        fitting = anchored(patch, overlay.read)
        overlay = Overlay(source, {**overlay.changes, **patched(fitting, overlay.read)})
    return overlay


def as_one_patch(source: Source, changes: Mapping[str, bytes], rationale: str) -> Patch:
    """What leads from the source to these files, as one patch that every gate understands."""
    hunks = [
        hunk for name, data in changes.items() for hunk in _hunks(name, source.read(name), data)
    ]
    return Patch(hunks=tuple(hunks), rationale=rationale)


def _hunks(name: str, before: bytes | None, after: bytes) -> Iterable[Hunk]:
    new = Text.decoded(name, after).lines
    if before is None or not before:
        whole = "".join(new)
        yield Hunk(filename=name, first_line=1, last_line=0, original="", replacement=whole)
        return
    old = Text.decoded(name, before).lines
    one, other = [line_body(line) for line in old], [line_body(line) for line in new]
    for kind, first, last, start, end in SequenceMatcher(
        None, one, other, autojunk=False
    ).get_opcodes():
        if kind != "equal":
            yield Hunk(
                filename=name,
                first_line=first + 1,
                last_line=last,
                original="".join(f"{line}\n" for line in one[first:last]),
                replacement="".join(f"{line}\n" for line in other[start:end]),
            )
