"""`make audit-deps`: is anything that requirements.lock pins known to be vulnerable?

Asks the OSV database (https://osv.dev), or reads a copy of its PyPI data (`--data all.zip`, for
machines without a network). Exit codes: 0 nothing is known, 1 something is, 3 the data could not be
had, so nothing was audited; with --if-reachable that last one is said and is no failure.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from scripts.lock import LOCK, Pin, normal, pins

OSV = "https://api.osv.dev"
TIMEOUT_S = 20
MOST_BYTES = 64 << 20
ODD = (ValueError, KeyError, TypeError, AttributeError)  # what odd JSON leads to
CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 3
Found = dict[str, list[str]]  # "name version" -> ids of advisories


class NoData(Exception):
    """The advisories could not be had; says why."""


def asked(locked: Sequence[Pin], url: str) -> Found:
    """What the OSV service knows about the pins. Raises NoData."""
    queries = [
        {"package": {"ecosystem": "PyPI", "name": pin.name}, "version": pin.version}
        for pin in locked
    ]
    request = urllib.request.Request(  # noqa: S310 - the address is the operator's
        f"{url}/v1/querybatch",
        data=json.dumps({"queries": queries}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            results = json.loads(answer.read(MOST_BYTES))["results"]
        if len(results) != len(locked):
            raise NoData(f"{url} answered {len(results)} of {len(locked)} questions")
        return {
            f"{pin.name} {pin.version}": sorted(each["id"] for each in result["vulns"])
            for pin, result in zip(locked, results, strict=True)
            if result.get("vulns")
        }
    except (OSError, *ODD) as error:
        raise NoData(f"{url}: {error}") from error


def read(locked: Sequence[Pin], archive: Path) -> Found:
    """What a copy of OSV's PyPI data (a zip of JSON advisories) says. Raises NoData."""
    found: Found = {}
    by_name = {pin.name: pin for pin in locked}
    try:
        with zipfile.ZipFile(archive) as files:
            names = [name for name in files.namelist() if name.endswith(".json")]
            for name in names:
                _look_at(json.loads(files.read(name)), by_name, found)
    except (OSError, zipfile.BadZipFile, *ODD) as error:
        raise NoData(f"{archive}: {error}") from error
    if not names:
        raise NoData(f"{archive} holds no advisory")
    return {key: sorted(ids) for key, ids in found.items()}


def _look_at(advisory: Mapping[str, Any], by_name: Mapping[str, Pin], found: Found) -> None:
    if advisory.get("withdrawn"):
        return
    for affected in advisory.get("affected", ()):
        package = affected.get("package", {})
        pin = by_name.get(normal(package.get("name", "")))
        if pin and package.get("ecosystem") == "PyPI" and _hits(pin.version, affected):
            ids = found.setdefault(f"{pin.name} {pin.version}", [])
            ids += [advisory["id"]] * (advisory["id"] not in ids)


def _hits(version: str, affected: Mapping[str, Any]) -> bool:
    if version in affected.get("versions", ()):
        return True
    ranges = [each for each in affected.get("ranges", ()) if each.get("type") == "ECOSYSTEM"]
    return any(_inside(version, each["events"]) for each in ranges)


def _inside(version: str, events: Iterable[Mapping[str, str]]) -> bool:
    """OSV's own rule: the last event at or before the version decides."""
    inside, here = False, Version(version)
    for event in sorted(events, key=_place):
        ((kind, at),) = event.items()
        if kind == "introduced" and here >= _version(at):
            inside = True
        elif (kind == "fixed" and here >= _version(at)) or (
            kind == "last_affected" and here > _version(at)
        ):
            inside = False
    return inside


def _place(event: Mapping[str, str]) -> Version:
    return _version(next(iter(event.values())))


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")  # "introduced: 0", and what cannot be read counts as affected


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit the lock, and say it."""
    parser = argparse.ArgumentParser(prog="audit_deps", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, help="a zip of OSV's PyPI advisories")
    parser.add_argument("--ignore", action="append", default=[], help="an advisory's id")
    parser.add_argument("--if-reachable", action="store_true", help="no data is no failure")
    options = parser.parse_args(arguments)
    locked = pins(LOCK.read_text("utf-8"))
    try:
        if options.data:
            found = read(locked, options.data)
        else:
            found = asked(locked, os.environ.get("OSV_URL", OSV).rstrip("/"))
    except NoData as error:
        sys.stderr.write(
            f"NOT AUDITED: the advisories cannot be had ({error}). Nothing is known about the "
            f"{len(locked)} locked packages; run `make audit-deps` where there is a network\n"
        )
        return CLEAN if options.if_reachable else NOT_AUDITED
    left = {pin: [id_ for id_ in ids if id_ not in options.ignore] for pin, ids in found.items()}
    bad = {pin: ids for pin, ids in left.items() if ids}
    for pin, ids in sorted(bad.items()):
        sys.stdout.write(f"{pin}: {', '.join(ids)} (https://osv.dev/vulnerability/{ids[0]})\n")
    words = f"{len(bad)} are known to be vulnerable" if bad else "no vulnerability is known"
    sys.stdout.write(f"{len(locked)} locked packages audited: {words}\n")
    return VULNERABLE if bad else CLEAN


if __name__ == "__main__":
    sys.exit(main())
