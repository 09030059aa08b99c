"""Log lines for whoever reads them: the journal, a terminal, or a machine.

The log tells the operator what goes on; the trail is the record. Text from notes and file names
is shown with its control characters escaped.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

Kind = Literal["journal", "human", "json"]
LOG_JSON = "MENDD_LOG_JSON"
"""Set for the workers of a service that logs JSON lines, so that they do too."""
CHATTY = ("httpx2", "httpcore2", "anthropic", "urllib3", "docker", "apscheduler")
SYSLOG = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def start_logging(*, as_json: bool, environment: Mapping[str, str], verbose: bool = False) -> None:
    """Send all logging to stderr: JSON lines if asked for, else what the reader can use."""
    handler = logging.StreamHandler(sys.stderr)
    kind: Kind = "json" if as_json else "journal" if _into_journal(environment) else "human"
    handler.setFormatter(Lines(kind))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.DEBUG if verbose else logging.WARNING)
    # It calls every stop of its own threads an error; daemon/supervision/watcher.py looks after it.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)


class Lines(logging.Formatter):
    """Formats one record as journal, human or JSON line(s)."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self._kind = kind

    def format(self, record: logging.LogRecord) -> str:
        """Never more than one line, but for a traceback meant for people."""
        message = printable(record.getMessage())
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        time = datetime.fromtimestamp(record.created, UTC)
        if self._kind == "json":
            return _json_line(record, message, trace, time)
        lines = [message, *(printable(line) for line in trace.splitlines())]
        if self._kind == "journal":
            return "\n".join(f"<{_priority(record.levelno)}>{line}" for line in lines)
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        return f"{time:%H:%M:%S} {level}" + "\n  ".join(lines)


def printable(text: str) -> str:
    """The text with control, format and surrogate characters written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _json_line(record: logging.LogRecord, message: str, trace: str, time: datetime) -> str:
    line = {
        "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": message,
    }
    return json.dumps(line | ({"traceback": trace} if trace else {}))


def _priority(level: int) -> int:
    return next((number for least, number in SYSLOG if level >= least), 7)


def _into_journal(environment: Mapping[str, str]) -> bool:
    """True when stderr is the very stream systemd says it connected to the journal."""
    try:
        about = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"
