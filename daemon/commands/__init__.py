"""The commands, one module each; what they share is how they end and how they find settings."""

import argparse
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.settings import Settings


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    NO = 1  # the answer is no: a check failed, a replay differed
    USAGE = 2  # wrong usage or configuration
    WORLD = 3  # the world is not as needed: no Docker, no model, no space
    STOPPED = 4  # the kill switch is on
    OUR_FAULT = 70  # EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it
    PIPE_CLOSED = 141  # 128 + SIGPIPE


class CommandError(Exception):
    """A command cannot give what was asked: what happened, to what, and what to do next."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


def settings_of(options: argparse.Namespace) -> "Settings":
    """The settings this command works with. Raises SettingsError with every fault."""
    from daemon.config.config_file import find_config, load_settings

    return load_settings(find_config(options.config))


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option of every command that prints data."""
    parser.add_argument("--json", action="store_true", help="print one JSON document, times in UTC")
