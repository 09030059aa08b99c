"""Calls through the real SDK against a real server: patience, privacy, the kill switch."""

import contextlib
import os
import threading
import time
from collections.abc import Callable

import pytest

from daemon.engines import EngineError
from daemon.engines.dialogue.faults import (
    ModelBusy,
    ModelSetup,
    Stopped,
)
from daemon.engines.dialogue.transport import Transport
from daemon.settings import ClaudeSettings
from tests.caller import REQUEST, Caller
from tests.fake_model import Answer as Scripted
from tests.fake_model import FakeModel, Fault, status, text, thinking

Start = Callable[..., FakeModel]
Make = Callable[..., Caller]


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
    assert a.outcomes == ["nothing", "nothing", "answer"]
    assert len(server.requests) == 3


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


def test_a_server_that_does_not_stream_is_understood(model: Start, caller: Make) -> None:
    """It answers with the whole message at once."""
    block = thinking("hm")
    server = model([Scripted(content=[block, text("hi")], plain=True)])

    answer = caller(server.url).send()

    assert answer.content == [block, text("hi")]
    assert answer.usage is not None
    assert (answer.stop_reason, answer.usage.output_tokens) == ("end_turn", 100)


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
        transport.send(REQUEST, before=lambda: None, after=lambda _: None)

    assert len(server.requests) == 1


def test_a_stopped_session_sends_nothing(model: Start, caller: Make) -> None:
    """Stop set before the first call: not even a reservation."""
    server = model([text("hi")])
    a = caller(server.url)
    a.stop.set()

    with pytest.raises(Stopped):
        a.send()

    assert (a.reserved, server.requests) == (0, [])


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


@pytest.mark.parametrize("key", ["sk-\u2603", "sk-one\nsk-two", "sk one"])
def test_an_impossible_key_is_an_error_of_the_setup(model: Start, caller: Make, key: str) -> None:
    """A key that no header can hold is found before anything is sent, and is not shown."""
    server = model([])

    with pytest.raises(ModelSetup, match="Copy it again") as raised:
        caller(server.url, key=key)

    assert key not in str(raised.value)


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
