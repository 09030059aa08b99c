"""Findings about the engine, from what it says of itself: a truth table, each row with a remedy."""

from typing import Any

import pytest

from sandbox.check import (
    apparmor,
    cgroup,
    disk,
    engine,
    is_fixed_runc,
    processors,
    runc,
    runtime_finding,
    seccomp,
    swap,
    user_namespaces,
)
from sandbox.finding import Finding
from sandbox.reach import reach, user_ids

GOOD, WEAK, BAD = True, None, False


def assert_found(found: Finding, ok: bool | None, *words: str) -> None:
    """This level, these words in the detail, and a remedy exactly where something is to be done."""
    assert found.ok is ok, found
    assert bool(found.remedy) is not (ok is True), found
    assert all(word in found.detail for word in words), found


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ("1.0.3", False), ("1.1.5+ds1", False), ("1.1.12-0ubuntu3.1", False), ("1.1.99", False),
        ("1.2.0", False), ("1.2.7", False), ("1.2.8", True), ("v1.2.8", True), ("1.2.9", True),
        ("1.2.10", True), ("1.3.0", False), ("1.3.2", False), ("1.3.3", True),
        ("1.3.3-0ubuntu1~24.04.2", True), ("1.4.0-rc.1", False), ("1.4.0-rc.2", False),
        ("1.4.0-rc.3", True), ("1.4.0", True), ("2.0.0", True), ("odd", False), ("", False),
    ],
)  # fmt: skip
def test_runc_is_held_against_the_fixes(version: str, fixed: bool) -> None:
    """CVE-2025-31133, -52565, -52881: 1.2.8, 1.3.3 and 1.4.0-rc.3."""
    assert is_fixed_runc(version) is fixed
    found = runc({"Components": [{"Name": "runc", "Version": version}]})
    assert_found(found, GOOD if fixed else WEAK, version)


def test_an_engine_without_runc_is_weak() -> None:
    """Its runtime's fixes are not known here (crun under Podman, for one)."""
    parts = [{"Name": "Podman Engine", "Version": "4.3.1"}, {"Name": "OCI Runtime (crun)"}]
    assert_found(runc({"Components": parts}), WEAK, "no runc")
    assert_found(runc({}), WEAK, "no runc")


@pytest.mark.parametrize(
    ("version", "api", "ok"),
    [
        ("17.05.0-ce", "1.29", BAD), ("18.09.1", "1.39", BAD), ("19.03.15", "1.40", BAD),
        ("20.10.5+dfsg1", "1.41", BAD), ("20.10.9", "1.41", BAD), ("20.10.10", "1.41", WEAK),
        ("20.10.24+dfsg1", "1.41", WEAK), ("23.0.15", "1.42", WEAK), ("24.0.9", "1.43", WEAK),
        ("25.0.0", "1.44", GOOD), ("26.1.5+dfsg1", "1.45", GOOD), ("28.2.2", "1.50", GOOD),
        ("29.0.1", "1.52", GOOD), ("4.3.1", "1.41", GOOD), ("5.4.2", "1.41", GOOD),
        ("3.0.1", "1.40", BAD), ("dev", "1.51", GOOD),
    ],
)  # fmt: skip
def test_engines_by_version(version: str, api: str, ok: bool | None) -> None:
    """Before 20.10.10 no thread starts under our profile; before 25.0 builds may use io_uring."""
    assert_found(engine({"Version": version, "ApiVersion": api}), ok, version, api)


LIMITS = {"MemoryLimit": True, "PidsLimit": True, "CpuCfsQuota": True, "CgroupDriver": "systemd"}
ROOTLESS = {"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"]}


@pytest.mark.parametrize(
    ("info", "ok", "word"),
    [
        ({**LIMITS, "CgroupVersion": "2"}, GOOD, "v2"),
        ({**LIMITS, "CgroupVersion": "1"}, WEAK, "readable inside"),
        (LIMITS, WEAK, "v1"),
        ({**LIMITS, "CgroupVersion": "2", **ROOTLESS}, GOOD, "v2"),
        ({**LIMITS, "CgroupVersion": "1", **ROOTLESS}, BAD, "memory, processes, CPU"),
        ({**LIMITS, "CgroupVersion": "2", "CgroupDriver": "none"}, BAD, "memory, processes, CPU"),
        ({**LIMITS, "CgroupVersion": "2", "MemoryLimit": False}, BAD, "memory"),
        ({**LIMITS, "CgroupVersion": "2", "PidsLimit": False}, BAD, "processes"),
        ({**LIMITS, "CgroupVersion": "2", "CpuCfsQuota": False}, BAD, "CPU"),
        ({}, BAD, "memory, processes, CPU"),
    ],
)
def test_limits_that_are_not_kept_are_a_fault(
    info: dict[str, Any], ok: bool | None, word: str
) -> None:
    """cgroup v1 is only weaker, except for an engine without root, which keeps none there."""
    assert_found(cgroup(info), ok, word)


@pytest.mark.parametrize(("limited", "ok"), [(True, GOOD), (False, WEAK), (None, WEAK)])
def test_swap_beside_the_limit_is_weak(limited: bool | None, ok: bool | None) -> None:
    """`memory` = `memory-swap` means nothing to a kernel that does not count it."""
    assert_found(swap({"SwapLimit": limited}), ok, "memory limit")


@pytest.mark.parametrize(
    ("security", "levels"),
    [  # seccomp, mandatory access control, user namespaces
        ([], (BAD, WEAK, WEAK)),
        (["name=seccomp,profile=default"], (GOOD, WEAK, WEAK)),
        (["name=seccomp,profile=builtin", "name=cgroupns"], (GOOD, WEAK, WEAK)),
        (["name=seccomp,profile=unconfined"], (WEAK, WEAK, WEAK)),
        (["name=apparmor", "name=seccomp,profile=default"], (GOOD, GOOD, WEAK)),
        (["name=selinux", "name=seccomp,profile=default"], (GOOD, GOOD, WEAK)),
        (["name=seccomp,profile=default", "name=userns"], (GOOD, WEAK, GOOD)),
        (["name=seccomp,profile=builtin", "name=rootless"], (GOOD, WEAK, GOOD)),
        (["seccomp", "apparmor"], (GOOD, GOOD, WEAK)),
    ],
)
def test_security_options_by_name(security: list[str], levels: tuple[bool | None, ...]) -> None:
    """Without what one of them is configured to, but for a profile that is none."""
    info = {"SecurityOptions": security}
    for finding, level in zip((seccomp, apparmor, user_namespaces), levels, strict=True):
        assert_found(finding(info), level)


@pytest.mark.parametrize(
    ("runtimes", "default", "asked", "ok"),
    [
        (["runc"], "runc", None, WEAK),
        (["runc"], "runc", "runsc", BAD),
        (["runc"], "runc", "runc", WEAK),
        (["runc", "runsc"], "runc", "runsc", GOOD),
        (["runc", "runsc"], "runsc", None, GOOD),
        (["runc", "kata-runtime"], "runc", "kata-runtime", GOOD),
        (["io.containerd.runsc.v1"], "io.containerd.runsc.v1", None, GOOD),
        (["crun"], "crun", None, WEAK),
        ([], "runc", None, WEAK),
    ],
)
def test_a_runtime_must_be_known(
    runtimes: list[str], default: str, asked: str | None, ok: bool | None
) -> None:
    """Asked for but absent is a fault; runc is merely weaker than a kernel of its own."""
    info = {"Runtimes": dict.fromkeys(runtimes), "DefaultRuntime": default}
    assert_found(runtime_finding(info, asked), ok)


@pytest.mark.parametrize(
    ("driver", "ok"),
    [
        ("overlay2", GOOD), ("overlayfs", GOOD), ("fuse-overlayfs", GOOD), ("btrfs", GOOD),
        ("zfs", GOOD), ("vfs", WEAK), ("devicemapper", WEAK), ("aufs", WEAK), ("", WEAK),
    ],
)  # fmt: skip
def test_storage_drivers(driver: str, ok: bool | None) -> None:
    """vfs copies whole layers; none of them bounds what building an image writes."""
    found = disk({"Driver": driver, "DriverStatus": [["Backing Filesystem", "extfs"]]})
    assert_found(found, ok, driver, "extfs")
    assert ("no size limit" in found.detail) is (ok is GOOD)


@pytest.mark.parametrize(("cpus", "ok"), [(1.0, GOOD), (2.0, GOOD), (2.5, BAD)])
def test_more_processors_than_there_are_is_a_fault(cpus: float, ok: bool) -> None:
    """Every trial would be refused by the engine."""
    assert_found(processors({"NCPU": 2}, cpus), ok)


HERE: dict[str, Any] = {  # of the engine on which reliability was measured, in its own words
    **LIMITS, "CgroupVersion": "1", "CgroupDriver": "cgroupfs", "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"]], "NCPU": 2, "SwapLimit": True,
    "SecurityOptions": ["name=seccomp,profile=default"], "Runtimes": {"runc": {}},
    "DefaultRuntime": "runc",
}  # fmt: skip
PODMAN = {**HERE, **ROOTLESS, "Driver": "vfs"}
REMAPPED = {**HERE, "SecurityOptions": ["name=seccomp,profile=default", "name=userns"]}
DOES_NOT_WORK: dict[str, tuple[Finding, bool | None, str]] = {
    "a container's layer has no size limit": (disk(HERE), GOOD, "no size limit"),
    "cgroup v1 shows the host's group names": (cgroup(HERE), WEAK, "readable inside"),
    "AppArmor is accepted and does nothing": (apparmor(HERE), WEAK, "neither AppArmor"),
    "runsc is absent": (runtime_finding(HERE, "runsc"), BAD, "no runtime 'runsc'"),
    "nproc counts over containers: processes": (
        cgroup({**HERE, "PidsLimit": False}), BAD, "processes"),
    "a user id that the host uses": (
        user_ids(HERE, range(10001, 10065), [0, 10003]), WEAK, "10003"),
    "no private /dev/shm before API 1.40": (
        engine({"Version": "18.09.1", "ApiVersion": "1.39"}), BAD, "1.39"),
    "userns-remap, passed by with --userns host": (
        reach("unix:///dev/null", REMAPPED), BAD, "every user"),
    "rootless on cgroup v1 ignores limits": (cgroup(PODMAN), BAD, "does not limit"),
    "vfs storage": (disk(PODMAN), WEAK, "vfs"),
    "runc before November 2025": (
        runc({"Components": [{"Name": "runc", "Version": "1.1.5+ds1"}]}), WEAK, "CVE-2025-31133"),
    "io_uring in the engine's profile": (
        engine({"Version": "20.10.24+dfsg1", "ApiVersion": "1.41"}), WEAK, "io_uring"),
}  # fmt: skip


@pytest.mark.parametrize("what", DOES_NOT_WORK)
def test_what_does_not_work_is_detected(what: str) -> None:
    """Everything that was measured not to work, or not to help, on an engine like ours."""
    assert_found(*DOES_NOT_WORK[what])
