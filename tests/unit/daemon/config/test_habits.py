"""Habits of one's own are checked when the configuration is read, all faults together."""

from pathlib import Path

import pytest

from daemon.config.config_file import SettingsError, load_settings
from daemon.config.habits import BUILT_IN
from daemon.prompting.habits import detectors
from reflections.transcripts.detect import DETECTORS

HEAD = 'state = "s"\n[[target]]\nname = "a"\npath = "."\n'


def load(tmp_path: Path, learn: str) -> object:
    """The settings of a file with this [learn]."""
    file = tmp_path / "mendd.toml"
    file.write_text(f"{HEAD}[learn]\n{learn}\n")
    return load_settings(file).learn


def test_a_pattern_with_its_rule_is_a_detector(tmp_path: Path) -> None:
    """Beside the built-in ones."""
    text = 'patterns = { apologises = "sorry" }\ntexts = { apologises = "Do not apologise." }'
    learn = load(tmp_path, text)

    names = [each.name for each in detectors(learn)]  # type: ignore[arg-type]
    assert names == [*BUILT_IN, "apologises"]


def test_the_built_in_names_are_the_detectors() -> None:
    """They are named twice because reading the settings must load no detector."""
    assert [each.name for each in DETECTORS] == list(BUILT_IN)


@pytest.mark.parametrize(
    ("learn", "what"),
    [
        ('patterns = { a-b = "(" }\ntexts = { a-b = "Stop." }', "is no regular expression"),
        ('patterns = { a-b = "x" }', "has no rule"),
        ('texts = { a-b = "Stop." }', "is not among the patterns"),
        ('patterns = { timeout = "x" }\ntexts = { timeout = "Stop." }', "must be a new name"),
        ('patterns = { "A b" = "x" }\ntexts = { "A b" = "Stop." }', "must be a new name"),
        ('patterns = { a-b = "x" }\ntexts = { a-b = "Stop `it`." }', "plain letters"),
        ("confidence = 1.5", "must be at most 1"),
    ],
)
def test_faults_are_told(tmp_path: Path, learn: str, what: str) -> None:
    """With what to write instead."""
    with pytest.raises(SettingsError, match=what):
        load(tmp_path, learn)
