"""What `mendd check` says about the engine: one finding per fact, each with its remedy."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.box import SECCOMP
from sandbox.container import Docker
from sandbox.errors import SandboxError

OLDEST_API = (1, 40)  # private IPC, pids limit, init and tmpfs options all work from here on
FIXED_RUNC = {(1, 2): 8, (1, 3): 3}  # CVE-2025-31133, -52565 and -52881 are fixed from these on


LIMIT_KEYS = {"memory": "MemoryLimit", "processes": "PidsLimit", "CPU": "CpuCfsQuota"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact about the engine; `ok` None means that it works, but weaker than it could."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def findings(
    docker: Docker, base_image: str | None, runtime: str | None, cpus: float
) -> list[Finding]:
    """Everything there is to say about this engine; one finding when it does not answer."""
    try:
        version, info = docker.version(), docker.info()
        base = base_finding(docker, base_image)
    except SandboxError as fault:
        remedy = "start Docker, let this user reach its socket, or set the address of an engine"
        return [Finding(name="engine", ok=False, detail=str(fault), remedy=remedy)]
    return [
        engine(version), runc(version), cgroup(info), seccomp(info), apparmor(info),
        user_namespaces(info), disk(info), runtime_finding(info, runtime),
        processors(info, cpus), base,
    ]  # fmt: skip


def engine(version: Mapping[str, Any]) -> Finding:
    """Docker's version and that of its API."""
    api = str(version.get("ApiVersion", "0"))
    return Finding(
        name="engine",
        ok=numbers(api) >= OLDEST_API,
        detail=f"Docker {version.get('Version')}, API {api}",
        remedy="" if numbers(api) >= OLDEST_API else "use Docker 19.03 or newer",
    )


def runc(version: Mapping[str, Any]) -> Finding:
    """runc has had 14 escapes by path handling since 2017; the last three were fixed late."""
    parts = {part["Name"]: part.get("Version", "") for part in version.get("Components") or []}
    found = str(parts.get("runc", ""))
    if not found:
        return Finding(name="runc", ok=None, detail="the engine names no runc", remedy="")
    fixed = is_fixed_runc(found)
    return Finding(
        name="runc",
        ok=True if fixed else None,
        detail=f"runc {found}"
        + ("" if fixed else " predates the fixes of CVE-2025-31133, -52565 and -52881"),
        remedy="" if fixed else "upgrade to runc 1.2.8, 1.3.3 or newer (or a patched package)",
    )


def is_fixed_runc(version: str) -> bool:
    """Whether this version has the fixes of November 2025."""
    major, minor, patch, *_ = (*numbers(version), 0, 0, 0)
    least = FIXED_RUNC.get((major, minor))
    return (major, minor) > (1, 3) if least is None else patch >= least


def numbers(version: str) -> tuple[int, ...]:
    """The leading dotted numbers of a version."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else (0,)


def cgroup(info: Mapping[str, Any]) -> Finding:
    """Which limits the kernel can keep."""
    missing = [what for what, key in LIMIT_KEYS.items() if not info.get(key)]
    version = str(info.get("CgroupVersion", "1"))
    if missing:
        detail = f"cgroup v{version} does not limit {', '.join(missing)}"
        remedy = "run Docker as root, or with cgroup v2 delegation"
        return Finding(name="cgroup", ok=False, detail=detail, remedy=remedy)
    if version == "1":
        detail = "cgroup v1: limits hold, but the host's group names are readable inside"
        remedy = "boot with systemd.unified_cgroup_hierarchy=1"
        return Finding(name="cgroup", ok=None, detail=detail, remedy=remedy)
    return Finding(name="cgroup", ok=True, detail=f"cgroup v{version}")


def options(info: Mapping[str, Any]) -> set[str]:
    """The engine's security options by name."""
    return {
        part.removeprefix("name=")
        for option in info.get("SecurityOptions") or []
        for part in str(option).split(",")
    }


def seccomp(info: Mapping[str, Any]) -> Finding:
    """Our own profile needs the engine's support."""
    if "seccomp" not in options(info):
        detail = "this engine filters no system calls"
        return Finding(name="seccomp", ok=False, detail=detail, remedy="use a kernel with seccomp")
    rules = json.loads(SECCOMP.read_bytes())["syscalls"]
    count = sum(len(rule["names"]) for rule in rules if rule["action"] == "SCMP_ACT_ALLOW")
    return Finding(name="seccomp", ok=True, detail=f"our profile allows {count} system calls")


def apparmor(info: Mapping[str, Any]) -> Finding:
    """A second wall where the kernel has it."""
    if {"apparmor", "selinux"} & options(info):
        return Finding(name="apparmor", ok=True, detail="a mandatory access control is on")
    detail = "neither AppArmor nor SELinux: the other walls stand alone"
    return Finding(name="apparmor", ok=None, detail=detail, remedy="enable AppArmor on the host")


def user_namespaces(info: Mapping[str, Any]) -> Finding:
    """Whether root inside is root outside."""
    if {"userns", "rootless"} & options(info):
        return Finding(name="user namespaces", ok=True, detail="root inside is nobody outside")
    detail = (
        "root in a container is the host's root; only our harness runs as it, with 3 capabilities"
    )
    remedy = 'set "userns-remap" in the engine\'s configuration'
    return Finding(name="user namespaces", ok=None, detail=detail, remedy=remedy)


def disk(info: Mapping[str, Any]) -> Finding:
    """Trials write to memory only, so the storage driver matters for speed alone."""
    driver = str(info.get("Driver", ""))
    good = driver in ("overlay2", "overlayfs", "fuse-overlayfs", "btrfs", "zfs", "stargz")
    return Finding(
        name="storage", ok=True if good else None, detail=f"driver {driver}",
        remedy="" if good else "use overlay2: this driver copies whole layers for every trial",
    )  # fmt: skip


def runtime_finding(info: Mapping[str, Any], runtime: str | None) -> Finding:
    """The runtime asked for must be known to the engine."""
    known = sorted(info.get("Runtimes") or {})
    used = runtime or str(info.get("DefaultRuntime", "runc"))
    if runtime and runtime not in known:
        detail = f"the engine has no runtime {runtime!r}, only {', '.join(known)}"
        return Finding(name="runtime", ok=False, detail=detail, remedy=f"install {runtime}")
    strong = used.startswith(("runsc", "kata"))
    detail = f"{used}: " + ("its own kernel" if strong else "tests share the host's kernel")
    remedy = "" if strong else 'for code from strangers, install gVisor and set runtime = "runsc"'
    return Finding(name="runtime", ok=True if strong else None, detail=detail, remedy=remedy)


def processors(info: Mapping[str, Any], cpus: float) -> Finding:
    """The engine refuses a container that wants more processors than there are."""
    there = int(info.get("NCPU") or 0)
    detail = f"{there} processors, one trial may use {cpus:g}"
    if there and cpus > there:
        remedy = f"lower cpus to {there} or less"
        return Finding(name="processors", ok=False, detail=detail, remedy=remedy)
    return Finding(name="processors", ok=True, detail=detail)


def base_finding(docker: Docker, base_image: str | None) -> Finding:
    """Whether the base image is there, what it came from and when it was built."""
    built = docker.images("mendd.layer=base")
    if not built:
        way = f"from {base_image}" if base_image else "from Debian packages, in about a minute"
        return Finding(name="base image", ok=None, detail=f"not built yet; will be built {way}")
    labels = built[0].get("Labels") or {}
    size = int(built[0].get("Size", 0)) >> 20
    return Finding(
        name="base image", ok=True,
        detail=f"{built[0]['Id'][:19]} from {labels.get('mendd.source')}, {size} MiB",
    )  # fmt: skip
