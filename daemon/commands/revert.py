"""`mendd revert`: take an applied patch back."""

import argparse
from typing import TYPE_CHECKING

from daemon.commands import CommandError, Exit, add_json, settings_of
from daemon.commands.ordering import add_wait, give, tell
from daemon.commands.records import full_id, reflection_ids, trail_path

if TYPE_CHECKING:
    from daemon.settings import Settings

EXAMPLE = """\
  mendd audit list --event applied
  mendd revert 20261120T0918 --reason "orders fail since then"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which patch, and why."""
    parser.add_argument("id", metavar="ID", help="the reflection whose patch was applied")
    parser.add_argument("--reason", default="", help="why; it goes into the audit trail")
    add_wait(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Order it."""
    settings = settings_of(options)
    id_ = _applied(options.id, settings)
    return tell(give("revert", id_, options, settings, reason=options.reason), options)


def _applied(given: str, settings: "Settings") -> str:
    """The applied patch with this (abbreviated) id. Raises CommandError."""
    from audit.verify import records_in

    path = trail_path(settings)
    applied = [r.reflection for r in records_in(path, event="applied") if r.reflection]
    try:
        return full_id(given, applied, "applied patch")
    except CommandError as unknown:
        try:
            id_ = full_id(given, reflection_ids(path), "reflection")
        except CommandError:
            raise unknown from None
        if id_ in applied:
            raise unknown from None
        raise CommandError(
            f"{id_} was never applied, so there is nothing to revert "
            f"('mendd audit show {id_}' says how it ended)",
            Exit.NO,
        ) from None
