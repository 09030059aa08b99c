"""`mendd run`: the service, or with --once one worker pass in this process."""

import argparse
from typing import TYPE_CHECKING

from daemon.commands import CommandError, Exit, add_json, settings_of

if TYPE_CHECKING:
    from audit.record import Record
    from daemon.settings import Settings

EXAMPLE = """\
  mendd run                  the service; systemd starts it this way
  mendd run --once           work on what is there, show the progress, and end
"""
WORTH_TELLING = frozenset(
    {"applied", "held", "frozen", "rejected", "declined", "explained", "reverted"}
    | {"ignored", "failed", "budget_stop", "came_back"}
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The service or one pass."""
    parser.add_argument("--once", action="store_true", help="one pass in this process, then end")
    parser.add_argument("--log-json", action="store_true", help="the service's log as JSON lines")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop, or work once."""
    if options.once:
        return _once(options, settings_of(options))
    if options.json:
        raise CommandError("--json belongs to 'run --once'; the service's log has --log-json")
    from daemon.config.config_file import find_config
    from daemon.service import serve

    return serve(find_config(options.config), log_json=options.log_json)


def _once(options: argparse.Namespace, settings: "Settings") -> int:
    """One pass; what came of it is read from the trail afterwards."""
    from daemon.commands.progress_line import progress_shown
    from daemon.commands.records import records_since, trail_size
    from daemon.killswitch import KillSwitch
    from daemon.worker import run_worker

    switch = KillSwitch(settings.kill_switch)
    if switch.on():
        said = switch.reason() or "no reason given"
        raise CommandError(
            f"the kill switch is on ({said}); nothing was started. 'mendd on' lifts it",
            Exit.STOPPED,
        )
    settings.inbox_path.mkdir(parents=True, exist_ok=True)
    start = trail_size(settings)
    asked = argparse.Namespace(settle=False, housekeep=False, complete=[])
    with progress_shown(settings.state):
        code = run_worker(settings, asked)
    if code == Exit.STOPPED and not switch.on():
        code = Exit.INTERRUPTED
    _tell(options, code, records_since(settings, start))
    return code


def _tell(options: argparse.Namespace, code: int, records: list["Record"]) -> None:
    from daemon.commands.audit import gist
    from daemon.show import Screen

    screen = Screen()
    told = [record for record in records if record.event in WORTH_TELLING]
    if options.json:
        document = {"exit": int(code), "records": [record.to_json() for record in told]}
        screen.document(document)
    elif told:
        rows = [(r.event, r.reflection or "-", r.target or "-", gist(r)) for r in told]
        screen.table(("verdict", "reflection", "target", "what"), rows)
    elif code == Exit.DONE:
        screen.say("nothing was due")
