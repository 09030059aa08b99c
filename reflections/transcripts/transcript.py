"""One agent's session as a value: messages in order, with the calls of tools and their results.

Whatever the format it came in (formats.py), text is clean, capped and holds no known secrets.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of a tool; `arguments` is canonical JSON, so equal calls have equal text."""

    id: str
    tool: str
    arguments: str

    @property
    def same(self) -> tuple[str, str]:
        """Equal for two calls that ask the same: spaces in the arguments do not count."""
        return self.tool, " ".join(self.arguments.split())


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a tool answered. `failed` is what the format says; None where it says nothing."""

    id: str
    text: str
    failed: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message, counted from 1 in the order of the file; `time` is aware or None."""

    number: int
    role: Role
    text: str = ""
    calls: tuple[Call, ...] = ()
    results: tuple[Result, ...] = ()
    time: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """A call beside its result; `number` is the calling message, `answered` the answering one."""

    number: int
    call: Call
    result: Result | None = None
    answered: int = 0

    @property
    def text(self) -> str:
        """The result's text, empty without one."""
        return self.result.text if self.result else ""


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """A session. `target` and `folder` are what the file says, if it says so."""

    format: str
    messages: tuple[Message, ...]
    target: str | None = None
    folder: str | None = None
    source: str = field(default="", compare=False)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every call with its result, in order of the calls."""
        return tuple(_steps(self.messages))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of what was said; names, times and the file's format do not count."""
        said = [
            [m.role, m.text, [c.same for c in m.calls], [(r.text, r.failed) for r in m.results]]
            for m in self.messages
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    @property
    def began(self) -> datetime | None:
        """The first time that is known."""
        return next((message.time for message in self.messages if message.time), None)

    def of(self, *roles: Role) -> Iterator[Message]:
        """The messages of these roles."""
        return (message for message in self.messages if message.role in roles)

    def before(self, number: int) -> "Transcript":
        """The same session as it was before that message."""
        kept = tuple(message for message in self.messages if message.number < number)
        return Transcript(format=self.format, messages=kept, target=self.target)

    def to_json(self) -> dict[str, Any]:
        """Plain values only; `from_json` gives the same transcript back."""
        return {
            "format": self.format,
            "target": self.target,
            "folder": self.folder,
            "source": self.source,
            "messages": [_message_json(message) for message in self.messages],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Transcript":
        """What `to_json` wrote; KeyError, TypeError or ValueError if it is none."""
        return cls(
            format=data["format"],
            target=data["target"],
            folder=data["folder"],
            source=data["source"],
            messages=tuple(_message(each) for each in data["messages"]),
        )


def _steps(messages: tuple[Message, ...]) -> Iterator[Step]:
    """Pair by id; where ids repeat, a result belongs to the last call before it."""
    waiting: dict[str, int] = {}
    found: list[Step] = []
    for message in messages:
        for result in message.results:
            at = waiting.pop(result.id, None)
            if at is not None:
                step = found[at]
                found[at] = Step(
                    number=step.number, call=step.call, result=result, answered=message.number
                )
        for call in message.calls:
            waiting[call.id] = len(found)
            found.append(Step(number=message.number, call=call))
    yield from found


def _message_json(message: Message) -> dict[str, Any]:
    made: dict[str, Any] = {"number": message.number, "role": message.role, "text": message.text}
    if message.calls:
        made["calls"] = [[call.id, call.tool, call.arguments] for call in message.calls]
    if message.results:
        made["results"] = [[each.id, each.text, each.failed] for each in message.results]
    if message.time:
        made["time"] = message.time.isoformat()
    return made


def _message(data: Mapping[str, Any]) -> Message:
    if data["role"] not in ROLES:
        raise ValueError("no such role")
    calls = ((str(a), str(b), str(c)) for a, b, c in data.get("calls", ()))
    results = ((str(a), str(b), c) for a, b, c in data.get("results", ()))
    return Message(
        number=int(data["number"]),
        role=data["role"],
        text=str(data["text"]),
        calls=tuple(Call(id=a, tool=b, arguments=c) for a, b, c in calls),
        results=tuple(Result(id=a, text=b, failed=c) for a, b, c in results),
        time=datetime.fromisoformat(data["time"]) if "time" in data else None,
    )
