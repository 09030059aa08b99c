"""`mendd mcp`: serves mendd's actions to an agent over the Model Context Protocol."""

import argparse
import os
import signal
import sys
from contextlib import suppress
from typing import TextIO

from daemon.commands import Exit, settings_of

EXAMPLE = """\
  mendd mcp                              looking, reflecting, stopping; for an agent's settings:
                                         {"command": "mendd", "args": ["mcp"]}
  mendd mcp --allow-changes              the agent may also approve, reject and revert
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the agent may do."""
    parser.add_argument("--allow-changes", action="store_true", help="offer also what changes code")


def run(options: argparse.Namespace) -> int:
    """Serve until the client goes away."""
    settings = settings_of(options)
    if sys.stdin.isatty():
        sys.stderr.write("mendd mcp speaks with an agent's client on standard input; Ctrl-C ends\n")
    stdin, stdout = _protocol_streams()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread that waits for input hears no other
    import logging

    import anyio

    from daemon.actions.caller import Caller
    from daemon.actions.catalogue import agents_actions
    from daemon.actions.server import BY, AgentServer
    from daemon.supervision.logs import start_logging

    start_logging(as_json=False, environment=os.environ)
    logging.getLogger("mcp").setLevel(logging.WARNING)
    server = AgentServer(
        agents_actions(), Caller(settings=settings, by=BY), allow_changes=options.allow_changes
    )
    try:
        anyio.run(server.serve, stdin, stdout)
    except BaseExceptionGroup as group:
        if group.split(BrokenPipeError)[1] is not None:
            raise
    finally:
        with suppress(BrokenPipeError):  # the client died before it had read all; so it goes
            stdout.close()
    return Exit.DONE


def _protocol_streams() -> tuple[TextIO, TextIO]:
    """Standard input and output for the protocol alone: all else reads nothing, writes to stderr.

    A library that prints, or a child that inherits the descriptors, would break the protocol.
    """
    stdin = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace", newline="\n")
    stdout = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return stdin, stdout
