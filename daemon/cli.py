"""The command line: which commands there are, and how their ends become exit codes.

`mendd --help` has to answer within 50 ms, so nothing is imported here but argparse: the code of a
command, its options included, is read when that command is the one that was asked for.
"""

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

from daemon import __version__
from daemon.commands import Exit

GROUPS = {
    "Start": {
        "init": "write mendd.toml and the state folder for a project",
        "check": "the doctor: engine, image, key, folders, targets, each with its remedy",
        "demo": "mend the example module with everything real",
    },
    "Work": {
        "run": "run the service, or work off once what is due",
        "reflect": "drop a reflection into the inbox",
        "modify": "carry out an instruction on a branch of its own, with the whole suite",
        "research": "better a metric by experiments: setup, edit, run, decide, finalize, loop",
        "learn": "find habits in agents' sessions and make rules of them",
        "status": "what runs, what is under way, what waits and why",
    },
    "Decide": {
        "approve": "apply a patch that is held",
        "reject": "refuse a patch that is held",
        "revert": "take an applied patch back",
    },
    "Look back": {
        "audit": "read, verify and report from the audit trail",
        "learning": "recipes that held, their exchange, and the engines' scores",
        "verify": "replay a certificate in the sandbox, without a model",
    },
    "Agents": {
        "mcp": "serve an agent over the Model Context Protocol, on stdin and stdout",
    },
    "Stop": {
        "off": "throw the kill switch: nothing runs, nothing is applied",
        "on": "lift the kill switch",
    },
}
COMMANDS = {name: line for group in GROUPS.values() for name, line in group.items()}

EPILOG = """\
example:
  mendd init ~/app && cd ~/app && mendd check
  mendd reflect --outcome "total() fails on an empty cart" < traceback.txt
  mendd run --once

exit codes: 0 done, 1 the answer is no, 2 wrong usage or configuration, 3 the world is not as
needed (no Docker, no model, no space), 4 stopped by the kill switch, 70 a fault in mendd itself.
The configuration is --config, $MENDD_CONFIG, ./mendd.toml or /etc/mendd/mendd.toml."""


class Command(Protocol):
    """What a module in daemon/commands has to hold."""

    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its options."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; the exit code. Raises CommandError for an end that needs a message."""


class Parser(argparse.ArgumentParser):
    """One message on a mistake, and the usage only when asked for."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on; exit code 2."""
        from daemon.show import safe

        shown = safe(_no_command(message) or message)
        sys.stderr.write(f"{self.prog}: {shown}; see '{self.prog} --help'\n")
        raise SystemExit(Exit.USAGE)


class CommandParser(Parser):
    """The parser of one command, filled by the command's module when it is first needed."""

    command: Command | None = None
    _intermixing = False

    def fill(self) -> None:
        """Import the command and let it declare its options."""
        if self.command is not None:
            return
        name = self.prog.split()[-1]
        self.command = _import(name)
        self.description = COMMANDS[name]
        self.epilog = f"example:\n{self.command.EXAMPLE.rstrip()}"
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        _add_config(self, default=argparse.SUPPRESS)
        self.command.add_arguments(self)
        self.set_defaults(run=self.command.run)

    def add_subparsers(self, **options: Any) -> Any:
        """As in argparse; what a command divides itself into are plain parsers."""
        return super().add_subparsers(**{"parser_class": Parser, **options})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As in argparse, once the options are known; what a command lists may follow options."""
        self.fill()
        lists = any(each.nargs == "*" and not each.option_strings for each in self._actions)
        if not lists or self._intermixing or "--" in (args or ()):  # it ends the options
            return super().parse_known_args(args, namespace)
        self._intermixing = True  # which calls this method in turn
        return self.parse_known_intermixed_args(args, namespace)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Everything expected ends in one message on stderr."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a test's stream may have none
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        code = _answer(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        return _pipe_closed()
    return code


def _answer(argv: Sequence[str] | None) -> int:
    try:
        options = parser().parse_args(argv)
        return int(options.run(options))
    except SystemExit as end:  # argparse's own way out
        return int(end.code or 0)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        raise
    except _expected() as error:
        return _explained(error)
    except Exception:  # noqa: BLE001 - the edge: a fault of ours must not look like an answer
        return _our_fault()


def parser() -> Parser:
    """The whole command line; commands fill in their part when they are chosen."""
    top = Parser(
        prog="mendd",
        usage="mendd [--config FILE] COMMAND …",
        description=_overview(),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_config(top, default=None)
    top.add_argument("--version", action="version", version=f"mendd {__version__}")
    commands = top.add_subparsers(
        dest="command", metavar="COMMAND", parser_class=CommandParser, help=argparse.SUPPRESS
    )
    commands.required = True
    for name in COMMANDS:
        commands.add_parser(name, prog=f"mendd {name}")
    return top


def _overview() -> str:
    lines = ["Mends a Python code base from notes about its own failures.", ""]
    for group, commands in GROUPS.items():
        lines.append(f"{group}:")
        lines += [f"  {name:<9} {line}" for name, line in commands.items()]
    return "\n".join([*lines, "", "'mendd COMMAND --help' says more, with an example."])


def _no_command(message: str) -> str | None:
    """argparse's complaint about an unknown command, with the nearest one instead of all."""
    found = re.match(r"argument COMMAND: invalid choice: '(.*)' \(", message, re.DOTALL)
    if found is None:
        return None
    import difflib

    near = difflib.get_close_matches(found[1], COMMANDS, n=1)
    return f"{found[1]!r} is no command{f'; did you mean {near[0]!r}?' if near else ''}"


def _add_config(to: argparse.ArgumentParser, default: str | None) -> None:
    to.add_argument("--config", metavar="FILE", default=default, help="the configuration file")


def _import(name: str) -> Command:
    module: Any = importlib.import_module(f"daemon.commands.{name}")
    command: Command = module
    return command


def _expected() -> tuple[type[Exception], ...]:
    from daemon.commands.failures import expected

    return expected()


def _explained(error: Exception) -> int:
    from daemon.commands.failures import exit_code, in_words

    sys.stderr.write(f"mendd: {in_words(error)}\n")
    return exit_code(error)


def _pipe_closed() -> int:
    """The reader has seen enough (`| head`): be quiet, also when Python flushes at its end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.PIPE_CLOSED


def _our_fault() -> int:
    import traceback

    traceback.print_exc()
    sys.stderr.write("mendd: this is a fault in mendd itself; please report the lines above\n")
    return Exit.OUR_FAULT


if __name__ == "__main__":
    sys.exit(main())
