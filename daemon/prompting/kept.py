"""Sessions kept as files of their own while they are needed: open work, and replays to come.

`state/sessions/<digest>.json`, clean and redacted, written durably before the inbox lets its file
go. The store names them by digest only: a session may have a megabyte, and the store is written
whole at every change.
"""

import json
import os
import re
import time
from collections.abc import Collection
from pathlib import Path

from reflections.storage import replace_durably
from reflections.transcripts.transcript import Transcript

FOLDER = "sessions"
MOST_MIB = 64  # all of them together
MOST_FILE_MIB = 64
MIB = 1 << 20
GRACE_S = 60.0
_DIGEST = re.compile(r"[0-9a-f]{64}")


def keep(state: Path, session: Transcript) -> str:
    """Write it, unless it is there; its digest. OSError when the disk refuses."""
    path = _path(state, session.digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = json.dumps(session.to_json(), ensure_ascii=False, separators=(",", ":")).encode()
        replace_durably(path, path.with_suffix(f".{os.getpid()}.part"), data)  # others keep, too
    return session.digest


def kept(state: Path, digest: str) -> Transcript | None:
    """A session that was kept; None if it is gone or is no such file."""
    if not _DIGEST.fullmatch(digest):
        return None
    path = _path(state, digest)
    try:
        if path.is_symlink() or path.stat().st_size > MOST_FILE_MIB * MIB:
            return None
        return Transcript.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def prune(state: Path, needed: Collection[str]) -> int:
    """Remove what nobody needs any more, and the oldest beyond MOST_MIB; how many went.

    A file of this minute stays: a command keeps a session first and orders its work then.
    """
    now = time.time()
    folder, gone, size = state / FOLDER, 0, 0
    paths = (*folder.glob("*.json"), *folder.glob("*.part"))  # of a keeper that was killed
    found = [(path, path.stat()) for path in paths if path.is_file()]
    for path, status in sorted(found, key=lambda each: -each[1].st_mtime_ns):
        new = abs(now - status.st_mtime) < GRACE_S
        wanted = (path.suffix == ".json" and path.stem in needed) or new
        if not wanted or size + status.st_size > MOST_MIB * MIB:
            path.unlink(missing_ok=True)
            gone += 1
        else:
            size += status.st_size
    return gone


def _path(state: Path, digest: str) -> Path:
    return state / FOLDER / f"{digest}.json"
