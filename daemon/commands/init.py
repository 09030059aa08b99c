"""`mendd init`: a configuration and a state folder for a project, or the system service."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit, add_json

if TYPE_CHECKING:
    from daemon.commands.project import Project

EXAMPLE = """\
  mendd init ~/app                 write ~/app/mendd.toml and ~/app/.mendd/
  mendd init ~/app --dry-run       show what would be written
  sudo mendd init --system ~/app   install the systemd service for it
"""
CONFIG, STATE = "mendd.toml", ".mendd"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to set up, and where."""
    parser.add_argument("path", type=Path, metavar="PATH", help="the project's folder")
    parser.add_argument("--name", help="the target's name (default: made from the folder's)")
    parser.add_argument("--system", action="store_true", help="install the systemd service")
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("/"),
        help="with --system: below this folder, for packages",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be written")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Write what is not there yet; existing configurations are never touched."""
    if options.system:
        return _install(options)
    root = Path(os.path.normpath(options.path.expanduser().absolute()))
    file = Path(options.config).absolute() if options.config else root / CONFIG
    _check(root, file, options.name)
    from daemon.commands.project import config_text, look_at

    project = look_at(root, options.name)
    text = config_text(project, path="." if file.parent == root else str(root))
    if not options.dry_run:
        _write(file, text)
    _tell(options, project, file, text)
    return Exit.DONE


def _check(root: Path, file: Path, name: str | None) -> None:
    from daemon.config.config_file import NAME

    if not root.is_dir():
        raise CommandError(f"{root} is no folder; name the folder of the project to mend")
    if file.exists() or file.is_symlink():
        raise CommandError(
            f"{file} exists already and is left as it is; edit it, or move it away first"
        )
    if name is not None and not NAME.fullmatch(name):
        raise CommandError(
            f"--name {name!r} must be 1 to 40 of a-z, 0-9, '-' and '_', beginning with a letter"
        )


def _write(file: Path, text: str) -> None:
    """The state folder first: it ignores itself, so no file of the project has to change."""
    state = file.parent / STATE
    for folder in (state, state / "inbox"):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        ignore.write_text("# mendd's state; nothing in here belongs into git\n*\n", "utf-8")
    with file.open("x", encoding="utf-8") as out:
        out.write(text)


def _tell(options: argparse.Namespace, project: "Project", file: Path, text: str) -> None:
    from daemon.show import Screen

    screen, state = Screen(), file.parent / STATE
    if options.json:
        screen.document(_document(options, project, file, text))
        return
    if options.dry_run:
        screen.say(text)
    verb = "would write" if options.dry_run else "wrote"
    screen.say(f"{verb} {file} and {state}/ (which git ignores by itself)")
    screen.say(f"target {project.name}: {project.root}, tests in {project.tests or '(none found)'}")
    for note in project.notes:
        screen.say(f"note: {note}")
    if not options.dry_run:
        screen.say(f"next: mendd check --config {file}")


def _document(
    options: argparse.Namespace, project: "Project", file: Path, text: str
) -> dict[str, Any]:
    return {
        "written": not options.dry_run,
        "config": str(file),
        "state": str(file.parent / STATE),
        "inbox": str(file.parent / STATE / "inbox"),
        "target": {"name": project.name, "path": str(project.root), "tests": project.tests or None},
        "notes": list(project.notes),
        "text": text,
    }


def _install(options: argparse.Namespace) -> int:
    from daemon.show import Screen
    from daemon.supervision.install import install

    if options.json or options.name:
        raise CommandError("--system tells its steps as text: leave out --json and --name")
    return install(options.path, dry_run=options.dry_run, root=options.root, say=Screen().say)
