"""One reflection as a value: what went wrong, in the words of whoever noticed it."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_GENERATED_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}(?:-\d+)?")
_CONTENT = ("task_summary", "outcome", "reflection", "target", "traceback", "test")


@dataclass(frozen=True, kw_only=True)
class Reflection:
    """A note about something that went wrong; text fields are clean and hold no known secrets.

    `timestamp` is aware (UTC). `source` is the printable name of the file the note came in.
    """

    id: str
    timestamp: datetime
    task_summary: str
    outcome: str
    reflection: str
    target: str | None = None
    traceback: str | None = None
    test: str | None = None
    labels: tuple[str, ...] = ()
    source: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what the note says; id, source and time do not count."""
        content = [getattr(self, name) or "" for name in _CONTENT] + [sorted(self.labels)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def text(self) -> str:
        """All the words in one string, for triage and engines."""
        parts = (self.task_summary, self.outcome, self.reflection, self.traceback, self.test)
        return "\n\n".join(part for part in parts if part)

    def to_json(self) -> dict[str, Any]:
        """Plain values only; `from_json` gives the same reflection back."""
        return {
            "id": self.id,
            "timestamp": self.timestamp.isoformat(),
            **{name: getattr(self, name) for name in _CONTENT},
            "labels": list(self.labels),
            "source": self.source,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Reflection":
        """The reflection `to_json` wrote; KeyError, TypeError or ValueError if it is not one."""
        return cls(
            id=data["id"],
            timestamp=datetime.fromisoformat(data["timestamp"]),
            labels=tuple(data["labels"]),
            source=data["source"],
            **{name: data[name] for name in _CONTENT},
        )


def generated_id(seed: str, *, received: datetime) -> str:
    """An id for a note that brought none: when it was received, and a mark made from the seed."""
    whole = f"{received.isoformat()}\n{seed}".encode("utf-8", "surrogatepass")
    return f"{received:%Y%m%dT%H%M%SZ}-{hashlib.sha256(whole).hexdigest()[:12]}"


def is_generated(id_: str) -> bool:
    """Whether the id is one of ours: the same one again then means the same file again."""
    return _GENERATED_ID.fullmatch(id_) is not None
