"""A note finds its target by name, by path, or by the files it mentions."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.config.config_file import load_settings
from daemon.road.lanes import target_of
from daemon.settings import Settings
from reflections.reflection import Reflection


@pytest.fixture
def two(tmp_path: Path) -> Settings:
    """Two targets, each with a file of its own and one of the same name."""
    tables = ""
    for name, own in (("books", "ledger.py"), ("parcels", "tracking.py")):
        package = tmp_path / name / name
        package.mkdir(parents=True)
        (package / own).touch()
        (package / "shared.py").touch()
        tables += f'[[target]]\nname = "{name}"\npath = "{name}"\n'
    (tmp_path / "mendd.toml").write_text(tables)
    return load_settings(tmp_path / "mendd.toml")


def chosen(settings: Settings, text: str, target: str | None = None) -> str:
    note = Reflection(
        id="n",
        timestamp=datetime(2026, 11, 20, tzinfo=UTC),
        task_summary="",
        outcome="failed",
        reflection=text,
        target=target,
    )
    found = target_of(note, settings)
    return found if isinstance(found, str) else found.name


def test_a_named_target_counts_above_all(two: Settings) -> None:
    """Even when the text speaks of the other one."""
    assert chosen(two, "in books/ledger.py", target="parcels") == "parcels"
    assert chosen(two, "", target=str(two.targets[0].path)) == "books"


def test_an_unknown_name_is_answered_with_the_known_ones(two: Settings) -> None:
    """Nothing is guessed."""
    assert chosen(two, "books/ledger.py", target="bocks").endswith("known are: books, parcels")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('File "/srv/app/books/books/ledger.py", line 3, in total', "books"),
        ("tracking.py is not found at the root, but parcels/tracking.py is", "parcels"),
        ("both have shared.py, only parcels/tracking.py tells", "parcels"),
    ],
)
def test_the_files_mentioned_tell_the_target(two: Settings, text: str, name: str) -> None:
    """The end of a path is enough; where the code was deployed does not matter."""
    assert chosen(two, text) == name


@pytest.mark.parametrize("text", ["it fails", "see /opt/x/driver.py", "it is in shared.py"])
def test_without_a_hint_the_note_is_told_what_to_say(two: Settings, text: str) -> None:
    """An unclear note is declined with the remedy."""
    assert "set `target` in the note to one of: books, parcels" in chosen(two, text)


def test_a_name_no_file_system_takes_is_no_file(two: Settings) -> None:
    """It raised OSError in front of the cycle's edge: one note stopped every worker."""
    assert chosen(two, f"{'x' * 300}.py broke parcels/tracking.py") == "parcels"


@pytest.mark.timeout(20)
def test_a_long_word_costs_little(two: Settings) -> None:
    """100,000 characters that could begin a file name took a minute, 300,000 ten."""
    assert "names no target" in chosen(two, "a." * 50_000)
