"""What can keep a model from answering, and what each fault of a call means.

    EngineError
      BudgetSpent          a limit would be passed; nothing was sent (daemon/budget.py)
      Stopped              the kill switch came while a call or a wait was under way
      ModelSetup           key, address, model name or request refused; waiting will not help
      ModelBusy            rate limited or overloaded, for longer than the retries last
      ModelUnreachable     no connection, or no answer in time
      ModelGarbled         something answered that does not speak the Messages API
      ConversationTooLong  the request no longer fits the model's context

Every message says what happened, to what, and what to do next.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from daemon.engines import EngineError
from daemon.engines.dialogue.stream import StreamBroken, StreamError

if TYPE_CHECKING:
    import anthropic


class Stopped(EngineError):
    """The kill switch came; nothing more is sent."""


class ModelSetup(EngineError):
    """Key, address, model name or request are refused: a person must change something."""


class ModelBusy(EngineError):
    """The server has no room for longer than the retries last."""


class ModelUnreachable(EngineError):
    """No connection, or no answer in time."""


class ModelGarbled(EngineError):
    """Something answered, but not the Messages API."""


class ConversationTooLong(EngineError):
    """The request does not fit the model's context."""


class Billed(StrEnum):
    """What a failed try may have cost."""

    NOTHING = "nothing"  # never sent, or answered with an error status
    INPUT = "input"  # sent, but no answer began: an answer is streamed from its first token on
    UNKNOWN = "unknown"  # an answer had begun; nobody can know how long it grew


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failed try: what it means, whether another makes sense, what it may have cost."""

    error: EngineError
    retry: bool
    billed: Billed
    retry_after_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Callee:
    """Whom a call was made to; for messages."""

    address: str
    model: str
    timeout_s: float
    section: str = "claude"  # of the configuration


def failure(error: Exception, callee: Callee) -> Failure:
    """What an exception of the SDK means, whether to try again, and whether it was billed."""
    import anthropic
    import httpx2

    if isinstance(error, anthropic.APIStatusError):
        return _status(error, callee)
    if isinstance(error, StreamError):
        return _broken_off(error, callee)
    billed = _billed(error)
    if isinstance(error, anthropic.APITimeoutError | httpx2.TimeoutException | TimeoutError):
        words = f"{callee.address} was silent for {callee.timeout_s:g} s"
        return _unreachable(words, billed, callee.section)
    if isinstance(error, anthropic.APIConnectionError | httpx2.TransportError | StreamBroken):
        words = f"the connection to {callee.address} failed: {_root(error)}"
        return _unreachable(words, billed, callee.section)
    if isinstance(error, ValueError):  # json.JSONDecodeError, UnicodeDecodeError
        return garbled("its answer is not JSON", callee)
    fault = ModelSetup(
        f"the call of {callee.address} could not be made: {type(error).__name__}: {error}. "
        f"Check the key and [{callee.section}] base_url with `mendd check`"
    )
    return Failure(error=fault, retry=False, billed=Billed.NOTHING)


def garbled(what: str, callee: Callee) -> Failure:
    """Something answered with success, but no message came of it; it may have been billed."""
    fault = ModelGarbled(
        f"{callee.address} answered, but {what}. Check that [{callee.section}] base_url names "
        "a server that speaks the Messages API (without /v1) and that no proxy stands in between"
    )
    return Failure(error=fault, retry=True, billed=Billed.UNKNOWN)


def _broken_off(error: StreamError, callee: Callee) -> Failure:
    """An error event in the middle of an answer; what came before it may be billed."""
    passing = error.kind in ("overloaded_error", "api_error", "rate_limit_error", "timeout_error")
    kind = ModelBusy if passing else ModelSetup
    fault = kind(f"{callee.address} broke its answer off ({error.kind}): {error}. {_LATER}")
    return Failure(error=fault, retry=passing, billed=Billed.UNKNOWN)


def _status(error: "anthropic.APIStatusError", callee: Callee) -> Failure:
    code, said = error.status_code, _said(error)
    if code in (408, 409, 425, 429) or code >= 500:
        busy = ModelBusy(f"{callee.address} answered {code}: {said}. {_LATER}")
        after = retry_after_s(error.response.headers, time.time())
        return Failure(error=busy, retry=True, billed=Billed.NOTHING, retry_after_s=after)
    if code == 413 or (code == 400 and "prompt is too long" in said.lower()):
        fault: EngineError = ConversationTooLong(f"the conversation does not fit {callee.model}")
    else:
        advice = _ADVICE.get(code, "Check [{}] in mendd.toml and the server's log")
        advice = advice.format(callee.section)
        fault = ModelSetup(f"{callee.address} answered {code}: {said}. {advice}")
    return Failure(error=fault, retry=False, billed=Billed.NOTHING)


_LATER = (
    "mendd tries again later by itself; if it stays, see the provider's status page and your "
    "rate limits"
)
_ADVICE = {
    400: "The request was refused; a server that knows no strict tools needs strict_tools = false",
    401: "Set a valid ANTHROPIC_API_KEY (or the systemd credential anthropic_api_key)",
    402: "The account cannot pay; see its billing page",
    403: "This key may not use the model; see the workspace's permissions",
    404: "Check [{}] model and base_url (without /v1)",
    **dict.fromkeys(
        (301, 302, 303, 307, 308), "Redirects are not followed; set the final base_url"
    ),
}


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The wait a server asks for: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        return seconds if seconds >= 0 else None  # NaN compares false
    try:
        asked = parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return max(asked, 0.0)


def _unreachable(words: str, billed: Billed, section: str) -> Failure:
    advice = f"Check the network and [{section}] base_url; mendd tries again later by itself"
    return Failure(error=ModelUnreachable(f"{words}. {advice}"), retry=True, billed=billed)


def _billed(error: Exception) -> Billed:
    """What a lost call cost. The SDK wraps what goes wrong before an answer begins, only that."""
    import anthropic
    import httpx2

    unsent = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.ProxyError,
        httpx2.UnsupportedProtocol,
    )
    if isinstance(error.__cause__, unsent):
        return Billed.NOTHING
    return Billed.INPUT if isinstance(error, anthropic.APIConnectionError) else Billed.UNKNOWN


def _root(error: Exception) -> str:
    cause = error.__cause__ or error
    return f"{cause}" or type(cause).__name__


def _said(error: "anthropic.APIStatusError") -> str:
    """The server's own words, on one line and cut short."""
    said = error.api_message if isinstance(error.api_message, str) else str(error.message)
    return " ".join(said.split())[:300] or "no explanation"
