"""Sessions kept as files: by two processes at once, and no more of them than there may be."""

import json
import os
from pathlib import Path

import pytest

from daemon.prompting import kept as files
from daemon.prompting.kept import keep, kept, prune
from reflections.transcripts.read import read_transcripts
from reflections.transcripts.transcript import Transcript


def session(word: str) -> Transcript:
    """A session of a few hundred bytes."""
    said = [{"role": "user", "content": word}, {"role": "assistant", "content": word * 50}]
    (found,) = read_transcripts("s.json", json.dumps({"messages": said}).encode()) or ()
    return found


def age(state: Path) -> None:
    """Make all files old."""
    for nth, path in enumerate(sorted((state / "sessions").iterdir())):
        os.utime(path, (nth, nth))


def test_another_keeper_of_the_same_session_is_not_disturbed(tmp_path: Path) -> None:
    """Both wrote into one file; the second found it gone when it wanted to rename it."""
    one = session("a")
    (tmp_path / "sessions").mkdir()
    beside = tmp_path / "sessions" / f"{one.digest}.part"
    beside.write_text("half")

    assert kept(tmp_path, keep(tmp_path, one)) == one
    assert beside.read_text() == "half"
    age(tmp_path)
    prune(tmp_path, {one.digest})
    assert not beside.exists()


def test_what_nobody_needs_does_not_push_out_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of files that went counted all the same."""
    digests = [keep(tmp_path, session(word)) for word in "abcdef"]
    sizes = sum(path.stat().st_size for path in (tmp_path / "sessions").iterdir())
    monkeypatch.setattr(files, "MOST_MIB", 1)
    monkeypatch.setattr(files, "MIB", sizes // 2)
    age(tmp_path)
    oldest = sorted(digests)[:2]

    prune(tmp_path, oldest)

    assert sorted(path.stem for path in (tmp_path / "sessions").iterdir()) == oldest
