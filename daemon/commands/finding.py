"""What the doctor says about one thing."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "weak", "bad"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact: `weak` works but could be better, `bad` keeps mendd from working."""

    area: str
    name: str
    level: Level
    detail: str
    remedy: str = ""


def ok(area: str, name: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(area=area, name=name, level="ok", detail=detail)


def weak(area: str, name: str, detail: str, remedy: str) -> Finding:
    """It works, and could be better."""
    return Finding(area=area, name=name, level="weak", detail=detail, remedy=remedy)


def bad(area: str, name: str, detail: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(area=area, name=name, level="bad", detail=detail, remedy=remedy)
