"""A transport of one session, and a record of what it did."""

import threading
from typing import Any

from daemon.engines.dialogue.answer import Answer
from daemon.engines.dialogue.faults import (
    Billed,
)
from daemon.engines.dialogue.transport import Transport
from daemon.settings import ClaudeSettings

REQUEST = {
    "model": "claude-opus-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
}


class Caller:
    """One transport, and what it did."""

    def __init__(self, url: str, *, key: str | None = "sk-test", **settings: Any) -> None:
        defaults: dict[str, Any] = {"timeout_s": 10, "retries": 3, "retry_after_s": 60}
        self.waits: list[float] = []
        self.reserved = 0
        self.outcomes: list[str] = []  # "answer", or what a failed try may have cost
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

        def after(outcome: Answer | Billed) -> None:
            self.outcomes.append("answer" if isinstance(outcome, Answer) else outcome.value)

        return self.transport.send(request, before=before, after=after)
