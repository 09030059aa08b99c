"""`mendd reflect`: writes a reflection into the inbox, checked the way the inbox will check it."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit, add_json, settings_of

if TYPE_CHECKING:
    from daemon.actions.noting import Dropped
    from daemon.settings import Settings

EXAMPLE = """\
  mendd reflect --outcome "total() fails on an empty cart" < traceback.txt
  mendd reflect --target shop --task "checkout" --test tests/test_cart.py::test_empty "it returns 1"
  mendd reflect --file reflections.json --dry-run
"""
FIELDS = ("target", "task", "outcome", "test")
TRACEBACK = "Traceback (most recent call last):"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The parts of a reflection, or a file that holds some."""
    parser.add_argument("text", nargs="?", help="what went wrong ('-' or nothing: standard input)")
    parser.add_argument("--target", help="the target it is about (needed when there are several)")
    parser.add_argument("--task", help="what was being done")
    parser.add_argument("--outcome", help="how it ended")
    parser.add_argument("--test", help="the failing test, as pytest names it")
    parser.add_argument("--label", action="append", default=[], help="a label; may be repeated")
    parser.add_argument("--traceback", type=Path, metavar="FILE", help="a file with the traceback")
    parser.add_argument(
        "--file", type=Path, help="a .json, .jsonl, .md or .txt with whole reflections"
    )
    parser.add_argument("--dry-run", action="store_true", help="check it, drop nothing")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Check, drop, and print the ids on stdout (everything else goes to stderr)."""
    from daemon.actions.noting import drop

    settings = settings_of(options)
    name, data = _given(options, settings.inbox.max_kib * 1024)
    _tell(options, settings, drop(name, data, settings, dry_run=options.dry_run))
    return Exit.DONE


def _given(options: argparse.Namespace, most: int) -> tuple[str, bytes]:
    """The name and bytes a file in the inbox would have. Raises CommandError."""
    if options.file is None:
        return "reflect.json", json.dumps(_from_options(options, most)).encode()
    parts = (options.text, options.traceback, *(getattr(options, name) for name in FIELDS))
    if any(part is not None for part in parts) or options.label:
        raise CommandError("--file brings whole reflections: leave the other options out")
    return options.file.name, _bytes(options.file, most)


def _from_options(options: argparse.Namespace, most: int) -> dict[str, Any]:
    piped, traceback = _standard_input(options, most), None
    if piped.lstrip().startswith(TRACEBACK):
        piped, traceback = "", piped
    text = options.text if options.text != "-" else None
    record = {
        "task_summary": options.task,
        "outcome": options.outcome,
        "reflection": "\n\n".join(part for part in (text, piped) if part),
        "target": options.target,
        "test": options.test,
        "traceback": traceback,
        "labels": options.label,
    }
    if options.traceback is not None:
        record["traceback"] = _bytes(options.traceback, most).decode("utf-8", "replace")
    if not any(record[name] for name in ("outcome", "reflection", "traceback")):
        raise CommandError(
            "there is nothing to reflect on: give a text, --outcome, --traceback or --file, "
            "or pipe something in"
        )
    return {name: value for name, value in record.items() if value}


def _standard_input(options: argparse.Namespace, most: int) -> str:
    """What was piped in; a terminal is read only when '-' asks for it."""
    asked = options.text == "-"
    if sys.stdin is None or sys.stdin.closed or (sys.stdin.isatty() and not asked):
        return ""
    if options.text is not None and not asked:
        return ""
    source = getattr(sys.stdin, "buffer", None)
    data = source.read(most + 1) if source else sys.stdin.read(most + 1).encode()
    _check_size(data, "standard input", most)
    return str(data.decode("utf-8", "replace"))


def _bytes(path: Path, most: int) -> bytes:
    if not path.is_file():
        raise CommandError(f"{path} is no file that could be read; name an ordinary file")
    with path.open("rb") as file:
        data = file.read(most + 1)
    _check_size(data, str(path), most)
    return data


def _check_size(data: bytes, where: str, most: int) -> None:
    if len(data) > most:
        raise CommandError(
            f"{where} holds more than {most // 1024} KiB, which the inbox would refuse; "
            "shorten it, or raise inbox.max_kib"
        )


def _tell(options: argparse.Namespace, settings: "Settings", dropped: "Dropped") -> None:
    from daemon.show import Screen

    if options.json:
        Screen().document(dropped.to_json())
        return
    aside = Screen(sys.stderr)
    for outlook in dropped.outlooks:
        Screen().say(outlook.id)
        if outlook.kind is None:
            aside.say(f"it will be ignored: {outlook.reason}")
        else:
            aside.say(f"{outlook.kind} for {outlook.target}: {outlook.reason}")
    if dropped.path is not None and not _is_served(settings):
        aside.say("no service runs; 'mendd run --once' works on it now")


def _is_served(settings: "Settings") -> bool:
    from daemon.desk.lock import held_by

    return held_by(settings.state / "service.lock") is not None
