"""Signs checkpoints of the trail and hands them out; trouble with either never stops the work.

What was handed out where stands in `audit/exported.json`; lost, everything is handed out again.
"""

import contextlib
import json
import logging
import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import FILE, Checkpoint, keep, newest, signed
from audit.durable import append_lines, write_whole
from audit.errors import TrailError
from audit.keys import BadKey, key_in, key_made_once
from audit.trail import Trail
from daemon.road.live import KEPT_ENVIRONMENT
from daemon.settings import Settings
from daemon.trail import exported_file, key_file, own_key_file

log = logging.getLogger("mendd.audit")
EXPORTED = "exported.json"
COMMAND_S = 60.0
MOST_SAID = 500
Receiver = Callable[[bytes], None]


class NotExported(Exception):
    """Checkpoints did not get through; says why. They go out with the next pass."""


def seal(
    settings: Settings,
    trail: Trail,
    environ: Mapping[str, str],
    now: datetime,
    *,
    least: int = 1,
) -> Checkpoint | None:
    """Sign a checkpoint when at least `least` records are new, and hand out what is pending.

    Never raises for the key, the disk or the receiver: the log says what to do.
    """
    if not settings.audit.sign:
        return None
    try:
        made = _sealed(trail, settings, environ, now, least)
    except (OSError, BadKey, TrailError, ValueError) as error:
        log.warning("no checkpoint of the trail could be signed: %s", error)
        return None
    if made is not None or least == 1:
        _export(settings, trail.path, environ)
    return made


def signing_key(settings: Settings, environ: Mapping[str, str]) -> Ed25519PrivateKey:
    """The key that was given, or our own, made at the first call. Raises OSError, BadKey."""
    file = key_file(settings, environ)
    return key_made_once(file) if file == own_key_file(settings) else key_in(file)


def _sealed(
    trail: Trail, settings: Settings, environ: Mapping[str, str], now: datetime, least: int
) -> Checkpoint | None:
    head, last = trail.head(), newest(trail.path)
    if last is not None and last.contradicts(head):
        log.error(
            "the trail ends at record %d and is not the one that was signed at record %d: "
            "'mendd audit verify' says more. Nothing is signed until it is that one again",
            head[0],
            last.count,
        )
        return None
    if head[0] - (last.count if last else 0) < least:
        return None
    made = signed(head, signing_key(settings, environ), now)
    keep(trail.path, made)
    return made


def _export(settings: Settings, trail: Path, environ: Mapping[str, str]) -> None:
    """Everything not yet handed out, to each receiver; one that is away does not stop the other."""
    receivers = _receivers(settings, environ)
    if not receivers:
        return
    mark = trail.with_name(EXPORTED)
    done = {name: offset for name, offset in _marks(mark).items() if name in receivers}
    for name, give in receivers.items():
        try:
            lines, end = _pending(trail.with_name(FILE), done.get(name, 0))
            if lines:
                give(lines)
                done[name] = end
        except (OSError, NotExported) as error:
            log.warning("checkpoints were not exported to %s: %s; tried again", name, error)
    with contextlib.suppress(OSError):
        if done != _marks(mark):
            write_whole(mark, json.dumps(done, sort_keys=True).encode())


def _receivers(settings: Settings, environ: Mapping[str, str]) -> dict[str, Receiver]:
    found: dict[str, Receiver] = {}
    file, ours = exported_file(settings), settings.state / "audit" / FILE
    if file is not None and file.resolve() != ours.resolve():
        found[f"file {file}"] = lambda lines: append_lines(file, lines)
    if command := settings.audit.export_command:
        found[f"command {json.dumps(command)}"] = lambda lines: _run(command, lines, environ)
    return found


def _pending(file: Path, offset: int) -> tuple[bytes, int]:
    """The whole lines behind `offset`, or all of them where the file is not that long any more."""
    data = file.read_bytes() if file.exists() else b""
    end = data.rfind(b"\n") + 1
    return (data[offset:end], end) if offset <= end else (data[:end], end)


def _marks(mark: Path) -> dict[str, int]:
    try:
        kept = json.loads(mark.read_text("utf-8"))
        return {name: max(int(offset), 0) for name, offset in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _run(command: tuple[str, ...], lines: bytes, environ: Mapping[str, str]) -> None:
    """The operator's command, with the lines on its standard input."""
    kept = {name: environ[name] for name in KEPT_ENVIRONMENT if name in environ}
    try:
        done = subprocess.run(
            list(command),
            input=lines,
            env=kept,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=COMMAND_S,
            start_new_session=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotExported(str(error)) from error
    if done.returncode:
        said = done.stderr[-MOST_SAID:].decode("utf-8", "replace").strip()
        raise NotExported(f"it ended with {done.returncode}: {said}")
