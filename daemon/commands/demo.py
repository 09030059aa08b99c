"""`mendd demo`: the real service on a copy of the examples, from dropped notes to a kill switch."""

import argparse

EXAMPLE = """\
  mendd demo            watch the example modules being mended
  mendd demo --keep     and keep the folder to look around in
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to keep what was made."""
    parser.add_argument("--keep", action="store_true", help="keep the demonstration's folder")


def run(options: argparse.Namespace) -> int:
    """Play it; 0 when everything came out as it should."""
    from daemon.demo.play import demonstrate

    return demonstrate(keep=options.keep)
