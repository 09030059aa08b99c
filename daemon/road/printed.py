"""What tests printed and a change shows, made fit to be kept and sent: known secrets hidden,
before anything is cut.

The tested code is a stranger's, and what it prints ends in the trail, in reports and with a model.
"""

from dataclasses import replace
from typing import Any

from daemon.apply import Applied
from reflections.fields import TERMINAL_CODE
from reflections.secrets import redact
from sandbox.results import Run

CUT_MESSAGE = 5_900  # bytes; the guest keeps the last 6,000 of a message
CUT_OUTPUT = 65_000  # bytes; the host keeps the last 65,536 of the output


def without_secrets(run: Run) -> Run:
    """The same run; texts that were cut in front begin with a whole line."""
    return replace(
        run,
        output=hidden(run.output, cut=CUT_OUTPUT),
        messages={test: hidden(said, cut=CUT_MESSAGE) for test, said in run.messages.items()},
        detail=redact(run.detail),
    )


def kept_of(applied: Applied) -> dict[str, Any]:
    """A change as the archive keeps it; taking it back needs its backup, not its diff."""
    return {**applied.to_json(), "diff": redact(applied.diff)}


def hidden(text: str, *, cut: int) -> str:
    """The text without terminal codes and secrets. From `cut` bytes on its start may be missing.

    Half a secret is no longer known for one, so the line that was cut through goes with its rest.
    """
    if len(text.encode("utf-8", "replace")) >= cut:
        text = text.partition("\n")[2] or text.partition(" ")[2]
    return redact(TERMINAL_CODE.sub("", text))
