"""`make sbom`: what mendd is made of, as CycloneDX 1.6 JSON, from requirements.lock alone.

The same lock and project file give the same bytes: no time, no random number, nothing of this
machine. A dated document is had with SOURCE_DATE_EPOCH.
"""

import json
import os
import re
import sys
import tomllib
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scripts.lock import LOCK, ROOT, Pin, normal, pins

SPACE = uuid.UUID("6f0c9d3e-6a3b-5b52-9d0c-6d656e646400")
"""Of the serial numbers, which are made from the contents."""


def sbom(project: Mapping[str, Any], locked: Sequence[Pin], epoch: str = "") -> dict[str, Any]:
    """The document. Packages that only the development group asks for have the scope excluded."""
    own = {
        "type": "application",
        "bom-ref": _purl(project["name"], project["version"]),
        "name": project["name"],
        "version": project["version"],
        "description": project["description"],
        "licenses": [{"license": {"id": project["license"]}}],
        "purl": _purl(project["name"], project["version"]),
    }
    shipped = _reached(_asked_for(project), locked)
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {**_dated(epoch), "component": own},
        "components": [_component(pin, shipped=pin.name in shipped) for pin in locked],
        "dependencies": [_root(own["bom-ref"], project, locked), *_edges(locked)],
    }
    serial = uuid.uuid5(SPACE, json.dumps(document, sort_keys=True))
    return {**document, "serialNumber": f"urn:uuid:{serial}"}


def written(document: Mapping[str, Any]) -> str:
    """As it goes to the file."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _component(pin: Pin, *, shipped: bool) -> dict[str, Any]:
    """Each hash is one of the files that may be installed: a wheel for some machine, or sources."""
    facts = [("mendd:lock:file-sha256", digest) for digest in sorted(pin.hashes)]
    facts += [("mendd:lock:marker", pin.marker)] if pin.marker else []
    return {
        "type": "library",
        "bom-ref": _purl(pin.name, pin.version),
        "name": pin.name,
        "version": pin.version,
        "purl": _purl(pin.name, pin.version),
        "scope": "required" if shipped else "excluded",
        "properties": [{"name": name, "value": value} for name, value in facts],
    }


def _root(ref: str, project: Mapping[str, Any], locked: Sequence[Pin]) -> dict[str, Any]:
    direct = _asked_for(project)
    return {"ref": ref, "dependsOn": sorted(_ref(pin) for pin in locked if pin.name in direct)}


def _edges(locked: Sequence[Pin]) -> list[dict[str, Any]]:
    return [
        {
            "ref": _ref(pin),
            "dependsOn": sorted({_ref(other) for other in locked if pin.name in _askers(other)}),
        }
        for pin in locked
    ]


def _reached(names: set[str], locked: Sequence[Pin]) -> set[str]:
    """What these packages need, themselves included."""
    while True:
        more = names | {pin.name for pin in locked if _askers(pin) & names}
        if more == names:
            return names
        names = more


def _askers(pin: Pin) -> set[str]:
    return {normal(name.split()[0].partition("[")[0]) for name in pin.via}


def _asked_for(project: Mapping[str, Any]) -> set[str]:
    return {
        normal(re.split(r"[\s<>=!~;\[]", each, maxsplit=1)[0]) for each in project["dependencies"]
    }


def _dated(epoch: str) -> dict[str, str]:
    if not epoch:
        return {}
    moment = datetime.fromtimestamp(int(epoch), UTC)
    return {"timestamp": moment.isoformat().replace("+00:00", "Z")}


def _ref(pin: Pin) -> str:
    return _purl(pin.name, pin.version)


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{normal(name)}@{version}"


def main() -> int:
    """Write the document to the file named, else to standard output."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    locked = pins(LOCK.read_text("utf-8"))
    text = written(sbom(project, locked, os.environ.get("SOURCE_DATE_EPOCH", "")))
    if len(sys.argv) > 1:
        from pathlib import Path

        path = Path(sys.argv[1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        sys.stdout.write(f"{path}: {len(locked)} packages\n")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
