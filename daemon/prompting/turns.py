"""A session's beginning as a request of the Messages API, and the answer as the next message.

The API wants turns that alternate, every call answered in the very next turn, and plain tool
names; sessions of other formats do not always have that.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from daemon.engines.dialogue.answer import Answer
from daemon.engines.dialogue.conversation import sendable
from reflections import jsontext
from reflections.errors import UnreadableNote
from reflections.transcripts.read import canonical
from reflections.transcripts.transcript import Call, Message, Transcript

MOST_MESSAGES = 60
MOST_TEXT = 6_000  # characters of one text
MOST_SYSTEM = 8_000
MOST_TOOLS = 40
NO_PROMPT = "You are a careful agent."
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # of a tool's schema; others end in a 400
Block = dict[str, Any]


def request(session: Transcript, prompt: str) -> dict[str, Any]:
    """Messages, tools and system prompt; `prompt` is the prompt file's text."""
    told = "\n\n".join(message.text for message in session.of("system"))[:MOST_SYSTEM]
    system = prompt if not told or told in prompt else f"{told}\n\n{prompt}"
    system = system if system.strip() else NO_PROMPT  # a blank text is refused
    return {
        "system": [{"type": "text", "text": sendable(system)}],
        "messages": list(_turns(session)),
        "tools": _tools(session),
    }


def next_message(answer: Answer, session: Transcript, number: int) -> Message:
    """What the model would do next, as a message of the session."""
    names: dict[str, str] = {_plain(name): name for name in _used(session)}
    calls = tuple(
        Call(
            id=f"next{nth}",
            tool=names.get(str(block["name"]), str(block["name"])),
            arguments=canonical(block.get("input") or {}),
        )
        for nth, block in enumerate(answer.calls)
    )
    return Message(number=number, role="assistant", text=answer.text, calls=calls)


def _turns(session: Transcript) -> Iterator[dict[str, Any]]:
    said = [message for message in session.messages if message.role != "system"]
    first = next((m for m in said if m.role == "user"), None)
    kept = said[-MOST_MESSAGES:]
    kept = [first, *kept] if first is not None and first not in kept else kept
    turns = [(own, list(group)) for own, group in groupby(kept, lambda m: m.role == "assistant")]
    if not turns or turns[0][0]:
        turns.insert(0, (False, []))
    waiting: list[str] = []
    for own, group in turns:
        if own:
            blocks = [block for message in group for block in _assistant(message)]
            waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
            yield {"role": "assistant", "content": blocks or [_text("(nothing)")]}
        else:
            yield {"role": "user", "content": _user(group, waiting)}
            waiting = []
    if turns[-1][0]:
        yield {"role": "user", "content": _user([], waiting)}


def _assistant(message: Message) -> Iterator[Block]:
    if message.text:
        yield _text(message.text)
    for call in message.calls:
        yield {"type": "tool_use", "id": call.id, "name": _plain(call.tool), "input": _input(call)}


def _user(group: Sequence[Message], waiting: Sequence[str]) -> list[Block]:
    """The answers to the calls before, each once and none missing, then what the user said."""
    results = {result.id: result for message in group for result in message.results}
    blocks: list[Block] = []
    for id_ in waiting:
        result = results.get(id_)
        text = sendable(result.text[:MOST_TEXT]) if result else "(no answer is recorded)"
        block: Block = {"type": "tool_result", "tool_use_id": id_, "content": text}
        blocks.append({**block, "is_error": True} if result and result.failed else block)
    blocks += [_text(message.text) for message in group if message.text]
    return blocks or [_text("Go on.")]


def _text(words: str) -> Block:
    return {"type": "text", "text": sendable(words[:MOST_TEXT])}


def _input(call: Call) -> Mapping[str, Any]:
    """The arguments as an object; what is no strict JSON (NaN, half characters) as one text."""
    try:
        value = jsontext.one(call.arguments)
    except UnreadableNote:
        value = call.arguments
    return value if isinstance(value, dict) else {"input": value}


def _used(session: Transcript) -> list[str]:
    return list(dict.fromkeys(step.call.tool for step in session.steps))[:MOST_TOOLS]


def _tools(session: Transcript) -> list[dict[str, Any]]:
    """The tools that the session used, with the arguments it gave them."""
    found: dict[str, dict[str, Any]] = {_plain(name): {} for name in _used(session)}
    for step in session.steps:
        if _plain(step.call.tool) in found:
            given = filter(_PROPERTY.fullmatch, _input(step.call))
            found[_plain(step.call.tool)].update({name: {} for name in given})
    return [
        {
            "name": name,
            "description": f"The tool {name} of this session.",
            "input_schema": {"type": "object", "properties": arguments},
        }
        for name, arguments in found.items()
    ]


def _plain(name: str) -> str:
    return _ODD.sub("_", name)[:64] or "tool"
