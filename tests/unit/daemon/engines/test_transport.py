"""Calls through the real SDK against a real server: patience, faults, and what was billed."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from daemon.engines import EngineError
from daemon.engines.answer import Answer
from daemon.engines.faults import (
    ConversationTooLong,
    ModelBusy,
    ModelGarbled,
    ModelSetup,
    ModelUnreachable,
    Stopped,
    retry_after_s,
)
from daemon.engines.transport import Transport
from daemon.settings import ClaudeSettings
from tests.fake_model import Answer as Scripted
from tests.fake_model import FakeModel, Fault, status, text, thinking

REQUEST = {
    "model": "claude-opus-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
}
Start = Callable[..., FakeModel]
Make = Callable[..., "Caller"]


class Caller:
    """One transport, and what it did."""

    def __init__(self, url: str, *, key: str | None = "sk-test", **settings: Any) -> None:
        defaults: dict[str, Any] = {"timeout_s": 10, "retries": 3, "retry_after_s": 60}
        self.waits: list[float] = []
        self.reserved = 0
        self.outcomes: list[tuple[bool, bool | None]] = []
        self.stop = threading.Event()
        self.said: list[str] = []
        self.transport = Transport(
            ClaudeSettings(base_url=url, **(defaults | settings)),
            key,
            stop=self.stop,
            progress=self.said.append,
            pause=lambda seconds: self.waits.append(seconds) or False,  # type: ignore[func-returns-value]
        )

    def send(self, request: dict[str, Any] = REQUEST) -> Answer:
        def before() -> None:
            self.reserved += 1

        def after(answer: Answer | None, billed: bool | None) -> None:
            self.outcomes.append((answer is not None, billed))

        return self.transport.send(request, before=before, after=after)


@pytest.fixture
def caller() -> Iterator[Callable[..., Caller]]:
    """Makes callers and closes their connections."""
    made: list[Caller] = []

    def make(url: str, **settings: Any) -> Caller:
        made.append(Caller(url, **settings))
        return made[-1]

    yield make
    for each in made:
        each.transport.close()


def test_an_answer_comes_back_with_its_blocks_as_they_were_sent(model: Start, caller: Make) -> None:
    """Thinking keeps its signature, and the usage is read."""
    block = thinking("hm")
    server = model([[block, text("hi")]])

    answer = caller(server.url).send()

    assert answer.content == [block, text("hi")]
    assert answer.text == "hi"
    assert answer.usage is not None
    assert answer.usage.whole_input == 1000


@pytest.mark.parametrize("code", [408, 409, 429, 500, 502, 503, 529])
def test_a_passing_fault_is_tried_again(model: Start, code: int, caller: Make) -> None:
    """Every try is reserved and settled; a failed one was not billed."""
    server = model([status(code), status(code), text("hi")])
    a = caller(server.url)

    assert a.send().text == "hi"

    assert a.reserved == 3
    assert a.outcomes == [(False, False), (False, False), (True, True)]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (400, "strict_tools = false"),
        (401, "ANTHROPIC_API_KEY"),
        (402, "billing page"),
        (403, "permissions"),
        (404, "base_url"),
        (422, "server's log"),
    ],
)
def test_a_lasting_fault_is_not_tried_again_and_says_what_to_do(
    model: Start, code: int, advice: str, caller: Make
) -> None:
    """A wrong key stays wrong: one request, no billing, advice."""
    server = model([status(code, message="no\n  way")])
    a = caller(server.url)

    with pytest.raises(ModelSetup, match=rf"answered {code}: no way\. .*{advice}"):
        a.send()

    assert (len(server.requests), a.outcomes, a.waits) == (1, [(False, False)], [])


def test_a_wrong_key_is_refused_and_never_shown(model: Start, caller: Make) -> None:
    """The key is in no message."""
    server = model([text("hi")], key="sk-right", faultless=False)

    with pytest.raises(ModelSetup) as raised:
        caller(server.url, key="sk-wrong").send()

    assert "sk-wrong" not in str(raised.value)


def test_a_storm_ends_after_the_retries_set(model: Start, caller: Make) -> None:
    """Rate limited for good: as many tries as set, then an error that says so."""
    server = model([status(429)] * 9)
    a = caller(server.url, retries=3)

    with pytest.raises(ModelBusy, match="answered 429"):
        a.send()

    assert (len(server.requests), len(a.waits)) == (4, 3)
    assert a.waits == sorted(a.waits)


def test_a_server_may_ask_for_patience_but_not_for_weeks(model: Start, caller: Make) -> None:
    """Retry-After is obeyed up to the setting; nonsense in it falls back to our own waits."""
    asked = ["7", "4294967", "-5", "soon", "nan", "inf"]
    server = model([*(status(429, wait) for wait in asked), text("hi")])
    a = caller(server.url, retries=9, retry_after_s=30)

    a.send()

    assert a.waits[:2] == [7.0, 30.0]
    assert all(0 < wait <= 30 for wait in a.waits[2:])


def test_retry_after_is_read_in_all_its_forms() -> None:
    """Seconds, milliseconds, a date; a date long past means at once."""
    assert retry_after_s({"retry-after": "2.5"}, 0) == 2.5
    assert retry_after_s({"retry-after-ms": "1500", "retry-after": "9"}, 0) == 1.5
    assert retry_after_s({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 20) == 40
    assert retry_after_s({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 99) == 0
    assert retry_after_s({"retry-after": "-1"}, 0) is None
    assert retry_after_s({}, 0) is None


@pytest.mark.parametrize("kind", ["cut", "malformed", "html", "shape", "unfinished"])
def test_a_garbled_answer_is_tried_again_and_may_have_been_billed(
    model: Start, kind: str, caller: Make
) -> None:
    """Nobody can know what a broken answer cost, so its reservation must stay."""
    server = model([Fault(kind=kind), text("hi")])
    a = caller(server.url)

    assert a.send().text == "hi"

    assert a.outcomes == [(False, None), (True, True)]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("cut", ModelUnreachable),
        ("unfinished", ModelUnreachable),
        ("malformed", ModelGarbled),
        ("html", ModelGarbled),
        ("shape", ModelGarbled),
    ],
)
def test_a_server_that_stays_garbled_is_an_error_with_advice(
    model: Start, kind: str, error: type[EngineError], caller: Make
) -> None:
    """Each names the address and the setting."""
    server = model([Fault(kind=kind)] * 2)

    with pytest.raises(error, match=r"127\.0\.0\.1.*\[claude\] base_url"):
        caller(server.url, retries=1).send()


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"content": None},
        {"content": "text"},
        {"content": ["text"]},
        {"content": [{"text": "no type"}]},
        {"content": [{"type": "tool_use", "name": "decline"}]},
        {"content": [{"type": "text"}]},
        {"content": [], "usage": {"input_tokens": -1}},
        {"content": [], "stop_reason": 7},
    ],
)
def test_a_message_of_the_wrong_shape_is_no_answer(content: dict[str, Any]) -> None:
    """The SDK would hand on a Message of Nones."""
    with pytest.raises(ValueError, match="validation error"):
        Answer.model_validate(content)


def test_silence_ends_with_the_time_limit(model: Start, caller: Make) -> None:
    """A slow answer is given up; it may have been billed."""
    server = model([Fault(kind="slow", seconds=30)])
    a = caller(server.url, timeout_s=0.3, retries=0)

    with pytest.raises(ModelUnreachable, match=r"silent for 0\.3 s"):
        a.send()

    assert a.outcomes == [(False, None)]


def test_silence_in_the_middle_of_an_answer_ends_with_the_time_limit(
    model: Start, caller: Make
) -> None:
    """A stream that stops moving is given up like one that never began."""
    server = model([Fault(kind="hang", seconds=30)])
    a = caller(server.url, timeout_s=0.3, retries=0)

    with pytest.raises(ModelUnreachable, match=r"silent for 0\.3 s"):
        a.send()

    assert a.outcomes == [(False, None)]


def test_an_overload_in_the_middle_of_an_answer_is_tried_again(model: Start, caller: Make) -> None:
    """The status was 200 already; the error comes as an event."""
    server = model([Fault(kind="event", message="overloaded_error"), text("hi")])
    a = caller(server.url)

    assert a.send().text == "hi"

    assert a.outcomes == [(False, None), (True, True)]


def test_another_error_in_the_middle_of_an_answer_is_not(model: Start, caller: Make) -> None:
    """What the server refuses now it will refuse again."""
    server = model([Fault(kind="event", message="invalid_request_error")])

    with pytest.raises(
        ModelSetup, match=r"broke its answer off \(invalid_request_error\): mid-air"
    ):
        caller(server.url).send()


def test_a_server_that_does_not_stream_is_understood(model: Start, caller: Make) -> None:
    """It answers with the whole message at once."""
    block = thinking("hm")
    server = model([Scripted(content=[block, text("hi")], plain=True)])

    answer = caller(server.url).send()

    assert answer.content == [block, text("hi")]
    assert answer.usage is not None
    assert (answer.stop_reason, answer.usage.output_tokens) == ("end_turn", 100)


def test_nobody_listening_is_unreachable_and_costs_nothing(caller: Make) -> None:
    """A refused connection was never sent."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    a = caller(f"http://127.0.0.1:{port}", retries=1)

    with pytest.raises(ModelUnreachable, match=r"connection to http.* failed: .*refused"):
        a.send()

    assert a.outcomes == [(False, False)] * 2


def test_the_kill_switch_ends_a_call_under_way(model: Start, caller: Make) -> None:
    """The answer would take half a minute; nobody waits for it."""
    server = model([Fault(kind="slow", seconds=30)])
    a = caller(server.url, timeout_s=60)
    threading.Timer(0.3, a.stop.set).start()
    began = time.monotonic()

    with pytest.raises(Stopped):
        a.send()

    assert time.monotonic() - began < 15  # not the 30 s of the answer
    assert a.outcomes == []  # neither billed nor free: the reservation stays


def test_the_kill_switch_ends_a_wait(model: Start) -> None:
    """A wait for the server is a wait for the stop event."""
    server = model([status(429, "50")] * 3)
    stop = threading.Event()
    settings = ClaudeSettings(base_url=server.url, retry_after_s=60)
    transport = Transport(settings, None, stop=stop, progress=lambda _: stop.set())

    with pytest.raises(Stopped), contextlib.closing(transport):
        transport.send(REQUEST, before=lambda: None, after=lambda *_: None)

    assert len(server.requests) == 1


def test_a_stopped_session_sends_nothing(model: Start, caller: Make) -> None:
    """Stop set before the first call: not even a reservation."""
    server = model([text("hi")])
    a = caller(server.url)
    a.stop.set()

    with pytest.raises(Stopped):
        a.send()

    assert (a.reserved, server.requests) == (0, [])


def test_a_conversation_that_does_not_fit_has_its_own_error(model: Start, caller: Make) -> None:
    """It is no fault of the setup, and trying again will not help."""
    too_long = "prompt is too long: 1000001 tokens > 1000000 maximum"
    server = model([status(400, message=too_long), status(413)])

    for _ in range(2):
        with pytest.raises(ConversationTooLong):
            caller(server.url).send()


def test_redirects_are_not_followed(model: Start, caller: Make) -> None:
    """A key goes only where it was meant to go."""
    server = model([Fault(kind="redirect")])

    with pytest.raises(ModelSetup, match="Redirects are not followed"):
        caller(server.url).send()

    assert len(server.requests) == 1


def test_the_sdks_environment_variables_are_not_used(
    model: Start, monkeypatch: pytest.MonkeyPatch, caller: Make
) -> None:
    """Key, address and headers come from us alone; the environment is left as it was."""
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer stolen\nX-Evil: 1")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "other")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    server = model([text("hi"), text("hi")], key="sk-test")

    caller(server.url).send()

    assert server.headers[0]["authorization"] == "Bearer sk-test"
    assert server.headers[0]["x-api-key"] == "sk-test"
    assert "x-evil" not in server.headers[0]
    assert os.environ["ANTHROPIC_AUTH_TOKEN"] == "other"


def test_a_local_server_needs_no_key(
    model: Start, monkeypatch: pytest.MonkeyPatch, caller: Make
) -> None:
    """Nor a proxy: this machine is spoken to directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server = model([text("hi")])

    assert caller(server.url, key=None).send().text == "hi"

    assert server.headers[0]["authorization"] == "Bearer no-key"
    assert "x-api-key" not in server.headers[0]


def test_without_key_and_server_a_session_does_not_open(caller: Make) -> None:
    """The message names every way to give a key."""
    with pytest.raises(ModelSetup, match=r"ANTHROPIC_API_KEY.*credential.*base_url"):
        caller("", key=None)


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1", "http://[::1", "http://host:x"])
def test_an_impossible_address_is_an_error_of_the_setup(url: str, caller: Make) -> None:
    """Whatever the HTTP library raises for it."""
    with pytest.raises(EngineError, match="base_url"):
        caller(url, retries=0).send()


def test_an_impossible_key_is_an_error_of_the_setup(model: Start, caller: Make) -> None:
    """A key that no header can hold; it is not shown."""
    server = model([])

    with pytest.raises(EngineError) as raised:
        caller(server.url, key="sk-\n☃", retries=0).send()

    assert "☃" not in str(raised.value)


def test_a_request_the_sdk_refuses_is_an_error_of_the_setup(model: Start, caller: Make) -> None:
    """The SDK raises TypeError for unknown arguments; that is no crash of ours."""
    server = model([])

    with pytest.raises(ModelSetup, match="TypeError"):
        caller(server.url).send({**REQUEST, "temperature": 1})


def test_an_old_models_deprecation_warning_is_not_fatal(model: Start, caller: Make) -> None:
    """Warnings are errors in this suite, as under `python -W error`."""
    server = model([text("hi")])

    assert caller(server.url).send({**REQUEST, "model": "claude-sonnet-4-5"}).text == "hi"


def test_half_characters_in_an_answer_can_be_sent_back(model: Start, caller: Make) -> None:
    """A lone surrogate is no UTF-8; it becomes a question mark."""
    server = model([[text("half \ud83d")]])

    assert caller(server.url).send().text == "half ?"


def test_the_unused_answer_of_another_server_counts_no_tokens(model: Start, caller: Make) -> None:
    """Local servers may leave the usage out."""
    server = model([Scripted(content=[text("hi")], usage=None)])

    assert caller(server.url).send().usage is None
