"""`mendd on`: lifts the kill switch, and ends the pauses of targets where nothing worked."""

import argparse

from daemon.commands import Exit, add_json
from daemon.commands.switch import find_switch, person, switch_document

EXAMPLE = """\
  mendd on         lift the kill switch; a running service goes on by itself
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing but the common options."""
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Remove what stands at the switch's path; order the end of pauses, if there are any."""
    from daemon.show import Screen

    switch = find_switch(options)
    reason = switch.reason()
    lifted = switch.lift()
    paused = end_pauses(options)
    screen = Screen()
    if options.json:
        screen.document(switch_document(switch, changed=lifted))
    elif lifted:
        screen.say(f"on: {switch.path} is gone{f' (it said: {reason})' if reason else ''}")
        screen.say("a running service goes on by itself; 'mendd run' starts one")
    else:
        screen.say("on already: there was no kill switch")
    if paused and not options.json:
        screen.say(f"the next pass ends the pause of {', '.join(paused)} and tries again")
    return Exit.DONE


def end_pauses(options: argparse.Namespace) -> list[str]:
    """Order the end of every pause (daemon/breakers.py); the targets that are paused."""
    from datetime import UTC, datetime

    from daemon.breakers import BREAKERS, Breakers
    from daemon.config.config_file import SettingsError, find_config, load_settings
    from daemon.desk.orders import Order, give_order

    try:
        settings = load_settings(find_config(options.config))
    except SettingsError:  # the switch is lifted all the same
        return []
    now = datetime.now(UTC)
    paused = Breakers(settings.state / BREAKERS, settings.breaker, lambda: now).paused()
    if paused:
        order = Order(kind="resume", id="pauses", by=person(), time=now.isoformat())
        give_order(settings.state, order)
    return sorted(paused)
