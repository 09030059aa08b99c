"""The documentation's tables and the settings are one thing."""

import tomllib
from pathlib import Path

import pytest

from daemon.commands.settings_table import page, tables, toml_value

PAGE = Path(__file__).parents[4] / "docs" / "configuration.md"


def test_the_page_is_in_step_with_the_settings() -> None:
    """docs/configuration.md is what `python -m daemon.commands.settings_table` prints."""
    assert PAGE.read_text("utf-8") == page()


def test_every_setting_has_a_sentence() -> None:
    """No row without a meaning."""
    assert all(each.doc for settings in tables().values() for each in settings)


@pytest.mark.parametrize(
    "value", [True, 3, 16_000, 0.5, 'a"\n\\\x7f', ["x", "y"], {"A b": "1"}, {}, []]
)
def test_values_come_back_from_toml(value: object) -> None:
    """What is written into a configuration reads as the same value."""
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value
