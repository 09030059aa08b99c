"""Puts a streamed answer together again, block by block, exactly as it would have come whole.

Streaming is what lets silence be told from a long answer: the API sends a ping every few seconds
while the model thinks. The events are read raw and not through the SDK's own accumulation, which
asserts, guesses half a JSON and knows only the blocks of its release day.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

MOST_BYTES = 16 * 2**20  # of one answer; a million tokens would be less
_GROWING = {  # delta type: (its field, the block's field)
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
}


class StreamBroken(Exception):
    """The stream ended before its message did."""


class StreamError(Exception):
    """The server reported an error in the middle of a stream; holds its type and words."""

    def __init__(self, error: Any) -> None:
        known = error if isinstance(error, Mapping) else {}
        self.kind = str(known.get("type", "error"))
        super().__init__(str(known.get("message", error))[:300])


def assembled(events: Iterable[str]) -> dict[str, Any]:
    """The message that the events' data make. Raises the above, and ValueError for nonsense."""
    message: dict[str, Any] = {}
    written: dict[int, str] = {}  # JSON of tool arguments so far, by block
    size = 0
    for data in events:
        size += len(data)
        if size > MOST_BYTES:
            raise ValueError(f"an answer of more than {MOST_BYTES} characters")
        try:
            event = json.loads(data)
            if event["type"] == "message_stop":
                return _finished(message, written)
            _take(event, message, written)
        except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"an event of the wrong shape: {error!r}") from error
    raise StreamBroken("the answer broke off")


def _take(event: dict[str, Any], message: dict[str, Any], written: dict[int, str]) -> None:
    match event["type"]:
        case "error":
            raise StreamError(event.get("error"))
        case "message_start":
            message.update(event["message"], content=[])
        case "content_block_start":
            message["content"].append(dict(event["content_block"]))
        case "content_block_delta":
            _grow(message["content"][event["index"]], event, written)
        case "message_delta":
            message.update({k: v for k, v in event["delta"].items() if v is not None})
            counted = {k: v for k, v in (event.get("usage") or {}).items() if v is not None}
            if counted:  # totals so far, not differences
                message["usage"] = {**(message.get("usage") or {}), **counted}


def _grow(block: dict[str, Any], event: dict[str, Any], written: dict[int, str]) -> None:
    delta = event["delta"]
    if delta["type"] == "input_json_delta":
        written[event["index"]] = written.get(event["index"], "") + delta["partial_json"]
    elif delta["type"] in _GROWING:
        there, here = _GROWING[delta["type"]]
        block[here] = (block.get(here) or "") + delta[there]


def _finished(message: dict[str, Any], written: Mapping[int, str]) -> dict[str, Any]:
    for index, text in written.items():
        message["content"][index]["input"] = _arguments(text)
    return message


def _arguments(text: str) -> Any:
    """Half-written arguments (an answer cut off) count as none: our own check says what misses."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {}
