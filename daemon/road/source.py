"""A read-only look at the target as it was when its snapshot was taken."""

import hashlib
import tokenize
from io import BytesIO
from pathlib import Path

from daemon.checks.scope import Scope
from sandbox.tree import Tree, read_file


class ModuleChanged(Exception):
    """A file is no longer what the snapshot holds: somebody works there; look again later."""


class SnapshotSource:
    """The snapshot's files. Bytes come from the live folder and must match the snapshot's hash,
    so that a patch is never based on lines that no trial has seen."""

    def __init__(self, tree: Tree, scope: Scope) -> None:
        self._tree = tree
        self._scope = scope
        self._digests = {each.path: each.extra for each in tree.entries if each.kind == "f"}
        self._seen: dict[str, bytes] = {}

    @property
    def root(self) -> Path:
        """The live folder; for messages only."""
        return self._tree.root

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of the snapshot, sorted."""
        return self._tree.files

    def read(self, filename: str) -> bytes | None:
        """The snapshot's bytes, or None for a file it does not hold. Raises ModuleChanged."""
        if filename not in self._digests:
            return None
        if filename not in self._seen:
            data = read_file(self._tree.root, filename)
            if data is None or hashlib.sha256(data).hexdigest() != self._digests[filename]:
                raise ModuleChanged(f"{filename} changed while the reflection was worked on")
            self._seen[filename] = data
        return self._seen[filename]

    def text(self, filename: str) -> str | None:
        """The file decoded as Python would decode it, line endings kept; None if it cannot be."""
        data = self.read(filename)
        if data is None:
            return None
        try:
            encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
            return data.decode(encoding)
        except (SyntaxError, UnicodeDecodeError, LookupError):
            return None

    def may_edit(self, filename: str) -> bool:
        """Whether the target's scope allows a patch here."""
        return filename in self._digests and self._scope.may_edit(filename)
