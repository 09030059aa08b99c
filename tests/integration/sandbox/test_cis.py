"""CIS Docker Benchmark 1.6.0, section 5 (container runtime), asked of a trial while it runs.

The questions are those of docker-bench-security, put to `docker inspect` and to the processes in
the container. Every one of the 32 is answered here: checked, or waived with its reason.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.battery import LIMITS, attackers, holder

pytestmark = pytest.mark.docker

Facts = dict[str, Any]
SENSITIVE = ("/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr", "/var", "/root")
CHECKS: dict[str, tuple[str, Callable[[Facts], bool]]] = {
    "5.4": ("only the harness's capabilities",
            lambda c: c["CapDrop"] == ["ALL"] and c["CapAdd"] == ["KILL", "SETGID", "SETUID"]),
    "5.5": ("not privileged", lambda c: c["Privileged"] is False),
    "5.6": ("no sensitive folder of the host mounted",
            lambda c: not any(m["Source"] in SENSITIVE or m["RW"] for m in c["Mounts"])),
    "5.7": ("no ssh server inside", lambda c: not any("ssh" in each for each in c["commands"])),
    "5.8": ("no privileged port mapped", lambda c: not c["PortBindings"]),
    "5.9": ("no port open", lambda c: not c["Ports"] and not c["PublishAllPorts"]),
    "5.10": ("not the host's network", lambda c: c["NetworkMode"] == "none"),
    "5.11": ("memory limited, swap included",
             lambda c: c["Memory"] == c["MemorySwap"] == LIMITS.memory_mib << 20),
    "5.13": ("root file system read-only", lambda c: c["ReadonlyRootfs"] is True),
    "5.14": ("no port on every interface", lambda c: not c["Ports"]),
    "5.15": ("never restarted", lambda c: c["RestartPolicy"]["Name"] in ("", "no")),
    "5.16": ("not the host's processes", lambda c: c["PidMode"] == ""),
    "5.17": ("not the host's IPC", lambda c: c["IpcMode"] == "private"),
    "5.18": ("no device of the host",
             lambda c: not (c["Devices"] or c["DeviceRequests"] or c["DeviceCgroupRules"])),
    "5.19": ("ulimits of its own",
             lambda c: {each["Name"] for each in c["Ulimits"]} == {"nofile", "fsize", "core"}),
    "5.20": ("no mount shared back",
             lambda c: not any("shared" in m.get("Propagation", "") for m in c["Mounts"])),
    "5.21": ("not the host's UTS namespace", lambda c: c["UTSMode"] == ""),
    "5.22": ("a seccomp profile, our own",
             lambda c: any(o.startswith('seccomp={"defaultAction":"SCMP_ACT_ERRNO"')
                           for o in c["SecurityOpt"])),
    "5.23": ("nothing executed beside it, privileged", lambda c: not c["ExecIDs"]),
    "5.24": ("nothing executed beside it, as root", lambda c: not c["ExecIDs"]),
    "5.25": ("in the engine's own control group", lambda c: c["CgroupParent"] in ("", "docker")),
    "5.26": ("no new privileges", lambda c: "no-new-privileges" in c["SecurityOpt"]),
    "5.28": ("its image pinned by id",
             lambda c: re.fullmatch("sha256:[0-9a-f]{64}", c["Config"]["Image"]) is not None),
    "5.29": ("processes limited", lambda c: c["PidsLimit"] == LIMITS.pids),
    "5.30": ("not on the default bridge", lambda c: list(c["Networks"]) == ["none"]),
    "5.31": ("not the host's user namespace by choice", lambda c: c["UsernsMode"] != "host"),
    "5.32": ("no engine socket inside",
             lambda c: not any("docker.sock" in m["Source"] for m in c["Mounts"])),
}  # fmt: skip
WAIVED = {
    "5.1": "swarm mode is a setting of the engine, which mendd does not use and cannot judge",
    "5.2": "AppArmor's default profile applies where the kernel has it; mendd check says if not",
    "5.3": "SELinux likewise: a label of the engine, where it is on",
    "5.12": "CPU shares only order neighbours; the hard limit NanoCpus is set instead (checked)",
    "5.27": "a container lives for one trial and is watched by its own harness and from outside",
}
OURS: dict[str, Callable[[Facts], bool]] = {
    "processor time limited (instead of 5.12)": lambda c: c["NanoCpus"] == LIMITS.cpus * 1e9,
    "nothing is logged to the host's disk":
        lambda c: c["LogConfig"]["Type"] == "none" and c["LogPath"] == "",
    "nothing of the host's environment":
        lambda c: [each.split("=")[0] for each in c["Config"]["Env"]] == ["PATH"],
    "no nproc, which counts over all containers of a user":
        lambda c: not any(each["Name"] == "nproc" for each in c["Ulimits"]),
    "the kernel may kill for memory": lambda c: c["OomKillDisable"] is not True,
    "no kernel memory limit, which is obsolete": lambda c: not c.get("KernelMemory"),
    "an init that reaps": lambda c: c["Init"] is True,
    "no volume, link, host name or group from elsewhere":
        lambda c: not (c["VolumesFrom"] or c["Links"] or c["ExtraHosts"] or c["GroupAdd"]),
    "Docker's masks are on": lambda c: len(c["MaskedPaths"]) > 5 and len(c["ReadonlyPaths"]) > 3,
    "every tmpfs is bounded and noexec": lambda c: all(
        {"noexec", "nosuid", "nodev"} <= set(each.split(",")) and "size=" in each
        for each in c["Tmpfs"].values()),
    "its name says whose it is": lambda c: c["Name"].startswith("/mendd-"),
}  # fmt: skip


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """What the engine says of a container with a trial under way, its parts side by side."""
    folder: Path = tmp_path_factory.mktemp("cis")
    with attackers(folder) as (sandbox, bench), holder(sandbox, bench) as container:
        client = sandbox._docker.client
        found = client.inspect_container(container)
        commands = [process[-1] for process in client.top(container)["Processes"]]
        yield {**found["HostConfig"], **found["NetworkSettings"], **found, "commands": commands}


@pytest.mark.parametrize("number", CHECKS)
def test_a_trial_passes_the_benchmark(facts: Facts, number: str) -> None:
    """Every check that applies."""
    what, holds = CHECKS[number]
    assert holds(facts), what


@pytest.mark.parametrize("what", OURS)
def test_a_trial_passes_our_own_questions(facts: Facts, what: str) -> None:
    """What the benchmark does not ask."""
    assert OURS[what](facts), what


def test_every_check_is_answered() -> None:
    """32 of them; a waiver has a reason."""
    assert {*CHECKS, *WAIVED} == {f"5.{number}" for number in range(1, 33)}
    assert not set(CHECKS) & set(WAIVED) and all(len(why) > 40 for why in WAIVED.values())
