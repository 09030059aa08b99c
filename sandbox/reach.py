"""Who may speak to the engine: whoever may is as good as root on its machine.

One command over the socket mounts the host's whole disk (measured: the shadow file read in 0.32 s).
Neither the unit's hardening nor `userns-remap` changes that: who speaks to the engine may ask for
`--userns host`. Only an engine that does not run as root (rootless) is worth less.
"""

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sandbox.finding import Finding, options

NAME = "socket"
LOCAL = "unix:///var/run/docker.sock"
LOOPBACK = ("127.", "localhost", "[::1]")
NETWORKED = ("tcp://", "http://", "https://")
MOST_NAMED = 5
ROOTLESS = (
    "use a rootless engine on cgroup v2 (docs/service.md), or give mendd a machine of its own"
)


def reach(host: str | None, info: Mapping[str, Any]) -> Finding:
    """Who may speak to the engine at this address, as far as can be seen from here."""
    address = host or LOCAL
    shown = next((w for w in info.get("Warnings") or [] if "API is accessible on" in w), None)
    if shown:
        where = shown.split("API is accessible on", 1)[1].split()[0]
        detail = f"the engine answers anybody at {where}: each of them is root on its machine"
        remedy = "take -H tcp://… out of the engine's settings, or have it ask for certificates"
        return Finding(name=NAME, ok=False, detail=detail, remedy=remedy)
    if address.startswith(NETWORKED):
        return over_network(address)
    if not address.startswith("unix://"):
        return Finding(name=NAME, ok=True, detail=f"{address}: as well kept as that way to it")
    path = Path(address.removeprefix("unix://"))
    try:
        found = path.stat()
    except OSError as fault:
        detail = f"{path} cannot be looked at: {fault.strerror}"
        return Finding(name=NAME, ok=None, detail=detail, remedy="see who may open it")
    return local(path, found, rootless="rootless" in options(info))


def over_network(address: str) -> Finding:
    """mendd brings no certificates, so neither side knows whom it speaks to."""
    if address.split("://", 1)[1].startswith(LOOPBACK):
        detail = f"{address}: every user and every service of this machine is root through it"
        return Finding(name=NAME, ok=None, detail=detail, remedy="use the engine's unix socket")
    detail = f"{address} is neither encrypted nor asked who it is: whoever reaches it is root there"
    return Finding(name=NAME, ok=False, detail=detail, remedy="use ssh://, or a socket over ssh -L")


def local(path: Path, found: os.stat_result, *, rootless: bool) -> Finding:
    """Who may open the socket by its mode, and what that is worth."""
    if found.st_mode & stat.S_IWOTH:
        worth = "the engine's user" if rootless else "root"
        detail = f"every user of this machine may open {path}, and with it is {worth}"
        return Finding(name=NAME, ok=False, detail=detail, remedy=f"chmod o-rwx {path}")
    who = user(found.st_uid)
    if rootless:
        detail = f"rootless: whoever opens {path} is {who}, not root"
        return Finding(name=NAME, ok=True, detail=detail)
    if found.st_mode & stat.S_IWGRP:
        who = f"{who} and the group {group(found.st_gid)} ({members(found.st_gid)})"
    detail = f"whoever may open {path} is root on this machine, mendd included: {who}"
    return Finding(name=NAME, ok=None, detail=detail, remedy=ROOTLESS)


def user(number: int) -> str:
    """A user's name, or the number of one without."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def group(number: int) -> str:
    """A group's name, or the number of one without."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def members(number: int) -> str:
    """Everybody in a group, whose first group it is included."""
    try:
        named = list(grp.getgrgid(number).gr_mem)
    except KeyError:
        named = []
    named += [each.pw_name for each in pwd.getpwall() if each.pw_gid == number]
    listed = sorted(set(named))
    more = f" and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return ", ".join(listed[:MOST_NAMED]) + more or "nobody in it now"


def user_ids(info: Mapping[str, Any], wanted: range, taken: Iterable[int] | None = None) -> Finding:
    """The user ids of the tested code should be nobody's on the host; `taken`: those of its users.

    Where root inside is not root outside, the others are moved as well.
    """
    name = "user ids"
    if {"userns", "rootless"} & options(info):
        return Finding(name=name, ok=True, detail="moved into a range of their own by the engine")
    there = taken if taken is not None else [each.pw_uid for each in pwd.getpwall()]
    if shared := sorted(set(wanted) & set(there)):
        detail = f"user id {shared[0]} of tested code is {user(shared[0])} outside the container"
        remedy = f"give that account an id outside {wanted.start} to {wanted.stop - 1}"
        return Finding(name=name, ok=None, detail=detail, remedy=remedy)
    detail = f"tested code runs as {wanted.start} and up, nobody on this machine"
    return Finding(name=name, ok=True, detail=detail)
