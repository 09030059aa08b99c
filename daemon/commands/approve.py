"""`mendd approve`: apply a held patch, after proving it again on the module as it is now."""

import argparse
from typing import TYPE_CHECKING

from daemon.commands import CommandError, Exit, add_json, settings_of
from daemon.commands.ordering import add_wait, give, tell

if TYPE_CHECKING:
    from reflections.store import Work

EXAMPLE = """\
  mendd approve 20261120T0918          any unambiguous part of the id will do
  mendd approve 20261120T0918 --show   look at the patch (and its rivals) first
  mendd approve 20261120T0918 --choice 1 --wait
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which patch."""
    parser.add_argument("id", metavar="ID", help="the reflection whose patch is held")
    parser.add_argument(
        "--choice", type=int, default=0, metavar="N", help="0: the preferred patch; 1…: a rival"
    )
    parser.add_argument("--show", action="store_true", help="only show what would be applied")
    add_wait(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Order it, or show it."""
    from daemon.commands.held import held_work

    settings = settings_of(options)
    work = held_work(options.id, settings)
    diffs = _diffs(work)
    if options.show:
        return _show(work, diffs, options)
    if diffs and not 0 <= options.choice < len(diffs):
        raise CommandError(
            f"--choice {options.choice}: {work.id} has the choices 0 to {len(diffs) - 1}; "
            f"'mendd approve {work.id} --show' shows them"
        )
    return tell(give("approve", work.id, options, settings, choice=options.choice), options)


def _diffs(work: "Work") -> list[str]:
    """The preferred patch, then its rivals; empty where no patch is held."""
    if not work.data.get("patch"):
        return []
    return [str(diff) for diff in (work.data.get("diff", ""), *work.data.get("rival_diffs", ()))]


def _show(work: "Work", diffs: list[str], options: argparse.Namespace) -> int:
    from daemon.show import Screen

    screen = Screen()
    reason = str(work.data.get("reason", ""))
    if options.json:
        screen.document({"id": work.id, "reason": reason, "diffs": diffs})
        return Exit.DONE
    screen.heading(f"{work.id}: {reason}")
    if work.data.get("applied"):
        screen.say("its patch stands already; approving lets it stay, 'mendd revert' takes it back")
        screen.diff(str(work.data["applied"]["diff"]))
    elif not diffs:
        screen.say("no patch is held; approving starts the work afresh")
    for number, diff in enumerate(diffs):
        if len(diffs) > 1:
            screen.heading(f"\nchoice {number}{' (preferred)' if number == 0 else ''}")
        screen.diff(diff)
    return Exit.DONE
