"""What `mendd check` says about the engine: one finding per fact, each with its remedy.

`False` where trials cannot work or are open to anybody, None where a wall is weaker than it could
be. What was measured of each stands in docs/sandbox.md.
"""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.box import SECCOMP
from sandbox.container import Docker
from sandbox.errors import SandboxError
from sandbox.finding import Finding, numbers, options
from sandbox.launch import FIRST_UID
from sandbox.reach import reach, user_ids

OLDEST = (20, 10, 10)  # its seccomp knows errnoRet: clone3 is ENOSYS, else no thread starts
OLDEST_API = (1, 41)
NO_RINGS = (25, 0)  # from here on the engine's own profile leaves out io_uring
FIXED_RUNC = {(1, 2): 8, (1, 3): 3}  # CVE-2025-31133, -52565 and -52881 are fixed from these on
EARLY_RUNC = ("1.4.0-rc.1", "1.4.0-rc.2", "1.4.0-rc1", "1.4.0-rc2")  # the third has the fixes
TRIAL_IDS = range(FIRST_UID, FIRST_UID + 64)
LIMIT_KEYS = {"memory": "MemoryLimit", "processes": "PidsLimit", "CPU": "CpuCfsQuota"}
ROOTFUL = "run Docker as root, or rootless on cgroup v2 with delegation"


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
        engine(version), runc(version), cgroup(info), swap(info), seccomp(info), apparmor(info),
        user_namespaces(info), user_ids(info, TRIAL_IDS), reach(docker.host, info), disk(info),
        runtime_finding(info, runtime), processors(info, cpus), base,
    ]  # fmt: skip


def engine(version: Mapping[str, Any]) -> Finding:
    """Docker's version and that of its API."""
    api, own = str(version.get("ApiVersion", "0")), str(version.get("Version", "0"))
    detail = f"Docker {own}, API {api}"
    if numbers(api) < OLDEST_API or OLDEST > numbers(own) >= (17,):
        detail += ": with our system call profile no thread starts"
        remedy = "use Docker 20.10.10 or newer"
        return Finding(name="engine", ok=False, detail=detail, remedy=remedy)
    if NO_RINGS > numbers(own) >= (17,):
        detail += ": its own profile allows io_uring to images under construction (not to trials)"
        remedy = "use Docker 25.0 or newer"
        return Finding(name="engine", ok=None, detail=detail, remedy=remedy)
    return Finding(name="engine", ok=True, detail=detail)


def runc(version: Mapping[str, Any]) -> Finding:
    """runc has had 14 escapes by path handling since 2017; the last three were fixed late."""
    parts = {part["Name"]: part.get("Version", "") for part in version.get("Components") or []}
    found = str(parts.get("runc", ""))
    if not found:
        detail = "the engine names no runc: its fixes are not known here"
        remedy = "hold the version of the engine's runtime against its advisories"
        return Finding(name="runc", ok=None, detail=detail, remedy=remedy)
    if is_fixed_runc(found):
        return Finding(name="runc", ok=True, detail=f"runc {found}")
    detail = f"runc {found} predates the fixes of CVE-2025-31133, -52565 and -52881"
    remedy = "upgrade to runc 1.2.8, 1.3.3 or newer (or a patched package)"
    return Finding(name="runc", ok=None, detail=detail, remedy=remedy)


def is_fixed_runc(version: str) -> bool:
    """Whether this version has the fixes of November 2025."""
    major, minor, patch, *_ = (*numbers(version), 0, 0, 0)
    if version.removeprefix("v").startswith(EARLY_RUNC):
        return False
    least = FIXED_RUNC.get((major, minor))
    return (major, minor) > (1, 3) if least is None else patch >= least


def cgroup(info: Mapping[str, Any]) -> Finding:
    """Which limits the kernel can keep; a rootless engine keeps none on v1, whatever it says."""
    missing = [what for what, key in LIMIT_KEYS.items() if not info.get(key)]
    version = str(info.get("CgroupVersion", "1"))
    powerless = "rootless" in options(info) and version == "1"
    if info.get("CgroupDriver") == "none" or powerless:
        missing = list(LIMIT_KEYS)
    if missing:
        detail = f"cgroup v{version} does not limit {', '.join(missing)}"
        return Finding(name="cgroup", ok=False, detail=detail, remedy=ROOTFUL)
    if version == "1":
        detail = "cgroup v1: limits hold, but the host's group names are readable inside"
        remedy = "boot with systemd.unified_cgroup_hierarchy=1"
        return Finding(name="cgroup", ok=None, detail=detail, remedy=remedy)
    return Finding(name="cgroup", ok=True, detail=f"cgroup v{version}")


def swap(info: Mapping[str, Any]) -> Finding:
    """A memory limit that leaves out swap only moves the bomb to the disk."""
    if info.get("SwapLimit"):
        return Finding(name="swap", ok=True, detail="counts towards the memory limit")
    detail = "the kernel does not count swap: a trial may fill it beyond its memory limit"
    remedy = "boot with swapaccount=1 or cgroup v2, or have no swap"
    return Finding(name="swap", ok=None, detail=detail, remedy=remedy)


def seccomp(info: Mapping[str, Any]) -> Finding:
    """Our own profile needs the engine's support."""
    if "seccomp" not in options(info):
        detail = "this engine filters no system calls"
        return Finding(name="seccomp", ok=False, detail=detail, remedy="use a kernel with seccomp")
    if "profile=unconfined" in options(info):
        detail = "trials bring our profile, but images are built without any"
        remedy = 'take "seccomp-profile": "unconfined" out of the engine\'s configuration'
        return Finding(name="seccomp", ok=None, detail=detail, remedy=remedy)
    rules = json.loads(SECCOMP.read_bytes())["syscalls"]
    allowed = [rule["names"] for rule in rules if rule["action"] == "SCMP_ACT_ALLOW"]
    count = len({name for names in allowed for name in names})
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
    """Trials write to memory only; what an image's construction writes has no limit."""
    driver = str(info.get("Driver", ""))
    facts = {pair[0]: pair[-1] for pair in info.get("DriverStatus") or []}
    below = facts.get("Backing Filesystem", "")
    where = f"driver {driver}" + (f" on {below}" if below else "")
    if driver in ("overlay2", "overlayfs", "fuse-overlayfs", "btrfs", "zfs", "stargz"):
        detail = f"{where}: trials write to memory only, building an image has no size limit"
        return Finding(name="storage", ok=True, detail=detail)
    remedy = "use overlay2: this driver copies whole layers for every trial"
    return Finding(name="storage", ok=None, detail=where, remedy=remedy)


def runtime_finding(info: Mapping[str, Any], runtime: str | None) -> Finding:
    """The runtime asked for must be known to the engine."""
    known = sorted(info.get("Runtimes") or {})
    used = runtime or str(info.get("DefaultRuntime", "runc"))
    if runtime and runtime not in known:
        detail = f"the engine has no runtime {runtime!r}, only {', '.join(known)}"
        return Finding(name="runtime", ok=False, detail=detail, remedy=f"install {runtime}")
    if any(part.startswith(("runsc", "kata")) for part in used.split(".")):
        return Finding(name="runtime", ok=True, detail=f"{used}: its own kernel")
    kernel = info.get("KernelVersion", "")
    detail = f"{used}: tests share the host's kernel {kernel}".rstrip()
    remedy = 'for code from strangers, install gVisor and set runtime = "runsc"'
    return Finding(name="runtime", ok=None, detail=detail, remedy=remedy)


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
