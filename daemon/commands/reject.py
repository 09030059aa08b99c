"""`mendd reject`: refuse a held patch, or drop an instruction that waits; the work is closed."""

import argparse

from daemon.commands import add_json, settings_of
from daemon.commands.ordering import add_wait, give, tell

EXAMPLE = """\
  mendd reject 20261120T0918 --reason "the caller has to check that"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which patch, and why not."""
    parser.add_argument("id", metavar="ID", help="the reflection whose patch is held")
    parser.add_argument("--reason", default="", help="why; it goes into the audit trail")
    add_wait(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Order it."""
    from daemon.commands.held import held_work

    settings = settings_of(options)
    work = held_work(options.id, settings, open_kinds=("modify",))
    return tell(give("reject", work.id, options, settings, reason=options.reason), options)
