"""`mendd off`: the emergency stop; a faulty configuration does not keep it from working."""

import argparse

from daemon.commands import Exit, add_json
from daemon.commands.switch import find_switch, person, switch_document

EXAMPLE = """\
  mendd off                          stop everything now
  mendd off "deploying until noon"   and say why
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An optional reason."""
    parser.add_argument("reason", nargs="*", metavar="REASON", help="why, for those who read it")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Throw the switch. It is done when this returns; running trials die within a second."""
    from daemon.show import Screen

    switch = find_switch(options)
    thrown = switch.throw(" ".join(options.reason), person())
    screen = Screen()
    if options.json:
        screen.document(switch_document(switch, changed=thrown))
    elif thrown:
        screen.say(f"off: {switch.path} is in place; nothing runs and nothing is applied")
        screen.say("'mendd on' lifts it")
    else:
        screen.say(f"off already: {switch.reason() or f'{switch.path} is in place'}")
    return Exit.DONE
