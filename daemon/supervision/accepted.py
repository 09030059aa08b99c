"""The configuration that is in use: the text that was accepted, not what stands in the file now.

The service keeps a copy, `state/accepted.toml`, and hands it to its workers, so a file that is
being edited, or a reload that was refused, changes nothing.
"""

import logging
import os
from pathlib import Path

from audit.durable import write_whole
from daemon.config.config_file import load_settings, text_of
from daemon.settings import Settings

log = logging.getLogger(__name__)

FILENAME = "accepted.toml"


class Configuration:
    """The file; `read` it, then `accept` what was read or leave it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._text = ""
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> Settings:
        """Load and check it whole. Raises SettingsError."""
        self._seen = self._look()
        self._text = text_of(self.file)
        return load_settings(self.file, self._text)

    def accept(self, settings: Settings) -> None:
        """From now on workers work with what was read last."""
        copy = settings.state / FILENAME
        try:
            write_whole(copy, self._text.encode())
        except OSError as error:
            log.warning("%s cannot be written, workers read %s: %s", copy, self.file, error)
            copy.unlink(missing_ok=True)

    def changed(self) -> bool:
        """True once after each change of the file that was not read yet."""
        look = self._look()
        changed, self._seen = look != self._seen, look
        return changed

    def _look(self) -> tuple[int, int, int] | None:
        try:
            about = os.stat(self.file)  # noqa: PTH116 -- on every scan
        except OSError:
            return None
        return about.st_ino, about.st_mtime_ns, about.st_size


def worker_options(settings: Settings) -> list[str]:
    """How a worker is told its configuration."""
    copy = settings.state / FILENAME
    accepted = ["--accepted", str(copy)] if copy.is_file() else []
    return ["--config", str(settings.file), *accepted]
