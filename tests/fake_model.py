"""A scripted Messages API server on loopback; it holds its callers to the real protocol.

    with FakeModel([tool("decline", category="not_a_bug", reason="…")]) as model:
        settings = ClaudeSettings(base_url=model.url)
        ...
    assert model.requests[0]["tool_choice"] == {"type": "auto"}

A script is a list of steps, or a function from the request's body to a step. A step is an
`Answer`, a list of blocks, one block, or a `Fault`. As a process, for a worker in another one:

    python -m tests.fake_model --script FILE --port-file FILE [--requests FILE]

FILE is JSON (a list of steps: a list of blocks, `{"content": […], "stop_reason": …}` or
`{"fault": "status", "status": 429, "retry_after": "1"}`), or a Python file with a function
`answer(request, turn)` that returns a step. The last step of a list with `"repeat": true` lasts.
"""

import argparse
import itertools
import json
import runpy
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

Block = dict[str, Any]
API_VERSION = "2026-10-21"
REFUSED = ("temperature", "top_p", "top_k", "thread")
_ids = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One message. Without `stop_reason` it is tool_use or end_turn, by its blocks."""

    content: Sequence[Block]
    stop_reason: str | None = None
    stop_details: dict[str, Any] | None = None
    usage: dict[str, Any] | None = field(default_factory=lambda: usage())
    delay_s: float = 0.0
    plain: bool = False  # whole, even if a stream was asked for


@dataclass(frozen=True)
class Fault:
    """What goes wrong instead of an answer.

    status: an error of that code. cut: the connection ends in the middle of the body. malformed:
    broken JSON. html: a proxy's page with 200. shape: JSON that is no message. redirect: to
    elsewhere. slow: silence for `seconds`, then a good answer. Only of streams: hang (silence in
    the middle), unfinished (a clean end before the message's end), event (an error event in the
    middle; `message` holds its type).
    """

    kind: str
    status: int = 500
    retry_after: str | None = None
    message: str = "scripted fault"
    seconds: float = 0.0


Step = Answer | Fault | Sequence[Block] | Block
Script = Sequence[Step] | Callable[[dict[str, Any], int], Step]


def usage(into: int = 1000, out: int = 100, *, read: int = 0, write: int = 0) -> dict[str, Any]:
    """Token counts of an answer."""
    return {
        "input_tokens": into,
        "output_tokens": out,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write,
    }


def text(words: str) -> Block:
    """A text block."""
    return {"type": "text", "text": words}


def tool(tool_name: str, /, **arguments: Any) -> Block:
    """A tool_use block with an id of its own."""
    return {"type": "tool_use", "id": f"toolu_{next(_ids)}", "name": tool_name, "input": arguments}


def thinking(words: str = "let me see") -> Block:
    """A signed thinking block; the server checks that it comes back unchanged."""
    return {"type": "thinking", "thinking": words, "signature": f"sig-{next(_ids)}=="}


def status(code: int, retry_after: str | None = None, message: str = "scripted fault") -> Fault:
    """An error answer."""
    return Fault(kind="status", status=code, retry_after=retry_after, message=message)


class FakeModel:
    """The server, a context manager. `requests`: every body; `faults`: what was wrong in them."""

    def __init__(self, script: Script, *, key: str | None = None) -> None:
        self._script = script
        self._key = key
        self._turn = 0
        self._lock = threading.Lock()
        self._issued: dict[str, Block] = {}
        self._paused: list[Sequence[Block]] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._closing = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The `base_url` to set."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def replies(self) -> list[Block]:
        """Every tool result and text that was sent after the first message, in order."""
        return [
            block for request in self.requests[1:] for block in request["messages"][-1]["content"]
        ]

    def serve(self) -> None:
        """Serve in this thread until `close`."""
        self._server.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        """Stop serving; slow answers end."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def step(self, body: dict[str, Any], headers: dict[str, str]) -> Answer | Fault:
        """What to answer a request with."""
        with self._lock:
            self.requests.append(json.loads(json.dumps(body)))
            self.headers.append(headers)
            fault = self._unauthorised(headers) or self._invalid(body, headers)
            if fault is not None:
                self.faults.append(fault.message)
                return fault
            turn, self._turn = self._turn, self._turn + 1
            step = _step(self._script, body, turn)
            if isinstance(step, Answer):
                self._issued |= {block["signature"]: block for block in _signed(step.content)}
                self._paused += [step.content] if step.stop_reason == "pause_turn" else []
        return step

    def sleep(self, seconds: float) -> None:
        """Be silent; ends early when the server closes."""
        self._closing.wait(seconds)

    def _unauthorised(self, headers: dict[str, str]) -> Fault | None:
        if self._key is None or headers.get("authorization") == f"Bearer {self._key}":
            return None
        return Fault(kind="status", status=401, message="invalid x-api-key")

    def _invalid(self, body: dict[str, Any], headers: dict[str, str]) -> Fault | None:
        wrong = next(_violations(body, headers, self._issued), None)
        last = body.get("messages", [{}])[-1]
        if last.get("role") == "assistant" and last["content"] not in self._paused:
            wrong = wrong or "messages: this model does not support prefill"
        if wrong is None:
            return None
        return Fault(kind="status", status=400, message=f"invalid request: {wrong}")


def _violations(body: dict[str, Any], headers: dict[str, str], issued: dict[str, Block]) -> Any:
    """What the real API would answer 400 to."""
    if headers.get("anthropic-version") != API_VERSION:
        yield f"anthropic-version: {headers.get('anthropic-version')}"
    yield from (f"{name}: not permitted" for name in REFUSED if name in body)
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            yield f"{name}: field required"
    if body.get("tool_choice", {"type": "auto"}).get("type") not in ("auto", "none"):
        yield "tool_choice: this model does not support forced tools"
    yield from _tool_violations(body.get("tools", []))
    yield from _message_violations(body.get("messages", []), issued)
    marks = json.dumps(body).count('"cache_control"')
    if marks > 4:
        yield f"cache_control: at most 4, found {marks}"


def _tool_violations(tools: list[dict[str, Any]]) -> Any:
    for each in tools:
        schema = each["input_schema"]
        if each.get("strict"):
            if schema.get("additionalProperties") is not False:
                yield f"{each['name']}: strict needs additionalProperties false"
            unknown = {"minimum", "maximum", "minLength", "maxLength", "pattern", "default"}
            if any(unknown & set(shape) for shape in schema["properties"].values()):
                yield f"{each['name']}: a keyword strict schemas do not know"
        if set(schema.get("required", ())) - set(schema["properties"]):
            yield f"{each['name']}: required names an unknown property"


def _message_violations(messages: list[dict[str, Any]], issued: dict[str, Block]) -> Any:
    expected: set[str] = set()
    for at, message in enumerate(messages):
        if message["role"] != ("user", "assistant")[at % 2]:
            yield f"messages.{at}: roles must alternate, starting with user"
        blocks = message["content"]
        if not blocks:
            yield f"messages.{at}: content must not be empty"
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if sorted(results) != sorted(expected):
            yield f"messages.{at}: every tool_use needs its tool_result: {sorted(expected)}"
        kinds = [block["type"] for block in blocks]
        if "tool_result" in kinds[len(results) :]:
            yield f"messages.{at}: tool results come first"
        for block in blocks:
            if block["type"] == "text" and not block["text"].strip():
                yield f"messages.{at}: text content blocks must be non-empty"
        for block in _signed(blocks):
            if issued.get(block["signature"]) != block:
                yield f"messages.{at}: thinking blocks cannot be modified"
        expected = {block["id"] for block in blocks if block["type"] == "tool_use"}


def _signed(blocks: Sequence[Block]) -> list[Block]:
    return [block for block in blocks if block.get("type") == "thinking" and "signature" in block]


def _step(script: Script, body: dict[str, Any], turn: int) -> Answer | Fault:
    if callable(script):
        return _made(script(body, turn))
    if turn < len(script):
        return _made(script[turn])
    last = script[-1] if script else None
    if isinstance(last, dict) and last.get("repeat"):
        return _made(last)
    return Fault(kind="status", status=400, message="the script is over")


def _made(step: Any) -> Answer | Fault:
    if isinstance(step, Answer | Fault):
        return step
    if isinstance(step, dict) and "fault" in step:
        names = ("status", "retry_after", "seconds", "message")
        known = {name: step[name] for name in names if name in step}
        return Fault(kind=step["fault"], **known)
    if isinstance(step, dict) and "content" in step:
        known = {name: step[name] for name in ("stop_reason", "usage", "delay_s") if name in step}
        return Answer(content=_with_ids(step["content"]), **known)
    return Answer(content=_with_ids([step] if isinstance(step, dict) else step))


def _with_ids(blocks: Sequence[Block]) -> list[Block]:
    """Scripts in JSON need not invent ids, and a repeated step gets new ones."""
    return [
        {**block, "id": block.get("id") or f"toolu_{next(_ids)}"}
        if block.get("type") == "tool_use"
        else block
        for block in blocks
    ]


def message_of(answer: Answer, model: str) -> dict[str, Any]:
    """The message as the API words it."""
    calls = any(block.get("type") == "tool_use" for block in answer.content)
    message = {
        "id": f"msg_{next(_ids)}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(answer.content),
        "stop_reason": answer.stop_reason or ("tool_use" if calls else "end_turn"),
        "stop_sequence": None,
        "stop_details": answer.stop_details,
    }
    return message if answer.usage is None else {**message, "usage": answer.usage}


def _body(message: dict[str, Any], stream: bool) -> tuple[bytes, str]:
    """The message whole, or as the events of a stream; and its content type."""
    if not stream:
        return json.dumps(message).encode(), "application/json"
    return b"".join(map(_event, stream_events(message))), "text/event-stream; charset=utf-8"


def _event(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def stream_events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events the real API sends: blocks start empty and grow in pieces."""
    counts = message.get("usage")
    started = {**message, "content": [], "stop_reason": None, "stop_details": None}
    yield {
        "type": "message_start",
        "message": started
        if counts is None
        else {**started, "usage": {**counts, "output_tokens": 1}},
    }
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        start, deltas = _pieces(block)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    names = ("stop_reason", "stop_sequence", "stop_details")
    ended = {"type": "message_delta", "delta": {name: message[name] for name in names}}
    yield (
        ended
        if counts is None
        else {**ended, "usage": {"output_tokens": counts.get("output_tokens")}}
    )
    yield {"type": "message_stop"}


def _pieces(block: Block) -> tuple[Block, list[Block]]:
    """A block as it starts, and what is added to it."""
    if block["type"] == "text":
        return {**block, "text": ""}, _cut("text_delta", "text", block["text"])
    if block["type"] == "tool_use":
        arguments = json.dumps(block["input"])
        return {**block, "input": {}}, _cut("input_json_delta", "partial_json", arguments)
    if block["type"] == "thinking":
        start = {**block, "thinking": "", "signature": ""}
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return start, [*_cut("thinking_delta", "thinking", block["thinking"]), signed]
    return block, []


def _cut(kind: str, name: str, text: str) -> list[Block]:
    """Pieces of seven characters, so that none ends where it would be convenient."""
    return [{"type": kind, name: text[at : at + 7]} for at in range(0, len(text), 7)]


def _handler(model: FakeModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path != "/v1/messages":
                self._send(404, {"type": "error", "error": {"type": "not_found_error"}})
                return
            body = json.loads(data)
            step = model.step(body, headers)
            if isinstance(step, Answer):
                model.sleep(step.delay_s) if step.delay_s else None
                self._whole(
                    message_of(step, body["model"]), bool(body.get("stream")) and not step.plain
                )
            else:
                self._fail(step, body)

        def _fail(self, fault: Fault, body: dict[str, Any]) -> None:
            stream = bool(body.get("stream"))
            message = message_of(Answer(content=[text("late")]), body["model"])
            whole, kind = _body(message, stream)
            if fault.kind == "status":
                self._send_error(fault)
            elif fault.kind == "cut":
                self._head(200, len(whole), kind)
                self.wfile.write(whole[: len(whole) // 2])
                self.close_connection = True
            elif fault.kind == "malformed":
                self._raw(200, whole.replace(b'"late"', b'"late{'), kind)
            elif fault.kind == "hang":
                self._head(200, len(whole), kind)
                self.wfile.write(whole[: len(whole) // 2])
                model.sleep(fault.seconds)
                self.close_connection = True
            elif fault.kind == "unfinished":
                self._raw(200, whole[: whole.rindex(b"event: message_stop")], kind)
            elif fault.kind == "event":
                error = {"type": "error", "error": {"type": fault.message, "message": "mid-air"}}
                start = whole[: whole.index(b"event: content_block_delta")]
                self._raw(200, start + _event(error), kind)
            elif fault.kind == "html":
                self._raw(200, b"<html><h1>Sign in to the network</h1></html>", "text/html")
            elif fault.kind == "shape":
                self._send(200, {"answer": "I am some other API"})
            elif fault.kind == "redirect":
                self._head(307, 0, "text/plain", {"location": "/v1/elsewhere"})
            elif fault.kind == "slow":
                model.sleep(fault.seconds)
                self._raw(200, whole, kind)
            else:
                raise ValueError(f"no such fault: {fault.kind}")

        def _send_error(self, fault: Fault) -> None:
            kind = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
            error = {"type": kind.get(fault.status, "api_error"), "message": fault.message}
            extra = {"retry-after": fault.retry_after} if fault.retry_after is not None else {}
            self._send(fault.status, {"type": "error", "error": error}, extra)

        def _whole(self, message: dict[str, Any], stream: bool) -> None:
            data, kind = _body(message, stream)
            self._raw(200, data, kind)

        def _send(self, code: int, body: object, extra: dict[str, str] | None = None) -> None:
            self._raw(code, json.dumps(body).encode(), "application/json", extra)

        def _raw(
            self, code: int, data: bytes, kind: str, extra: dict[str, str] | None = None
        ) -> None:
            try:
                self._head(code, len(data), kind, extra)
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = (
                    True  # the caller gave up; that is what some tests are about
                )

        def _head(
            self, code: int, length: int, kind: str, extra: dict[str, str] | None = None
        ) -> None:
            self.send_response(code)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(length))
            self.send_header("request-id", "req_fake")
            for name, value in (extra or {}).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: what was asked is in `requests`."""

    return Handler


def load_script(path: Path) -> Script:
    """The script of a file: JSON, or Python with a function `answer(request, turn)`."""
    if path.suffix == ".py":
        answer: Callable[[dict[str, Any], int], Step] = runpy.run_path(str(path))["answer"]
        return answer
    script: list[Step] = json.loads(path.read_text("utf-8"))
    return script


def main(arguments: list[str] | None = None) -> int:
    """Serve a script until killed; every request is appended to --requests as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_model", description=__doc__)
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--requests", type=Path)
    chosen = parser.parse_args(arguments)
    model = FakeModel(load_script(chosen.script))
    if chosen.requests is not None:
        threading.Thread(target=_keep, args=(model, chosen.requests), daemon=True).start()
    beside = chosen.port_file.with_suffix(".tmp")
    beside.write_text(str(model.port), "utf-8")
    beside.replace(chosen.port_file)
    try:
        model.serve()
    except KeyboardInterrupt:
        return 0
    return 0


def _keep(model: FakeModel, path: Path) -> None:
    """Write requests down as they come, so that a killed server leaves them behind."""
    written = 0
    with path.open("a", encoding="utf-8") as file:
        while True:
            for request in model.requests[written:]:
                file.write(json.dumps(request) + "\n")
                written += 1
            file.flush()
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
