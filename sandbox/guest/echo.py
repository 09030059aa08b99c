"""The smallest session mode: sends every object back. It proves the channel, nothing else."""

from __future__ import annotations

from typing import Any

from .channel import Channel


def main(job: dict[str, Any], channel: Channel) -> int:
    """Echo until the host closes the session."""
    channel.send({"job": job})
    while (message := channel.receive()) is not None:
        channel.send(message)
    return 0
