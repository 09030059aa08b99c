"""A trial container's flags: constants but for the numbers (docs/sandbox.md has the reasons)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Mount, Ulimit

from sandbox.module import SHM_MIB

MIB = 1 << 20
SECCOMP = Path(__file__).with_name("seccomp.json")
KEPT_CAPABILITIES = ["KILL", "SETGID", "SETUID"]  # the harness's; the tested child has none


@dataclass(frozen=True, kw_only=True)
class Box:
    """What one trial container is made of."""

    image: str
    name: str
    labels: Mapping[str, str]
    memory_mib: int
    pids: int
    cpus: float
    nofile: int
    file_mib: int
    tmpfs_mib: int
    tree_mib: int = 0  # size of the writable tree's tmpfs; 0: the tree is the image's, read-only
    binds: Mapping[str, Path] = field(default_factory=dict)  # path inside -> staged file
    runtime: str | None = None


def host_config(client: Any, box: Box) -> Any:
    """Docker's flags for a box."""
    tmpfs = {"/tmp": tmpfs_options(box.tmpfs_mib, 16384)}  # noqa: S108 - inside the container
    if box.tree_mib:
        tmpfs["/module"] = tmpfs_options(box.tree_mib, 32768)
    return client.create_host_config(
        network_mode="none",
        cap_drop=["ALL"],
        cap_add=KEPT_CAPABILITIES,
        security_opt=["no-new-privileges", "seccomp=" + seccomp_profile()],
        read_only=True,
        tmpfs=tmpfs,
        mounts=[
            Mount(target=inside, source=str(outside), type="bind", read_only=True)
            for inside, outside in box.binds.items()
        ],
        mem_limit=box.memory_mib * MIB,
        memswap_limit=box.memory_mib * MIB,
        pids_limit=box.pids,
        nano_cpus=int(box.cpus * 1e9),
        ulimits=[
            Ulimit(name="nofile", soft=box.nofile, hard=box.nofile),
            Ulimit(name="fsize", soft=box.file_mib * MIB, hard=box.file_mib * MIB),
            Ulimit(name="core", soft=0, hard=0),
        ],
        ipc_mode="private",
        shm_size=SHM_MIB * MIB,
        init=True,
        log_config=LogConfig(type="none"),
        runtime=box.runtime,
    )


def tmpfs_options(size_mib: int, inodes: int) -> str:
    """A bounded tmpfs that every user may write to and nobody can run programs from."""
    return f"rw,nosuid,nodev,noexec,size={size_mib}m,nr_inodes={inodes},mode=1777"


def seccomp_profile() -> str:
    """Our profile, on one line as the engine wants it."""
    return json.dumps(json.loads(SECCOMP.read_bytes()), separators=(",", ":"))
