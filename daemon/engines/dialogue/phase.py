"""Judges the tool calls of one answer within one phase: who looks, who ends it, who is too early.

Looking is answered always. Of the call a phase waits for, all count together (the hunks of a
patch) or only the first. `decline` counts when nothing contradicts it in the same answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from daemon.actions.action import Arguments
from daemon.engines import Declined
from daemon.engines import prompts as say
from daemon.engines.dialogue.conversation import Judged, Reply, ToolCall
from daemon.engines.dialogue.tools import Decline, Turn, answered, checked
from daemon.engines.dialogue.views import Views

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Phase(Generic[T]):
    """What a phase waits for, and who takes it. `every`: all such calls of an answer together."""

    wanted: str  # name of a tool, or words where none ends the phase
    take: Callable[[Sequence[Any]], Judged[T]] | None
    every: bool = False


def judged(calls: Sequence[ToolCall], phase: Phase[T], views: Views) -> Judged[T | Declined]:
    """One reply for each call, and the phase's result if these calls lead to one."""
    read = {at: checked(call) for at, call in enumerate(calls)}
    wanted = [at for at, call in enumerate(calls) if call.name == phase.wanted]
    declines = [at for at, arguments in read.items() if isinstance(arguments, Decline)]
    turn = Turn(views=views, wanted=phase.wanted)
    replies = {
        at: arguments if isinstance(arguments, Reply) else answered(calls[at], arguments, turn)
        for at, arguments in read.items()
    }
    result: T | Declined | None = None
    if declines and wanted:
        replies |= dict.fromkeys([*declines, *wanted], Reply(text=say.CHOOSE, wrong=True))
    elif declines:
        first = read[declines[0]]
        assert isinstance(first, Decline)
        result = Declined(category=first.category, reason=first.reason)
    elif wanted:
        taken = _taken(wanted, read, phase)
        replies |= taken[0]
        result = taken[1]
    return Judged(replies=[replies[at] for at in range(len(calls))], result=result)


def refusals(calls: Sequence[ToolCall], replies: Sequence[Reply]) -> list[str]:
    """The calls of an answer that did not get what they asked for, with why, for the record."""
    return [
        f"{call.name[:100]}: {reply.text.partition(chr(10))[0][:300]}"
        for call, reply in zip(calls, replies, strict=True)
        if reply.wrong
    ]


def _taken(
    wanted: Sequence[int], read: Mapping[int, Arguments | Reply], phase: Phase[T]
) -> tuple[dict[int, Reply], T | None]:
    """The calls the phase waited for; when one is malformed, none is taken."""
    assert phase.take is not None
    counting = wanted if phase.every else wanted[:1]
    fits = {at: arguments for at in counting if not isinstance(arguments := read[at], Reply)}
    replies = {
        at: Reply(text=say.ONE_ONLY.format(phase.wanted), wrong=True)
        for at in wanted
        if at not in counting
    }
    if len(fits) < len(counting):
        held_back = Reply(text=say.HELD_BACK, wrong=True)
        return replies | dict.fromkeys(fits, held_back), None
    taken = phase.take(list(fits.values()))
    return replies | dict(zip(counting, taken.replies, strict=True)), taken.result
