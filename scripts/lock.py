"""Reads requirements.lock as uv writes it: what is pinned, by which hashes, and who asks for it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*(.*?))?\s*\\?$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\s*\\?$")
VIA = re.compile(r"#(?:\s+via)?\s+(\S.*)$")


@dataclass(kw_only=True)
class Pin:
    """One locked package. `marker`: where it is needed; `via`: the names that ask for it."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)
    via: list[str] = field(default_factory=list)


def pins(text: str) -> list[Pin]:
    """Every pin, in the file's order. Raises ValueError at a line that is none of uv's."""
    found: list[Pin] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words in ("#", "# via"):
            continue
        if words.startswith("--hash="):
            found[-1].hashes.append(_matched(HASH, words, number)[1])
        elif words.startswith("#"):
            found[-1].via.append(_matched(VIA, words, number)[1])
        else:
            name, version, marker = _matched(PIN, words, number).groups()
            found.append(Pin(name=normal(name), version=version, marker=marker or ""))
    return found


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _matched(pattern: re.Pattern[str], words: str, number: int) -> re.Match[str]:
    match = pattern.match(words)
    if match is None:
        raise ValueError(f"line {number} of the lock cannot be read: {words[:80]!r}")
    return match
