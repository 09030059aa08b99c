"""How the work on one reflection can end."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The design's verdicts, and the two ends in which a person is asked."""

    APPLIED = "applied"
    HELD = "held"
    FROZEN = "frozen"
    REJECTED = "rejected"
    DECLINED = "declined"
    EXPLAINED = "explained"  # autonomy "explain": the report is the result
    UNDER_WAY = "under_way"  # one step of many was done; the work stays open for the next
    PAUSED = "paused"  # likewise, but the next step is done when somebody asks for it
    REVERTED = "reverted"  # applied, and taken back by the live check; the work is open again


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A verdict and why. `passes_on`: another engine may still try."""

    verdict: Verdict
    reason: str
    passes_on: bool = False
    failed_attempts: bool = False  # the engine may read its own attempts and start afresh


class Killed(Exception):
    """The kill switch is on, or the worker was asked to stop: nothing more is begun."""
