"""One call of the Messages API through the `anthropic` package, with our own patience and books.

The SDK retries nothing here (`max_retries=0`): it would obey a Retry-After of 49 days. It reads no
environment variable either: `ANTHROPIC_CUSTOM_HEADERS` may replace the key, `ANTHROPIC_LOG=debug`
writes every prompt to the log. The package costs a second and 66 MiB, so it is imported when a
session opens and not before.
"""

import ipaddress
import itertools
import json
import os
import random
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from daemon.engines import EngineError
from daemon.engines.dialogue.answer import Answer
from daemon.engines.dialogue.faults import (
    Billed,
    Callee,
    Failure,
    ModelSetup,
    Stopped,
    failure,
    garbled,
)
from daemon.engines.dialogue.stream import MOST_BYTES, assembled
from daemon.settings import ClaudeSettings

if TYPE_CHECKING:
    import anthropic
    import httpx2

CONNECT_S = 10.0
LONGEST_CALL_S = 1800.0
LOOK_S = 0.1  # how often a waiting call looks at the stop event
MOST_DEPTH = 40  # lists and objects within one another; a call has three
BEAT_S = 15.0  # how often a long wait says that it is alive
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 16.0
OFFICIAL = "https://api.anthropic.com"
NO_KEY = "no-key"  # local servers want none, but without one the SDK would search the disk


class Transport:
    """Sends requests of one session; never used by two threads."""

    def __init__(
        self,
        settings: ClaudeSettings,
        key: str | None,
        *,
        stop: threading.Event,
        progress: Callable[[str], None],
        seed: int = 0,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._progress = progress
        self._sleep = pause or stop.wait
        self._dice = random.Random(seed)  # noqa: S311 - spreads retries, keeps no secret
        self._callee = Callee(
            address=settings.base_url or OFFICIAL,
            model=settings.model,
            timeout_s=settings.timeout_s,
            section=settings.SECTION,
        )
        self._client = open_client(settings, key)

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def send(
        self,
        request: Mapping[str, Any],
        *,
        before: Callable[[], None],
        after: Callable[[Answer | Billed], None],
    ) -> Answer:
        """One answer, after as many tries as the settings allow.

        `before` runs ahead of every try and may raise BudgetSpent; `after` follows every try with
        the answer, or with what a failed try may have cost.
        """
        for tried in itertools.count():
            self._look()
            before()
            outcome = self._try(request)
            if isinstance(outcome, Answer):
                after(outcome)
                return outcome
            after(outcome.billed)
            if not outcome.retry or tried >= self._settings.retries:
                raise outcome.error
            self._pause(outcome, tried)
        raise AssertionError  # count() does not end; mypy cannot know

    def _look(self) -> None:
        if self._stop.is_set():
            raise Stopped("stopped by the kill switch; nothing more is sent to the model")

    def _pause(self, fault: Failure, tried: int) -> None:
        wait_s = min(FIRST_WAIT_S * 2**tried, LONGEST_WAIT_S) * (1 - self._dice.random() / 4)
        if fault.retry_after_s is not None:
            wait_s = min(fault.retry_after_s, self._settings.retry_after_s)
        self._progress(f"{fault.error}; trying again in {wait_s:.0f} s")
        self._sleep(wait_s)
        self._look()

    def _try(self, request: Mapping[str, Any]) -> Answer | Failure:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an old model's name is the operator's choice
                return Answer.model_validate(self._call(request))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            return garbled(f"its answer is no message ({where}: {first['msg']})", self._callee)
        except EngineError:
            raise
        except Exception as error:  # noqa: BLE001 - the SDK's edge: TypeError, JSONDecodeError and AssertionError come out of it too
            return failure(error, self._callee)

    def _call(self, request: Mapping[str, Any]) -> Any:
        """The message that came back, as plain JSON; ends at once when stop is set.

        The call runs in a thread of its own because nothing else interrupts a blocking read; a
        stopped one is left behind and dies with its time limit or with the worker.
        """
        future: Future[Any] = Future()
        began = beat = time.monotonic()
        threading.Thread(target=self._fill, args=(future, request), daemon=True).start()
        while not wait([future], timeout=LOOK_S).done:
            self._look()
            now = time.monotonic()
            if now - began > LONGEST_CALL_S:  # a server that drips is never silent
                raise TimeoutError(f"no whole answer within {LONGEST_CALL_S:g} s")
            if now - beat > BEAT_S:
                beat = now
                self._progress(f"waiting for {self._settings.model}, {now - began:.0f} s so far")
        return future.result()

    def _fill(self, future: "Future[Any]", request: Mapping[str, Any]) -> None:
        try:
            future.set_result(self._answer(request))
        except BaseException as error:  # noqa: BLE001 - carried over to the waiting thread
            future.set_exception(error)

    def _answer(self, request: Mapping[str, Any]) -> Any:
        with self._client.messages.create(**request, stream=True) as stream:
            response = stream.response
            if "event-stream" in response.headers.get("content-type", ""):
                events = stream.raw_events(response)
                return _clean(assembled(event.data for event in events if event.data))
            return _clean(_whole(response))  # a server that does not stream


def open_client(settings: ClaudeSettings, key: str | None) -> "anthropic.Anthropic":
    """The SDK's client: explicit key and address, no retries, no redirects, no tracing."""
    section = settings.SECTION
    if not settings.model:
        raise ModelSetup(f"[{section}] model is empty: name the model the server is to use")
    if section == "local" and not settings.base_url:
        raise ModelSetup("[local] base_url is empty: give the address of your server")
    if key is None and not settings.base_url:
        raise ModelSetup(
            "there is no key for the Claude API. Set ANTHROPIC_API_KEY, or give the service the "
            "systemd credential anthropic_api_key, or point [claude] base_url at a local server"
        )
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise ModelSetup(
            "the key for the Claude API holds white space or other characters that no key has. "
            "Copy it again into ANTHROPIC_API_KEY or the credential anthropic_api_key"
        )
    address = _checked_address(settings.base_url or OFFICIAL, section)
    with _without_sdk_environment():
        import anthropic

        return anthropic.Anthropic(
            api_key=key or NO_KEY,
            base_url=address,
            max_retries=0,
            timeout=_timeout(settings),
            # gateways built for SDK 1.x look at x-api-key only
            default_headers={"X-Api-Key": key} if key and settings.base_url else None,
            open_telemetry=False,
            http_client=_http_client(settings),
        )


def _checked_address(url: str, section: str) -> str:
    import httpx2

    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise ModelSetup(f"[{section}] base_url {url!r} is no address: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ModelSetup(f"[{section}] base_url {url!r} must look like http://127.0.0.1:11434")
    return url


def _whole(response: Any) -> Any:
    """The body as JSON. ValueError: more than any answer, no JSON, or nested without end."""
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise ValueError(f"an answer of more than {MOST_BYTES} bytes")
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("an answer that nests too deeply") from error


def _clean(message: Any) -> Any:
    """The same message; half surrogates in it could not be sent back and are replaced.

    ValueError when it nests so deeply that it could not be sent back either.
    """
    _look_into(message, MOST_DEPTH)
    text = json.dumps(message, ensure_ascii=False)
    return json.loads(text.encode("utf-8", "replace"))


def _timeout(settings: ClaudeSettings) -> "httpx2.Timeout":
    import httpx2

    return httpx2.Timeout(settings.timeout_s, connect=min(CONNECT_S, settings.timeout_s))


def _http_client(settings: ClaudeSettings) -> "httpx2.Client":
    """Proxy variables of the system count, except for a server on this machine."""
    import anthropic
    import httpx2

    timeout = _timeout(settings)
    if _on_this_machine(settings.base_url):
        return httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=False)
    return anthropic.DefaultHttpxClient(timeout=timeout, follow_redirects=False)


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _without_sdk_environment() -> Iterator[None]:
    hidden = {name: value for name, value in os.environ.items() if name.startswith("ANTHROPIC_")}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _look_into(value: Any, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"an answer that nests more than {MOST_DEPTH} deep")
    if isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            _look_into(each, depth - 1)
