"""One entry of a session, in whichever shape agents write it, as a rough message.

Shapes, from their makers' documentation and from what the programs write:
- chat: OpenAI's Chat Completions messages (`tool_calls`, role `tool`, the older `function_call`),
  Anthropic's Messages (`tool_use` and `tool_result` blocks), LangChain's (`type`, `args`);
- Claude Code's session lines (~/.claude/projects/…/*.jsonl): `type`, `message`, `timestamp`;
- OpenAI's Responses items, which Codex writes as `response_item` lines (~/.codex/sessions/);
- Gemini's `contents` with `parts`; ShareGPT's `from` and `value`; SWE-agent's `trajectory` steps.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reflections import jsontext
from reflections.errors import UnreadableNote
from reflections.transcripts.transcript import Role

Entry = Mapping[str, Any]
ROLE_NAMES: dict[str, Role] = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user",
    "assistant": "assistant", "ai": "assistant", "gpt": "assistant", "model": "assistant",
    "tool": "tool", "function": "tool", "observation": "tool",
}  # fmt: skip
_TEXT = ("text", "input_text", "output_text", "refusal")


class BadEntry(ValueError):
    """An entry is not what its format says; the message is fit to be shown."""


@dataclass(kw_only=True)
class Rough:
    """A message before it is cleaned, capped and numbered. A result is (id, text, failed)."""

    role: Role
    texts: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    results: list[tuple[str, str, bool | None]] = field(default_factory=list)
    time: Any = None


def chat(entry: Entry) -> Iterator[Rough]:
    """A message of OpenAI's, Anthropic's or LangChain's chat formats."""
    role = _role(entry.get("role", entry.get("type")))
    made = Rough(role=role, time=entry.get("timestamp", entry.get("created_at")))
    content = entry.get("content")
    if role == "tool":
        id_ = entry.get("tool_call_id") or entry.get("name") or ""
        failed = entry.get("is_error")
        failed = True if entry.get("status") == "error" else failed
        made.results.append((_id(id_), plain(content), failed if failed in (True, False) else None))
        yield made
        return
    _take_content(content, made)
    calls = entry.get("tool_calls") or []
    for call in _list(calls, "tool_calls"):
        made.calls.append(_chat_call(call))
    legacy = entry.get("function_call")
    if isinstance(legacy, Mapping):
        name = _name(legacy.get("name"))
        made.calls.append((name, name, _arguments(legacy.get("arguments"))))
    yield made


def claude_code(entry: Entry) -> Iterator[Rough]:
    """A line of a Claude Code session; side chains and bookkeeping lines give nothing."""
    message = entry.get("message")
    if entry.get("type") not in ("user", "assistant") or entry.get("isSidechain"):
        return
    if not isinstance(message, Mapping):
        raise BadEntry("a line of a session has no message")
    for made in chat({"role": entry["type"], **message}):
        made.time = entry.get("timestamp")
        yield made


def responses(entry: Entry) -> Iterator[Rough]:
    """An item of OpenAI's Responses format, bare or in a Codex line's `payload`."""
    time, item = entry.get("timestamp"), entry
    if "payload" in entry:
        if entry.get("type") != "response_item":
            return
        item = entry["payload"]
        if not isinstance(item, Mapping):
            raise BadEntry("a response_item has no payload")
    kind = item.get("type")
    if kind == "message" or (kind is None and "role" in item):
        for made in chat(item):
            made.time = time
            yield made
    elif kind in ("function_call", "custom_tool_call", "local_shell_call"):
        given = item.get("arguments", item.get("input", item.get("action")))
        name = _name(item.get("name") or kind)
        call = (_id(item.get("call_id") or item.get("id") or name), name, _arguments(given))
        yield Rough(role="assistant", calls=[call], time=time)
    elif kind in ("function_call_output", "custom_tool_call_output", "local_shell_call_output"):
        text, failed = _codex_output(item.get("output"))
        yield Rough(role="tool", results=[(_id(item.get("call_id")), text, failed)], time=time)


def gemini(entry: Entry) -> Iterator[Rough]:
    """One of Gemini's `contents`; calls without an id are named by their function."""
    made = Rough(role=_role(entry.get("role", "user")))
    for part in _list(entry.get("parts"), "parts"):
        if isinstance(call := part.get("functionCall", part.get("function_call")), Mapping):
            name = _name(call.get("name"))
            made.calls.append((_id(call.get("id") or name), name, call.get("args") or {}))
        elif isinstance(
            answer := part.get("functionResponse", part.get("function_response")), Mapping
        ):
            name, said = _name(answer.get("name")), answer.get("response")
            failed = True if isinstance(said, Mapping) and said.get("error") else None
            made.results.append((_id(answer.get("id") or name), plain(_inside(said)), failed))
        elif isinstance(text := part.get("text"), str) and not part.get("thought"):
            made.texts.append(text)
    made.role = "tool" if made.results and not made.texts else made.role
    yield made


def sharegpt(entry: Entry) -> Iterator[Rough]:
    """One turn of ShareGPT's `conversations`."""
    said, who = entry.get("value"), str(entry.get("from"))
    if not isinstance(said, str):
        raise BadEntry("its value is no text")
    if who in ("function_call", "tool_call"):
        call = _arguments(said)
        name = str(call.get("name", "tool")) if isinstance(call, Mapping) else "tool"
        given = call.get("arguments", call) if isinstance(call, Mapping) else call
        yield Rough(role="assistant", calls=[(name, _name(name), given)])
    elif _role(who) == "tool":
        yield Rough(role="tool", results=[("", said, None)])
    else:
        yield Rough(role=_role(who), texts=[said])


def swe_agent(entry: Entry) -> Iterator[Rough]:
    """One step of a SWE-agent trajectory: thought, action, observation."""
    thought = entry.get("thought") or entry.get("response") or ""
    action = entry.get("action")
    if not isinstance(action, str) or not isinstance(thought, str):
        raise BadEntry("a step has no action or thought in words")
    made = Rough(role="assistant", texts=[thought] if thought else [])
    if action.strip():
        words = action.split(None, 1)
        made.calls.append(("", _name(words[0]), {"command": action}))
    yield made
    if action.strip():
        yield Rough(role="tool", results=[("", plain(entry.get("observation")), None)])


# -- parts of entries ------------------------------------------------------------------------------


def _take_content(content: Any, made: Rough) -> None:
    if content is None:
        return
    if isinstance(content, str):
        made.texts.append(content)
        return
    for block in _list(content, "content"):
        kind = block.get("type")
        if kind in _TEXT and isinstance(said := block.get("text", block.get("refusal")), str):
            made.texts.append(said)
        elif kind == "tool_use":
            given = block.get("input")
            made.calls.append((_id(block.get("id")), _name(block.get("name")), given or {}))
        elif kind == "tool_result":
            failed = block.get("is_error")
            shown = plain(block.get("content"))
            made.results.append(
                (_id(block.get("tool_use_id")), shown, failed if failed in (True, False) else None)
            )
    if made.results and not made.texts and made.role == "user":
        made.role = "tool"


def _chat_call(call: Entry) -> tuple[str, str, Any]:
    function = call.get("function")
    if isinstance(function, Mapping):
        name = _name(function.get("name"))
        return _id(call.get("id") or name), name, _arguments(function.get("arguments"))
    name = _name(call.get("name"))
    return _id(call.get("id") or name), name, _arguments(call.get("args", call.get("arguments")))


def _arguments(given: Any) -> Any:
    """Arguments as a value; what is no JSON stays the text it is."""
    if not isinstance(given, str):
        return given if given is not None else {}
    try:
        return jsontext.one(given)
    except UnreadableNote:
        return given


def _inside(response: Any) -> Any:
    """What stands under the one key that Gemini's functions answer with."""
    if isinstance(response, Mapping) and len(response) == 1:
        return next(iter(response.values()))
    return response


def _codex_output(output: Any) -> tuple[str, bool | None]:
    """The text and whether it failed, of `{"output": …, "metadata": {"exit_code": …}}`."""
    value = _arguments(output)
    if isinstance(value, Mapping) and "output" in value:
        about = value.get("metadata")
        code = about.get("exit_code") if isinstance(about, Mapping) else None
        return plain(value["output"]), None if code is None else code != 0
    return plain(output), None


def plain(content: Any) -> str:
    """What a tool answered as text: a text, blocks of text, or any JSON value."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(each, Mapping) for each in content):
        texts = [each.get("text") for each in content]
        if texts and any(isinstance(text, str) for text in texts):
            return "\n".join(text for text in texts if isinstance(text, str))
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _role(name: Any) -> Role:
    role = ROLE_NAMES.get(name.lower()) if isinstance(name, str) else None
    if role is None:
        raise BadEntry(f"{str(name)[:40]!r} is no role; known are {', '.join(ROLE_NAMES)}")
    return role


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise BadEntry("a call of a tool has no name")
    return name


def _id(id_: Any) -> str:
    return id_ if isinstance(id_, str) else ""


def _list(value: Any, what: str) -> Sequence[Entry]:
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise BadEntry(f"{what} is no list of objects")
    return value
