"""Follows the dropped notes by what the service itself writes: trail and progress file."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.recent import appended_since
from daemon.demo.workspace import Workspace
from daemon.desk.progress import read_progress

ENDS = frozenset(
    [
        "applied",
        "held",
        "rejected",
        "declined",
        "ignored",
        "frozen",
        "reverted",
        "failed",
        "budget_stop",
    ]
)
LOOK_S = 0.2


@dataclass(kw_only=True)
class Followed:
    """One note: which file it came in, what it says, how far it came."""

    file: str
    words: str = ""
    reflection: str = ""
    stage: str = "in the inbox"
    ended: str = ""
    reason: str = ""
    diff: str = ""
    engine: str = ""
    numbers: dict[str, str] = field(default_factory=dict)


class Watch:
    """All the notes of a demonstration; `look` brings them up to date.

    A file can hold several notes; its first row stands for the file until they are read.
    """

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._read = 0
        self.notes: list[Followed] = []
        self.records: list[dict[str, Any]] = []
        self.detail = ""

    def add(self, note: Path) -> None:
        """Follow a file that was dropped."""
        self.notes.append(Followed(file=note.name))

    def of_file(self, name: str) -> list[Followed]:
        """The notes that came in one file."""
        return [note for note in self.notes if note.file == name]

    def count(self, event: str) -> int:
        """How many records of that event there are."""
        return sum(record["event"] == event for record in self.records)

    def look(self) -> None:
        """Read new trail records and the progress file."""
        for record in self._new_records():
            self.records.append(record)
            self._take(record)
        progress = read_progress(self._space.state)
        self.detail = f"{progress.stage}: {progress.detail}" if progress else ""
        for note in self.notes:
            if progress and note.reflection == progress.reflection and not note.ended:
                note.stage = progress.stage

    def until(self, done: Callable[[], bool], *, limit_s: float, show: Callable[[], None]) -> bool:
        """Look until `done`; False when it took longer than the limit."""
        end = time.monotonic() + limit_s
        while True:
            self.look()
            show()
            if done():
                return True
            if time.monotonic() > end:
                return False
            time.sleep(LOOK_S)

    def all_ended(self) -> bool:
        """Whether every note has come to its end and every file was read."""
        return all(note.ended for note in self.notes)

    def _new_records(self) -> Iterable[dict[str, Any]]:
        trail = self._space.state / "audit" / "trail.jsonl"
        for line in appended_since(trail, self._read).splitlines(keepends=True):
            if line.endswith(b"\n"):
                self._read += len(line)
                yield json.loads(line)

    def _take(self, record: dict[str, Any]) -> None:
        event, data = record["event"], record["data"]
        note = self._note_of(record)
        if note is None:
            return
        if "task_summary" in data:
            note.words, note.stage = data["task_summary"] or data["reflection"], "waiting"
        if event == "proposed":
            note.engine, note.numbers = data["engine"], data["numbers"]
        if event in ENDS:
            note.ended, note.reason = event, data.get("reason", "")
            note.diff = data.get("diff", "")

    def _note_of(self, record: dict[str, Any]) -> Followed | None:
        """The row a record belongs to; a new one for a further note of a known file."""
        reflection, data = record["reflection"], record["data"]
        for note in self.notes:
            if reflection and note.reflection == reflection:
                return note
        source = data.get("source") or data.get("file")
        rows = self.of_file(source) if source else []
        if not rows:
            return None
        if rows[0].reflection:
            rows = [Followed(file=source)]
            self.notes.append(rows[0])
            self.notes.sort(key=lambda note: note.file)
        rows[0].reflection = reflection or source
        return rows[0]
