"""daemon/lanes.py: which target a note belongs to."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.lanes import target_of
from daemon.settings import Settings, TargetSettings
from reflections.note import read_notes

FRAME = 'Traceback (most recent call last):\n  File "{}", line 27, in f\nValueError: x\n'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two targets, each with one file, one of the file names in both."""
    targets = []
    for name, file in (("books", "books/money.py"), ("post", "post/rates.py")):
        for path in (file, "app/shared.py"):
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).touch()
        targets.append(TargetSettings(name=name, path=tmp_path / name))
    return Settings(
        file=tmp_path / "mendd.toml",
        state=tmp_path,
        kill_switch=tmp_path / "KILL",
        inbox_path=tmp_path / "inbox",
        targets=tuple(targets),
    )


def lane(text: str, settings: Settings) -> str:
    """The target's name, or why there is none."""
    (note,) = read_notes("a.txt", text.encode(), received=datetime(2026, 1, 1, tzinfo=UTC))
    found = target_of(note, settings)
    return found if isinstance(found, str) else found.name


def test_a_traceback_from_a_deployed_copy_finds_its_target(settings: Settings) -> None:
    """The copy that failed stood elsewhere; the end of the path is the target's own."""
    assert lane(FRAME.format("/srv/live/books/money.py"), settings) == "books"
    assert lane(FRAME.format("post/rates.py"), settings) == "post"


@pytest.mark.parametrize(
    "path",
    [
        "/srv/app/shared.py",  # both targets have it
        "/srv/money.py",  # a bare name says too little
        "/srv/other/tool.py",
        "/../books/../books/money.py/..",
        "/" + "x" * 240 + "/" + "y" * 300,
    ],
)
def test_a_traceback_that_fits_none_or_both_is_not_guessed(path: str, settings: Settings) -> None:
    """The answer names the targets there are."""
    assert lane(FRAME.format(path), settings) == (
        "the note names no target and there are several: books, post"
    )
