"""The target's live folder as an instruction may see and touch it."""

import contextlib

from daemon.checks.scope import Scope
from daemon.road.module import module_of
from daemon.road.source import ModuleChanged, SnapshotSource
from daemon.settings import Settings, TargetSettings
from sandbox.tree import scan_tree


class LiveModule:
    """The files below the target's root, and what may not be done with them."""

    def __init__(self, target: TargetSettings, settings: Settings) -> None:
        """`target` is the lane's (daemon/modify.py): its folders and size limit count."""
        self._scope = Scope(target, settings)
        tree = scan_tree(target.path, exclude=module_of(target).exclude)
        self._source = SnapshotSource(tree, self._scope)
        self._root, self._most_kib = target.path, target.max_kib
        self._known = frozenset(tree.files)

    @property
    def files(self) -> tuple[str, ...]:
        """Every file, sorted, "/" between folders."""
        return self._source.files

    def text(self, filename: str) -> str | None:
        """The file's text; None for one that is none, is too large or is being written."""
        if self._too_large(filename):
            return None
        with contextlib.suppress(ModuleChanged):
            return self._source.text(filename)
        return None

    def complaint(self, filename: str) -> str | None:
        """Why an instruction may not touch this file, or None."""
        refused = self._scope.complaint(filename)
        if refused is None and self._too_large(filename):
            return f"{filename} is larger than {self._most_kib} KiB ([modify] max_kib)"
        return refused

    def _too_large(self, filename: str) -> bool:
        if filename not in self._known:
            return False
        try:
            return (self._root / filename).lstat().st_size > self._most_kib * 1024
        except OSError:
            return False
