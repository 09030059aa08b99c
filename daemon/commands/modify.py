"""`mendd modify`: carries out a person's instruction on a branch of its own, with its suite."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit, add_json, settings_of
from daemon.commands.ordering import add_wait, give

if TYPE_CHECKING:
    from daemon.modifying.instruction import Instruction
    from daemon.settings import Settings, TargetSettings

EXAMPLE = """\
  mendd modify "make dummy_function handle empty input"
  mendd modify "log every refund" shop/refunds.py shop/log.py --branch feature/refund-log
  mendd modify "cap the discount at 50 %" --dry-run --max-retries 1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The instruction, where, and how far to go."""
    parser.add_argument("text", help="what shall be different, in plain words")
    parser.add_argument(
        "file", nargs="*", help="files to work on, new ones too (default: told from the text)"
    )
    parser.add_argument("--target", help="the target it is about (needed when there are several)")
    parser.add_argument(
        "--dry-run", action="store_true", help="show diff and trial, change nothing"
    )
    parser.add_argument("--branch", default="", metavar="NAME", help="name of the new branch")
    parser.add_argument(
        "--max-retries", type=int, metavar="N", help="further attempts after one that failed"
    )
    parser.add_argument("--cycles", type=int, metavar="N", help="fresh starts after self-diagnosis")
    parser.add_argument(
        "--engine", default="", choices=("auto", "claude", "local"), help="who makes the change"
    )
    add_wait(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Check, show the files, order it, and follow it to its end."""
    from daemon.commands.modify_run import carried_out
    from daemon.commands.modify_view import show_end, show_plan
    from daemon.commands.records import trail_size

    settings = settings_of(options)
    refuse_if_stopped(settings)
    refuse_a_second(settings)
    wanted = planned(options, settings)
    show_plan(wanted, options)
    id_, start = new_id(), trail_size(settings)
    ordered = give("modify", id_, options, settings, data=wanted.to_json())
    if ordered.words is not None and ordered.code is not Exit.DONE:
        raise CommandError(f"modify {id_}: {ordered.words}", Exit.NO)
    end = carried_out(id_, start, settings, wait=options.wait)
    return show_end(wanted, end, settings, options)


def refuse_if_stopped(settings: "Settings") -> None:
    """Nothing is begun while the kill switch is on. Raises CommandError."""
    from daemon.killswitch import KillSwitch

    if KillSwitch(settings.kill_switch).on():
        raise CommandError("the kill switch is on; nothing was begun ('mendd on')", Exit.STOPPED)


def refuse_a_second(settings: "Settings") -> None:
    """One modification at a time: the second is told about the first. Raises CommandError."""
    from daemon.desk.orders import read_orders
    from daemon.modifying.begin import told, under_way
    from reflections.store import Store

    if (settings.state / "store.json").exists():
        store = Store(settings.state)
        try:
            other = under_way(store)
        finally:
            store.close()
        if other is not None:
            raise CommandError(told(other, settings.state), Exit.NO)
    for _, order in read_orders(settings.state):
        if not isinstance(order, str) and order.kind == "modify":
            words = " ".join(str(order.data.get("words", "")).split())[:200]
            raise CommandError(
                f'another modification is ordered and not begun: "{words}" ({order.id}), given by '
                f"{order.by} at {order.time}; one at a time: wait for it",
                Exit.NO,
            )


def planned(options: argparse.Namespace, settings: "Settings") -> "Instruction":
    """The instruction with its files, each with the reason. Raises CommandError."""
    from daemon.modifying.instruction import BadInstruction, instruction_from
    from daemon.modifying.lane import OFF, ready

    target = meant_target(options, settings)
    files = [inside(given, target) for given in options.file] if target else []
    given = {
        "words": options.text,
        "target": target.name if target else options.target,
        "files": [{"filename": name} for name in files],
        "branch": options.branch,
        "dry_run": options.dry_run,
        "engine": options.engine,
        "retries": options.max_retries,
        "cycles": options.cycles,
    }
    try:
        return ready(instruction_from(given), settings, os.environ)
    except BadInstruction as error:
        code = Exit.USAGE if str(error) == OFF else Exit.NO
        raise CommandError(str(error), code) from None


def meant_target(options: argparse.Namespace, settings: "Settings") -> "TargetSettings | None":
    """The target named, the only one, or the one that holds the first file."""
    if options.target or len(settings.targets) == 1:
        return settings.target(options.target)
    for given in options.file[:1]:
        for target in settings.targets:
            if Path(os.path.abspath(given)).is_relative_to(target.path):  # noqa: PTH100
                return target
    return None


def inside(given: str, target: "TargetSettings") -> str:
    """The file relative to the target's root, from there or from here. Raises CommandError.

    No link is followed: what the scope sees is the path as it is written.
    """
    for folder in (target.path, Path.cwd()):
        path = Path(os.path.normpath(folder / given))
        if path.is_relative_to(target.path) and (path.exists() or folder == Path.cwd()):
            return path.relative_to(target.path).as_posix()
    path = Path(os.path.normpath(target.path / given))
    if path.is_relative_to(target.path) and path != target.path:
        return path.relative_to(target.path).as_posix()
    raise CommandError(f"{given} lies outside the target {target.name} ({target.path})", Exit.NO)


def new_id() -> str:
    """An id for a new instruction."""
    import uuid
    from datetime import UTC, datetime

    from reflections.reflection import generated_id

    return generated_id(uuid.uuid4().hex, received=datetime.now(UTC))


def document(wanted: "Instruction") -> dict[str, Any]:
    """What was asked for, as JSON."""
    chosen = [{"filename": e.filename, "function": e.function, "why": e.why} for e in wanted.files]
    return {"instruction": wanted.words, "target": wanted.target, "chosen": chosen}
