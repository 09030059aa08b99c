"""Findings about the engine, from what it says of itself."""

from typing import Any

import pytest

from sandbox.check import (
    apparmor,
    cgroup,
    engine,
    is_fixed_runc,
    processors,
    runc,
    runtime_finding,
    seccomp,
    user_namespaces,
)


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ("1.1.5+ds1", False), ("1.1.99", False), ("1.2.7", False), ("1.2.8", True),
        ("1.3.2", False), ("1.3.3", True), ("1.4.0-rc.3", True), ("2.0.0", True), ("odd", False),
    ],
)  # fmt: skip
def test_runc_is_held_against_the_fixes(version: str, fixed: bool) -> None:
    """CVE-2025-31133, -52565, -52881."""
    assert is_fixed_runc(version) is fixed
    found = runc({"Components": [{"Name": "runc", "Version": version}]})
    assert found.ok is (True if fixed else None)
    assert bool(found.remedy) is not fixed


def test_an_old_api_is_a_fault() -> None:
    """With a remedy."""
    assert engine({"Version": "20.10.24", "ApiVersion": "1.41"}).ok is True
    old = engine({"Version": "17.05", "ApiVersion": "1.29"})
    assert old.ok is False and old.remedy


LIMITS = {"MemoryLimit": True, "PidsLimit": True, "CpuCfsQuota": True}


@pytest.mark.parametrize(
    ("info", "ok"),
    [
        ({**LIMITS, "CgroupVersion": "2"}, True),
        ({**LIMITS, "CgroupVersion": "1"}, None),
        ({**LIMITS, "MemoryLimit": False}, False),
    ],
)
def test_limits_that_are_not_kept_are_a_fault(info: dict[str, Any], ok: bool | None) -> None:
    """cgroup v1 is only weaker."""
    assert cgroup(info).ok is ok


def test_security_options_are_read_by_name() -> None:
    """Without what one of them is configured to."""
    info = {"SecurityOptions": ["name=seccomp,profile=default", "name=userns"]}
    assert seccomp(info).ok is True
    assert user_namespaces(info).ok is True
    assert apparmor(info).ok is None
    assert seccomp({}).ok is False


def test_a_runtime_must_be_known() -> None:
    """Asked for but absent is a fault; runc is merely weaker than gVisor."""
    info = {"Runtimes": {"runc": {}}, "DefaultRuntime": "runc"}
    assert runtime_finding(info, "runsc").ok is False
    assert runtime_finding(info, None).ok is None
    assert runtime_finding({"Runtimes": {"runsc": {}}}, "runsc").ok is True


@pytest.mark.parametrize(("cpus", "ok"), [(1.0, True), (2.0, True), (2.5, False)])
def test_more_processors_than_there_are_is_a_fault(cpus: float, ok: bool) -> None:
    """Every trial would be refused by the engine."""
    found = processors({"NCPU": 2}, cpus)
    assert found.ok is ok
    assert bool(found.remedy) is not ok
