"""`mendd reflect`: what it drops is what the inbox takes."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.commands import Exit
from reflections.note import read_notes
from tests.terminal import Home

TRACE = (
    'Traceback (most recent call last):\n  File "cart.py", line 3, in total\n    x\nKeyError: 1\n'
)


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put text into standard input; by default there is none."""

    def pipe(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    pipe("")
    return pipe


def dropped(home: Home) -> list[Any]:
    """The reflections in the inbox, as mendd will read them."""
    now = datetime.now(UTC)
    files = [path for path in (home.state / "inbox").iterdir() if path.is_file()]
    return [
        note for path in files for note in read_notes(path.name, path.read_bytes(), received=now)
    ]


def test_options_and_a_piped_traceback_become_one_reflection(home: Home, piped: Any) -> None:
    """The id printed is the id the inbox will read."""
    piped(TRACE)

    id_ = home.mendd("reflect", "--target", "shop", "--outcome", "total() breaks", "--label", "x")

    (note,) = dropped(home)
    assert note.id == id_.strip()
    assert (note.target, note.outcome, note.labels) == ("shop", "total() breaks", ("x",))
    assert "KeyError: 1" in note.traceback


def test_words_alone_are_enough(home: Home, piped: Any) -> None:
    """A text on the command line; standard input is not read then."""
    piped("not read")

    home.mendd("reflect", "total() fails on an empty cart")

    assert dropped(home)[0].reflection == "total() fails on an empty cart"


def test_a_traceback_may_be_a_file(home: Home, piped: Any) -> None:
    """`--traceback FILE`."""
    (home.folder / "tb").write_text(TRACE)

    home.mendd("reflect", "--traceback", str(home.folder / "tb"))

    assert dropped(home)[0].traceback == TRACE.strip()


def test_a_file_of_reflections_keeps_its_ids(home: Home, piped: Any) -> None:
    """Any kind the inbox reads; own ids stay."""
    file = home.folder / "notes.jsonl"
    file.write_text('{"id": "a", "outcome": "failed"}\n{"id": "b", "outcome": "crashed"}\n')

    assert home.mendd("reflect", "--file", str(file)) == "a\nb\n"
    assert [note.id for note in dropped(home)] == ["a", "b"]


def test_a_bad_record_stops_the_whole_file(home: Home, piped: Any) -> None:
    """Nothing is dropped, and the place of the fault is named."""
    file = home.folder / "notes.json"
    file.write_text('[{"outcome": "failed"}, 3]')

    home.mendd("reflect", "--file", str(file), code=Exit.USAGE)

    assert "record 2" in home.said
    assert not (home.state / "inbox").exists()


@pytest.mark.parametrize(
    ("content", "name"), [(b"\x00\x01", "x.txt"), (b"\xff\xfe\xff", "x.json"), (b"{", "x.json"),
                          (b"failed", "x.exe")],
)  # fmt: skip
def test_unreadable_files_are_refused(content: bytes, name: str, home: Home, piped: Any) -> None:
    """As the inbox would, with its reason."""
    (home.folder / name).write_bytes(content)

    home.mendd("reflect", "--file", str(home.folder / name), code=Exit.USAGE)
    assert "nothing was dropped" in home.said


def test_too_much_is_refused_before_it_is_read(home: Home, piped: Any) -> None:
    """The inbox's own limit."""
    piped("x" * (1024 * 1024 + 1))

    home.mendd("reflect", code=Exit.USAGE)
    assert "1024 KiB" in home.said


def test_nothing_to_say_is_refused(home: Home, piped: Any) -> None:
    """An empty reflection helps nobody."""
    home.mendd("reflect", "--target", "shop", code=Exit.USAGE)
    assert "nothing to reflect on" in home.said


def test_an_unknown_target_is_refused(home: Home, piped: Any) -> None:
    """With the targets there are."""
    home.mendd("reflect", "fails", "--target", "ship", code=Exit.USAGE)
    assert "shop" in home.said


def test_a_file_does_not_go_with_other_parts(home: Home, piped: Any) -> None:
    """Which one would win?"""
    home.mendd("reflect", "--file", "x.json", "--outcome", "bad", code=Exit.USAGE)


def test_what_will_be_ignored_is_said(home: Home, piped: Any) -> None:
    """It is dropped all the same: the trail shall show it."""
    home.mendd("reflect", "--outcome", "everything went well")

    assert "ignored" in home.said
    assert dropped(home)


def test_json_tells_the_outlook(home: Home, piped: Any) -> None:
    """The id, the target, the kind and the file."""
    found = home.json("reflect", "it fails")

    assert found["reflections"][0]["kind"] == "bug"
    assert Path(found["dropped"]).stem == found["reflections"][0]["id"]


def test_a_dry_run_drops_nothing(home: Home, piped: Any) -> None:
    """Only checked."""
    assert home.json("reflect", "it fails", "--dry-run")["dropped"] is None
    assert not (home.state / "inbox").exists()


def test_nothing_unfinished_is_ever_seen(home: Home, piped: Any) -> None:
    """The inbox holds the one whole file and nothing else."""
    home.mendd("reflect", "it fails")

    (only,) = (home.state / "inbox").iterdir()
    assert json.loads(only.read_text())


def test_the_same_id_twice_does_not_overwrite(home: Home, piped: Any) -> None:
    """The first one still waits."""
    file = home.folder / "n.json"
    file.write_text('{"id": "a", "outcome": "failed"}')
    home.mendd("reflect", "--file", str(file))

    home.mendd("reflect", "--file", str(file), code=Exit.WORLD)
