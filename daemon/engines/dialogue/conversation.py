"""One conversation with the model: say something, carry out its tool calls, until one ends it.

The whole conversation of a session is one list of messages. The model's blocks go back exactly as
they came, because thinking is signed and bound to its place; every `tool_use` is answered in the
very next message, as the API demands; and what we say is redacted on its way out.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from daemon.engines import Spending
from daemon.engines.dialogue.answer import Answer, Block
from daemon.engines.dialogue.faults import ConversationTooLong
from daemon.engines.dialogue.ledger import Ledger, caches
from daemon.engines.dialogue.transport import Transport
from daemon.engines.prompts import FEW_LEFT, NUDGE, TOO_LONG
from daemon.settings import ClaudeSettings
from reflections.secrets import redact

T = TypeVar("T")
CUTS_ALLOWED = 1  # answers cut off at max_tokens, in a row
NUDGES_ALLOWED = 1  # answers without a tool call, in a row
LAST_CALLS = 3  # the model is told when only so many answers are left
_CACHED = {"type": "ephemeral"}


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """One call of the model, not checked yet."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What one call is answered with; `wrong` marks a call that did not fit."""

    text: str
    wrong: bool = False


@dataclass(frozen=True, kw_only=True)
class Judged(Generic[T]):
    """One reply for each call of an answer, and what the calls led to, if they ended the phase."""

    replies: Sequence[Reply]
    result: T | None = None


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The conversation ended without a result; `reason` is worth a report by itself."""

    kind: Literal["silent", "cut", "refused", "too_long", "turns"]
    reason: str


Judge = Callable[[Sequence[ToolCall]], Judged[T]]


@dataclass
class _Patience:
    """What one phase still puts up with."""

    cuts: int = CUTS_ALLOWED
    nudges: int = NUDGES_ALLOWED


class Conversation:
    """The messages of one session."""

    def __init__(
        self,
        settings: ClaudeSettings,
        transport: Transport,
        ledger: Ledger,
        *,
        system: str,
        tools: Sequence[dict[str, Any]],
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._ledger = ledger
        self._system = system
        self._tools = list(tools)
        self._messages: list[dict[str, Any]] = []
        self._turns = 0
        self.said: list[str] = []  # the model's plain words since the last `ask`
        self._ended: Ended | None = None

    @property
    def begun(self) -> bool:
        """Whether anything was said yet."""
        return bool(self._messages)

    @property
    def spending(self) -> Spending:
        """What was used so far."""
        return self._ledger.spending

    def ask(self, words: Sequence[str], judge: Judge[T], *, plain: bool = False) -> T | str | Ended:
        """Say `words`, carry out calls until `judge` has a result; `plain`: text is a result too.

        The first of the very first words is what stays the same for long: it is cached. Raises
        EngineError when the model cannot be reached, and BudgetSpent.
        """
        self.said = []
        if self._ended is not None:
            return self._ended
        cached = 0 if not self.begun else None
        self._say([_text(part, stable=at == cached) for at, part in enumerate(words)])
        patience = _Patience()
        while True:
            answer = self._next()
            if isinstance(answer, Ended):
                self._ended = answer
                return answer
            result = self._take(answer, judge, plain, patience)
            if result is not None:
                return result

    def _next(self) -> Answer | Ended:
        """One more answer, or why there can be none any more."""
        most = self._settings.turns
        if self._turns >= most:
            where = f"[{self._settings.SECTION}] turns"
            reason = f"no end after {most} answers in one conversation ({where})"
            return Ended(kind="turns", reason=reason)
        self._turns += 1
        request = self._request()
        self._ledger.expect(len(json.dumps(request, ensure_ascii=False).encode()))
        try:
            answer = self._transport.send(
                request, before=self._ledger.reserve, after=self._ledger.settle
            )
        except ConversationTooLong as error:
            return Ended(kind="too_long", reason=str(error))
        if answer.stop_reason == "refusal":
            return Ended(kind="refused", reason=_refusal(answer))
        if answer.stop_reason == "model_context_window_exceeded":
            return Ended(kind="too_long", reason="the conversation no longer fits the model")
        return answer

    def _take(
        self, answer: Answer, judge: Judge[T], plain: bool, patience: _Patience
    ) -> T | str | Ended | None:
        """Act on an answer; None: ask for the next one."""
        if answer.stop_reason == "max_tokens":
            return self._cut_off(patience)  # its last call may be half, its thinking unsigned
        patience.cuts = CUTS_ALLOWED
        if answer.content:  # an empty message may not be sent back
            self._messages.append({"role": "assistant", "content": answer.content})
        if answer.text:
            self.said.append(answer.text)
        if answer.stop_reason == "pause_turn":
            return None
        if answer.calls:
            patience.nudges = NUDGES_ALLOWED
            judged = judge([_call(block) for block in answer.calls])
            self._reply(answer.calls, judged.replies)
            return judged.result
        if plain and answer.text:
            return answer.text
        return self._nudge(answer, patience)

    def _cut_off(self, patience: _Patience) -> Ended | None:
        most, section = self._settings.max_tokens, self._settings.SECTION
        if patience.cuts == 0:
            reason = f"the answers were cut off at {most} tokens; raise [{section}] max_tokens"
            return Ended(kind="cut", reason=reason)
        patience.cuts -= 1
        self._say([_text(TOO_LONG.format(most))])
        return None

    def _nudge(self, answer: Answer, patience: _Patience) -> Ended | None:
        if patience.nudges == 0:
            said = f'; it said: "{answer.text[:300]}"' if answer.text else ""
            reason = f"the model made no tool call, also when asked again{said}"
            return Ended(kind="silent", reason=reason)
        patience.nudges -= 1
        self._say([_text(NUDGE)])
        return None

    def _reply(self, calls: Sequence[Block], replies: Sequence[Reply]) -> None:
        blocks = [_result(call, reply) for call, reply in zip(calls, replies, strict=True)]
        left = self._settings.turns - self._turns
        if 0 < left <= LAST_CALLS:
            blocks.append(_text(FEW_LEFT.format(left)))
        self._say(blocks)

    def _say(self, blocks: list[Block]) -> None:
        """Add to what is said next; two messages of ours in a row become one."""
        if self._messages and self._messages[-1]["role"] == "user":
            blocks = [*self._messages.pop()["content"], *blocks]
        self._messages.append({"role": "user", "content": blocks})

    def _request(self) -> dict[str, Any]:
        """The request; cache marks only where cached input is cheaper than input."""
        settings = self._settings
        system = _text(self._system, stable=True)
        request: dict[str, Any] = {
            "model": settings.model,
            "max_tokens": settings.max_tokens,
            "system": [system],
            "tools": self._tools,
            "tool_choice": {"type": "auto"},  # current models refuse forced tools
            "messages": self._messages,
        }
        if settings.effort:
            request["output_config"] = {"effort": settings.effort}
        if caches(settings):
            return {**request, "cache_control": _CACHED}  # moves with the conversation's end
        return {**request, **_unmarked(system, self._messages)}


def sendable(text: str) -> str:
    """Text as it may leave: known secrets hidden, lone surrogates (not UTF-8) replaced."""
    return redact(text.encode("utf-8", "replace").decode("utf-8")) or "(empty)"


def _text(words: str, *, stable: bool = False) -> Block:
    block: Block = {"type": "text", "text": sendable(words)}
    return {**block, "cache_control": _CACHED} if stable else block


def _unmarked(system: Block, messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The system prompt and messages without cache marks."""
    plain = [{**said, "content": [_plain(block) for block in said["content"]]} for said in messages]
    return {"system": [_plain(system)], "messages": plain}


def _plain(block: Block) -> Block:
    return {name: value for name, value in block.items() if name != "cache_control"}


def _result(call: Block, reply: Reply) -> Block:
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": sendable(reply.text)}
    return {**result, "is_error": True} if reply.wrong else result


def _call(block: Block) -> ToolCall:
    return ToolCall(id=block["id"], name=block["name"], arguments=block.get("input"))


def _refusal(answer: Answer) -> str:
    details = answer.stop_details or {}
    category = details.get("category") or "no category given"
    explanation = details.get("explanation") or ""
    return f"the model refused to answer ({category}) {explanation}".strip()[:500]
