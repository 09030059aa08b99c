"""The demonstration's own folder: copies of the examples, a configuration, the real service."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
STOP_S = 30


class NoExamples(Exception):
    """The examples are not beside the package; says where the demonstration can be run."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where the demonstration plays."""

    folder: Path
    tested: str  # the module whose bugs have failing tests
    untested: str  # the module whose bug has none

    @property
    def config(self) -> Path:
        """The configuration the service runs with: the examples' own."""
        return self.folder / "mendd.toml"

    @property
    def state(self) -> Path:
        """The service's state folder, as the configuration has it."""
        return self.folder / ".mendd"

    @property
    def inbox(self) -> Path:
        """The watched folder."""
        return self.state / "inbox"

    @property
    def log(self) -> Path:
        """What the service says."""
        return self.folder / "service.log"


def set_up(folder: Path, *, tested: str, untested: str) -> Workspace:
    """Copy the examples and their configuration; make the first module a git repository."""
    if not EXAMPLES.is_dir():
        raise NoExamples(
            f"there is no {EXAMPLES}: run the demonstration from a clone of the repository"
        )
    space = Workspace(folder=folder, tested=tested, untested=untested)
    for name in (tested, untested):
        shutil.copytree(
            EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    _commit_all(folder / tested)
    space.inbox.mkdir(parents=True)
    shutil.copyfile(EXAMPLES / "mendd.toml", space.config)
    return space


@contextlib.contextmanager
def service(space: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    """The real `mendd run` on this workspace, stopped as systemd would stop it."""
    command = [sys.executable, "-m", "daemon.cli", "--config", str(space.config), "run"]
    with space.log.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def drop(space: Workspace, note: Path) -> Path:
    """Put a copy of a note into the inbox, whole: written beside, then renamed."""
    beside = space.inbox / f".{note.name}.part"
    shutil.copyfile(note, beside)
    return beside.rename(space.inbox / note.name)


def mendd(space: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the real commands, as an operator would type it."""
    command: Sequence[str] = (
        *(sys.executable, "-m", "daemon.cli", "--config", str(space.config)),
        *arguments,
    )
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _commit_all(folder: Path) -> None:
    identity = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A Developer",
        "GIT_AUTHOR_EMAIL": "developer@localhost",
        "GIT_COMMITTER_NAME": "A Developer",
        "GIT_COMMITTER_EMAIL": "developer@localhost",
    }
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("commit", "-qm", "the module as it is, bugs and all"),
    ):
        subprocess.run(["git", *arguments], cwd=folder, env=identity, check=True)
