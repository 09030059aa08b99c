"""What the longer checks measure: percentiles, memory, processes, what lies on the disk."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path


def percentiles(seconds: Sequence[float]) -> str:
    """p50, p95 and the longest, and how busy the machine is: a figure without that says little."""
    ordered = sorted(seconds) or [0.0]
    p50, p95 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.95))
    load = os.getloadavg()[0]
    return f"p50 {p50:.2f} p95 {p95:.2f} max {ordered[-1]:.2f} s (load {load:.0f})"


def memory_mib(pid: int | str = "self", field: str = "VmRSS") -> float:
    """A process's resident memory; `VmHWM` is the most since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak() -> None:
    """From here on VmHWM of this process counts anew."""
    Path("/proc/self/clear_refs").write_text("5")


def disk_mib(*folders: Path) -> float:
    """Blocks taken by everything below, holes not counted."""
    total = 0
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                with contextlib.suppress(OSError):
                    total += Path(root, name).lstat().st_blocks * 512
    return total / (1 << 20)


def processes_of(container: str) -> list[int]:
    """Those whose cgroup names the container."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if container in (process / "cgroup").read_text():
                found.append(int(process.name))
    return found
