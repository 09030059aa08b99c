"""One piece of open work: a reflection, and how far mendd has come with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from reflections.reflection import Reflection


class State(StrEnum):
    """Where open work stands."""

    OPEN = "open"
    HELD = "held"  # a patch waits for a person
    FROZEN = "frozen"  # waits for a person to look
    WAITING = "waiting"  # for Docker, a model, a disk: until `not_before`
    PAUSED = "paused"  # for the next step, which somebody has to ask for


@dataclass(frozen=True, kw_only=True)
class Work:
    """Open work. `seen` counts the notes that reported it; higher `priority` is done first.

    `data` is any JSON (a held patch, for instance). `came_back_of` is the id of the applied work
    that did not hold.
    """

    id: str
    reflection: Reflection
    kind: str
    signature: str
    state: State = State.OPEN
    priority: int = 0
    seen: int = 1
    attempts: int = 0
    opened: datetime
    not_before: datetime | None = None
    came_back_of: str | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def joined(self) -> "Work":
        """The same work after one more note about it."""
        return replace(self, seen=self.seen + 1, priority=self.priority + 1)

    def to_json(self) -> dict[str, Any]:
        """Plain values only; `from_json` gives the same work back."""
        return {
            "id": self.id,
            "reflection": self.reflection.to_json(),
            "kind": self.kind,
            "signature": self.signature,
            "state": self.state.value,
            "priority": self.priority,
            "seen": self.seen,
            "attempts": self.attempts,
            "opened": self.opened.isoformat(),
            "not_before": self.not_before.isoformat() if self.not_before else None,
            "came_back_of": self.came_back_of,
            "data": self.data,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Work":
        """The work `to_json` wrote; KeyError, TypeError or ValueError if it is none."""
        not_before = data["not_before"]
        return cls(
            id=data["id"],
            reflection=Reflection.from_json(data["reflection"]),
            kind=data["kind"],
            signature=data["signature"],
            state=State(data["state"]),
            priority=data["priority"],
            seen=data["seen"],
            attempts=data["attempts"],
            opened=datetime.fromisoformat(data["opened"]),
            not_before=datetime.fromisoformat(not_before) if not_before else None,
            came_back_of=data["came_back_of"],
            data=dict(data["data"]),
        )


@dataclass(frozen=True, kw_only=True)
class Added:
    """What became of one more note.

    new          nothing like it was open or done
    joined       the same failure is open: that work, with a higher priority
    came_back    it was applied once and is here again: new work with `came_back_of`
    seen_before  the very same note was finished without a patch: nothing was opened; `work` is
                 the finished one and `verdict` how it ended
    """

    work: Work
    how: Literal["new", "joined", "came_back", "seen_before"]
    verdict: str = ""
