"""`mendd` as a person would type it: in process, or on a pseudo terminal."""

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audit.trail import Trail
from daemon import cli
from daemon.config.config_file import load_settings
from daemon.settings import Settings

ROOT = Path(__file__).parents[1]
EVIL = "red \x1b[31m title \x1b]0;owned\x07 bidi \u202e end"
"""Words that would command a terminal."""


@dataclass
class Home:
    """A project `shop` with mendd.toml, and what commands answered."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.folder / "mendd.toml"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / ".mendd"

    @property
    def settings(self) -> Settings:
        """What the configuration says."""
        return load_settings(self.config)

    @property
    def trail(self) -> Trail:
        """The audit trail."""
        return Trail(self.state / "audit" / "trail.jsonl")

    def mendd(self, *arguments: str, code: int = 0) -> str:
        """Run one command in process; its stdout. What it said on stderr is in `said`."""
        found = cli.main(["--config", str(self.config), *arguments])
        captured = self.capture.readouterr()
        self.said = captured.err
        assert found == code, captured.out + captured.err
        return captured.out

    def json(self, *arguments: str, code: int = 0) -> Any:
        """The one JSON document a command printed."""
        return json.loads(self.mendd(*arguments, "--json", code=code))

    def on_terminal(self, *arguments: str, columns: int = 100, **environment: str) -> str:
        """What a terminal of that width would get from one command."""
        return on_terminal(
            ["--config", str(self.config), *arguments], columns=columns, environment=environment
        )


def on_terminal(arguments: list[str], *, columns: int, environment: dict[str, str]) -> str:
    """Run `python -m daemon.cli` on a pseudo terminal and read all it writes there."""
    master, slave = pty.openpty()
    known = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        env={**known, "COLUMNS": str(columns), "TERM": "xterm-256color", **environment},
    )
    os.close(slave)
    chunks = []
    while True:
        try:
            chunk = os.read(master, 65_536)
        except OSError:  # Linux answers EIO when the last writer has gone
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(master)
    process.wait()
    return b"".join(chunks).decode()
