"""Starts trial containers: names, labels, user ids, staged files, and how many run at once."""

import hashlib
import secrets
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.box import Box
from sandbox.capsule import Capsule, Setup, Undertaker
from sandbox.container import Docker
from sandbox.errors import TrialStopped
from sandbox.image import PATH
from sandbox.module import TREE_ROOM_MIB, Limits, Module
from sandbox.tree import Tree

FIRST_UID = 10001
ENTRY = "import sys;sys.path[0]='/mendd';from mendd_guest.child import main;main(sys.argv[1:])"
ENVIRONMENT = {
    "PATH": PATH, "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC",  # noqa: S108
    "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
    "COVERAGE_FILE": "/tmp/.coverage", "USER": "mendd", "LOGNAME": "mendd",  # noqa: S108
}  # fmt: skip


def state_label(state: Path) -> str:
    """The label that tells this installation's containers from another's."""
    return hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:16]


@dataclass
class Started:
    """A container with its own staged files, which a fresh one shows as they are in the tree."""

    capsule: Capsule
    writable: bool
    staged: Mapping[str, Path] = field(default_factory=dict)

    def fits(self, files: Mapping[str, bytes]) -> bool:
        """Whether these contents can be put into it now that it runs."""
        return self.writable or set(files) <= set(self.staged)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Rewrite staged files in place: a mount shows the inode, so a rename would not do."""
        for name, data in files.items():
            with self.staged[name].open("r+b") as file:
                file.write(data)
                file.truncate()


class Launcher:
    """One per Sandbox; safe to share between threads."""

    def __init__(
        self, docker: Docker, limits: Limits, *, slots: int, runtime: str | None, state: Path
    ) -> None:
        """At most `slots` runs at once; containers waiting warm do not count."""
        self.docker, self.limits = docker, limits
        self._runtime = runtime
        self.label = state_label(state)
        self.undertaker = Undertaker(docker)
        self._staging = state / "staging"
        self._slots = slots
        self._free = threading.BoundedSemaphore(slots)
        self._uids: set[int] = set()
        self._capsules: dict[str, Capsule] = {}  # by name, until they are gone
        self._lock = threading.Lock()

    @contextmanager
    def slot(self, stop: threading.Event | None) -> Iterator[None]:
        """A place among the runs; waits for one, unless `stop` is set meanwhile."""
        while not self._free.acquire(timeout=0.1):
            check_stop(stop)
        try:
            check_stop(stop)
            yield
        finally:
            self._free.release()

    @contextmanager
    def spare_slot(self) -> Iterator[bool]:
        """A place among the runs if one is free at this moment; whether there was one."""
        free = self._free.acquire(blocking=False)
        try:
            yield free
        finally:
            if free:
                self._free.release()

    def room(self) -> int:
        """How many busy processes find a slot and a processor, at least one.

        Containers that may use less than a processor need less of one; none needs more, for it is
        one process of each that works.
        """
        if self._slots == 1:
            return 1
        processors = int(self.docker.info().get("NCPU") or 1)
        return max(1, min(self._slots, int(processors / min(1.0, self.limits.cpus))))

    def launch(
        self, module: Module, tree: Tree, image: str, *, writable: bool,
        mounted: Mapping[str, bytes], preload: tuple[str, ...], limits: Limits | None = None,
    ) -> Started:  # fmt: skip
        """Start a container whose child imports `preload` and then waits for a job.

        `mounted` holds contents for single files over a read-only tree.
        """
        limits = limits or self.limits
        name = f"mendd-{self.label[:8]}-{secrets.token_hex(6)}"
        uid = self._take_uid()
        staged = {} if writable else self._stage(name, mounted)
        try:
            box = self._box(name, tree, image, staged, writable=writable, limits=limits)
            capsule = Capsule(
                self.docker, box, setup_for(module, uid, preload, limits), self.undertaker,
                lambda: self._clean_up(name, uid),
            )  # fmt: skip
        except BaseException:
            self._clean_up(name, uid)
            raise
        with self._lock:
            self._capsules[name] = capsule
        return Started(capsule, writable, staged)

    def _box(
        self, name: str, tree: Tree, image: str, staged: Mapping[str, Path], *, writable: bool,
        limits: Limits,
    ) -> Box:  # fmt: skip
        return Box(
            image=image, name=name, labels={"mendd.state": self.label},
            memory_mib=limits.memory_mib, pids=limits.pids, cpus=limits.cpus,
            nofile=limits.nofile, file_mib=limits.file_mib, tmpfs_mib=limits.tmpfs_mib,
            tree_mib=tree.paged_mib + TREE_ROOM_MIB if writable else 0,
            binds={f"/module/{path}": file for path, file in staged.items()},
            runtime=self._runtime,
        )  # fmt: skip

    def _take_uid(self) -> int:
        """The lowest user id that none of our containers has."""
        with self._lock:
            uid = next(n for n in range(FIRST_UID, FIRST_UID + 10_000) if n not in self._uids)
            self._uids.add(uid)
            return uid

    def _stage(self, name: str, files: Mapping[str, bytes]) -> dict[str, Path]:
        folder = self._staging / name
        staged: dict[str, Path] = {}
        for number, (path, data) in enumerate(files.items()):
            folder.mkdir(parents=True, exist_ok=True)
            staged[path] = (folder / str(number)).resolve()
            staged[path].write_bytes(data)
            staged[path].chmod(0o644)
        return staged

    def _clean_up(self, name: str, uid: int) -> None:
        """Once the container is gone: its files, and its user id for the next."""
        shutil.rmtree(self._staging / name, ignore_errors=True)
        with self._lock:
            self._uids.discard(uid)
            self._capsules.pop(name, None)

    def sweep(self) -> int:
        """Remove every container of this state folder, and what was staged for them.

        Our own streams end first: one that nobody reads would keep the engine from killing.
        """
        with self._lock:
            capsules = list(self._capsules.values())
        for capsule in capsules:
            capsule.shut()
        found = self.docker.containers(f"mendd.state={self.label}")
        with ThreadPoolExecutor(max_workers=8) as pool:  # killed first: removing takes longer
            list(pool.map(self.docker.kill, found))
            list(pool.map(self.docker.remove, found))
        return len(found)

    def running(self) -> int:
        """How many containers of this state folder there are."""
        return len(self.docker.containers(f"mendd.state={self.label}"))


def setup_for(module: Module, uid: int, preload: tuple[str, ...], limits: Limits) -> Setup:
    """What the harness needs to know to start the child."""
    return Setup(
        uid=uid,
        argv=(module.python or "python3", "-c", ENTRY, *preload),
        env={**ENVIRONMENT, **module.env},
        report_bytes=limits.result_kib << 10,
        output_bytes=limits.output_kib << 10,
    )


def check_stop(stop: threading.Event | None) -> None:
    """Raise TrialStopped when the caller wants to stop."""
    if stop is not None and stop.is_set():
        raise TrialStopped("stopped before the trial came to an end")
