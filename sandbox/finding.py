"""One fact about the engine, and how versions are compared."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`ok` None means that it works, but weaker than it could; `remedy` says what would help."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def numbers(version: str) -> tuple[int, ...]:
    """The leading dotted numbers of a version."""
    match = re.match(r"v?(\d+(\.\d+)*)", version)
    return tuple(int(part) for part in match[1].split(".")) if match else (0,)


def options(info: Mapping[str, Any]) -> set[str]:
    """The engine's security options by name, with what they are set to (`profile=default`)."""
    return {
        part.removeprefix("name=")
        for option in info.get("SecurityOptions") or []
        for part in str(option).split(",")
    }
