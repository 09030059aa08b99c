"""`mendd on`: lifts the kill switch."""

import argparse

from daemon.commands import Exit, add_json
from daemon.commands.switch import find_switch, switch_document

EXAMPLE = """\
  mendd on         lift the kill switch; a running service goes on by itself
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing but the common options."""
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Remove what stands at the switch's path."""
    from daemon.show import Screen

    switch = find_switch(options)
    reason = switch.reason()
    lifted = switch.lift()
    screen = Screen()
    if options.json:
        screen.document(switch_document(switch, changed=lifted))
    elif lifted:
        screen.say(f"on: {switch.path} is gone{f' (it said: {reason})' if reason else ''}")
        screen.say("a running service goes on by itself; 'mendd run' starts one")
    else:
        screen.say("on already: there was no kill switch")
    return Exit.DONE
