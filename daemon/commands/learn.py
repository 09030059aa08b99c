"""`mendd learn`: finds habits in agents' sessions and turns them into rules of a prompt file."""

import argparse
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit, add_json, settings_of
from daemon.commands.ordering import add_wait, give

if TYPE_CHECKING:
    from daemon.commands.modify_run import End
    from daemon.settings import Settings, TargetSettings
    from reflections.transcripts.transcript import Transcript

EXAMPLE = """\
  mendd learn session.jsonl --dry-run
  mendd learn monday.json tuesday.json --prompt AGENTS.md
  mendd learn --rules
"""
MOST_BYTES = 16 << 20
LOOK_S = 0.3
GOOD = ("applied", "held", "declined", "")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sessions, and where their rules go."""
    parser.add_argument("transcript", nargs="*", type=Path, help="sessions, .json or .jsonl")
    parser.add_argument("--prompt", metavar="FILE", help="the prompt file (default: the target's)")
    parser.add_argument("--target", help="the target it is about (needed when there are several)")
    parser.add_argument("--dry-run", action="store_true", help="show findings and diff only")
    parser.add_argument("--rules", action="store_true", help="list the rules and how they do")
    add_wait(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Look through the sessions, show what was found, and have it learned."""
    from daemon.commands import learn_view as view

    settings = settings_of(options)
    if options.rules:
        targets = [_target(options, settings)] if options.target else settings.targets
        view.show_rules(list(targets), settings, options)
        return Exit.DONE
    if not options.transcript:
        raise CommandError("name at least one session, or ask for --rules")
    target = _target(options, settings)
    sessions = [each for path in options.transcript for each in _read(path)]
    if options.dry_run:
        view.show_preview(sessions, target, settings, options)
        return Exit.DONE
    end = _learned(sessions, target, options, settings)
    view.show_end(sessions, end, settings, options)
    return Exit.DONE if end.verdict in GOOD else Exit.NO


def _learned(
    sessions: "list[Transcript]",
    target: "TargetSettings",
    options: argparse.Namespace,
    settings: "Settings",
) -> "End":
    """Keep the sessions, order their work, and follow it. Raises CommandError."""
    from daemon.commands.modify import refuse_if_stopped
    from daemon.commands.modify_run import end_of, somebody_works, work_now
    from daemon.commands.records import trail_size
    from daemon.prompting.begin import note_of
    from daemon.prompting.habits import detectors
    from daemon.prompting.kept import keep

    refuse_if_stopped(settings)
    digests = [keep(settings.state, session) for session in sessions]
    habits, now = detectors(settings.learn), datetime.now(UTC)
    id_ = note_of(sessions, digests, habits, "mendd learn", now).id
    data: dict[str, Any] = {"sessions": digests, "target": target.name}
    start = trail_size(settings)
    given = {**data, "prompt": target.prompt if options.prompt else ""}
    ordered = give("learn", id_, options, settings, data=given)
    if ordered.words is not None and ordered.code is not Exit.DONE:
        raise CommandError(f"learn {id_}: {ordered.words}", Exit.NO)
    if not somebody_works(settings):
        work_now(id_, settings)
    while options.wait and not end_of(id_, start, settings).verdict:
        if not somebody_works(settings):
            work_now(id_, settings)
            break
        time.sleep(LOOK_S)
    return end_of(id_, start, settings)


def _target(options: argparse.Namespace, settings: "Settings") -> "TargetSettings":
    """The target, with the prompt file that is meant. Raises CommandError."""
    from daemon.commands.modify import inside

    target = settings.target(options.target)
    if target is None:
        known = ", ".join(each.name for each in settings.targets)
        what = f"no target is called {options.target!r}" if options.target else "which target?"
        raise CommandError(f"{what} Choose with --target; known are: {known}")
    if options.prompt:
        named = inside(options.prompt, target)
        if named != target.prompt and not (target.path / named).is_file():
            made = "only a `prompt` of the settings is made"
            raise CommandError(f"there is no {named} in {target.name}; {made}")
        return replace(target, prompt=named)
    if not target.prompt and not options.rules:
        raise CommandError(
            f'{target.name} has no prompt file: set `prompt = "AGENTS.md"` for it, or give --prompt'
        )
    return target


def _read(path: Path) -> "tuple[Transcript, ...]":
    """The sessions of a file, as the inbox would read them. Raises CommandError."""
    from reflections.errors import UnreadableNote
    from reflections.transcripts.read import read_transcripts

    if not path.is_file():
        raise CommandError(f"{path} is no file that could be read; name an ordinary file")
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise CommandError(f"{path} holds more than {MOST_BYTES >> 20} MiB; split the session")
    try:
        found = read_transcripts(path.name, data)
    except UnreadableNote as error:
        raise CommandError(f"{path}: {error}") from None
    if found is None:
        raise CommandError(f"{path} is no session of a known format; docs/learn.md names them")
    return found
