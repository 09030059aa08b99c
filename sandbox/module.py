"""What is tried and how much it may use: values from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SMALL_FILES, SMALL_MIB = 20_000, 64  # up to here a tree is copied (docs/sandbox.md)
TREE_ROOM_MIB = 24  # what tests may add to a copied tree
SHM_MIB = 16  # of /dev/shm
TESTS_A_RUN = 12  # as many tests may use up their time before the run has used up its own
LEAST_TEST_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Module:
    """A target as the sandbox sees it."""

    name: str
    root: Path
    command: tuple[str, ...] = ("python", "-m", "pytest")
    python: str | None = None  # interpreter inside the image; None: the image's python3
    requirements: tuple[str, ...] | None = ()  # files below root; None: the one that is found
    exclude: tuple[str, ...] = ()  # patterns left out of the copy, besides the built-in ones
    writable_tree: bool | None = None  # None: writable when small and without native code
    junit_xml: str | None = None  # where the command writes it, below root; not for pytest
    env: Mapping[str, str] = field(default_factory=dict)  # constants for the tests
    test_timeout_s: float | None = None  # processor time of one test; None: timeout_s / 12

    @property
    def pytest_args(self) -> tuple[str, ...] | None:
        """The arguments for pytest when the command is one; None for any other command."""
        first = Path(self.command[0]).name
        if first.startswith("python") and self.command[1:3] == ("-m", "pytest"):
            return self.command[3:]
        return self.command[1:] if first in ("pytest", "py.test") else None

    @property
    def adds_root_to_path(self) -> bool:
        """`python -m pytest` puts the working folder on the path, `pytest` does not."""
        return self.command[1:3] == ("-m", "pytest")


def share_of_a_test(timeout_s: float) -> float:
    """Processor time of one test, in seconds, where the settings name none."""
    return max(LEAST_TEST_S, timeout_s / TESTS_A_RUN)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one container may use. Memory covers its tmpfs too, so those stay below it."""

    timeout_s: float = 120
    memory_mib: int = 512
    pids: int = 128
    cpus: float = 1.0
    tmpfs_mib: int = 128  # for /tmp
    file_mib: int = 32
    nofile: int = 256
    output_kib: int = 1024
    result_kib: int = 4096

    def __post_init__(self) -> None:
        """Refuse limits under which a full tmpfs would look like a test that ate its memory."""
        if not self.holds(SMALL_MIB):
            needed = self.tmpfs_mib + SHM_MIB + SMALL_MIB + TREE_ROOM_MIB
            raise ValueError(
                f"memory_mib is {self.memory_mib}, but tmpfs_mib ({self.tmpfs_mib}), the tree's "
                f"copy and shared memory may take {needed} of it: raise it or lower tmpfs_mib"
            )

    def holds(self, tree_mib: int) -> bool:
        """Whether a tree's copy, full to the brim like everything else, stays below memory."""
        room = tree_mib + TREE_ROOM_MIB + SHM_MIB + self.tmpfs_mib
        return room < self.memory_mib
