"""The sandbox: prepares modules, and sees to it that nothing of ours stays behind."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from sandbox.bench import Bench
from sandbox.check import findings
from sandbox.container import Docker
from sandbox.errors import UnusableModule
from sandbox.finding import Finding
from sandbox.image import Images
from sandbox.launch import Launcher
from sandbox.module import SMALL_FILES, SMALL_MIB, Limits, Module
from sandbox.results import Ending, Outcome, Run
from sandbox.session import GuestSession
from sandbox.tree import Digests, Tree, scan_tree

__all__ = [
    "Bench", "Ending", "Finding", "GuestSession", "Limits", "Module", "Outcome", "Run", "Sandbox",
]  # fmt: skip
SCANS = 3  # a module that changes while it is copied is read again this often


class Sandbox:
    """Tries patches on copies of modules, in containers of one Docker engine."""

    def __init__(
        self, *, docker_host: str | None, limits: Limits, slots: int, state: Path,
        progress: Callable[[str], None], runtime: str | None = None,
        base_image: str | None = None, keep_snapshots: int = 3,
    ) -> None:  # fmt: skip
        """`state`: the folder for staged files and caches; its path marks our containers.

        `base_image`: a registry image with Python to build on; None means Debian's packages.
        `keep_snapshots`: of each module; the current one, and what a retry or revert may want.
        Speaks to no engine yet.
        """
        self._docker = Docker(docker_host)
        self._state, self._base_image, self._runtime = state, base_image, runtime
        self._keep_snapshots = keep_snapshots
        self._launcher = Launcher(self._docker, limits, slots=slots, runtime=runtime, state=state)
        self._images = Images(
            self._docker, registry_image=base_image, workspace=state / "build",
            label=self._launcher.label, progress=progress,
        )  # fmt: skip

    def check(self) -> list[Finding]:
        """What `mendd check` says about the engine and its isolation."""
        cpus = self._launcher.limits.cpus
        return findings(self._docker, self._base_image, self._runtime, cpus)

    def prepare(self, module: Module) -> Bench:
        """Build or find the module's layers; SandboxError when that cannot be done."""
        below = self._images.dependencies(module.root, module.requirements, module.python)
        for attempt in range(SCANS):
            tree = self._scan(module)
            writable = is_writable(module, tree, self._launcher.limits)
            try:
                image = self._images.snapshot(below, tree, name=module.name, writable=writable)
                break
            except UnusableModule:
                if attempt == SCANS - 1:
                    raise
        self._images.prune(module.name, spare=image, keep=self._keep_snapshots)
        return Bench(self._launcher, module, tree, image, writable=writable)

    def _scan(self, module: Module) -> Tree:
        name = hashlib.sha256(str(module.root.resolve()).encode()).hexdigest()[:16]
        digests = Digests.load(self._state / "digests" / f"{name}.json")
        return scan_tree(module.root, exclude=module.exclude, digests=digests)

    def prune(self, keep: int) -> int:
        """Remove every module's snapshots but the newest `keep`; how many images went."""
        return self._images.prune_all(keep)

    def sweep(self) -> int:
        """Remove what an earlier process of ours left behind; how many containers. At start."""
        removed = self._launcher.sweep()
        for folder in ("staging", "build"):
            shutil.rmtree(self._state / folder, ignore_errors=True)
        return removed

    def kill_all(self) -> int:
        """Kill and remove every container of this state folder at once, running trials too."""
        return self._launcher.sweep()

    def running(self) -> int:
        """How many containers of this state folder there are right now."""
        return self._launcher.running()

    def close(self) -> None:
        """Wait for containers under removal, then let go of the engine."""
        self._launcher.undertaker.close()
        self._docker.close()


def is_writable(module: Module, tree: Tree, limits: Limits) -> bool:
    """Whether tests get a copy they may write to (docs/sandbox.md: two ways of giving a tree).

    Raises UnusableModule when the settings ask for one that does not fit the memory limit.
    """
    small = len(tree.entries) <= SMALL_FILES and tree.paged_mib <= SMALL_MIB
    if module.writable_tree is None:
        return small and not tree.has_native_code
    if module.writable_tree and not limits.holds(tree.paged_mib):
        raise UnusableModule(
            f"{module.name}: a writable copy takes {tree.paged_mib} MiB of memory_mib "
            f'({limits.memory_mib}); raise that, exclude data, or set writable_tree = "no"'
        )
    return module.writable_tree
