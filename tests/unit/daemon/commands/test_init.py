"""`mendd init`: what it writes, finds out and refuses."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from daemon import cli
from daemon.commands import Exit
from daemon.commands.project import look_at, target_name
from daemon.config.config_file import SECTIONS, load_settings
from daemon.settings import TargetSettings


def test_it_writes_a_configuration_that_loads(tmp_path: Path) -> None:
    """The defaults, a state folder that git ignores by itself, the inbox."""
    root = tmp_path / "My App"
    root.mkdir()

    assert cli.main(["init", str(root)]) == 0

    settings = load_settings(root / "mendd.toml")
    assert settings.targets == (TargetSettings(name="my-app", path=root),)
    assert settings.state == root / ".mendd"
    assert (root / ".mendd" / "inbox").is_dir()
    assert (root / ".mendd" / ".gitignore").read_text().endswith("\n*\n")


def test_every_setting_stands_in_it_at_its_default(tmp_path: Path) -> None:
    """With all of its comments taken away the file still loads, to the same settings."""
    assert cli.main(["init", str(tmp_path), "--name", "app"]) == 0
    file = tmp_path / "mendd.toml"
    before = load_settings(file)

    file.write_text(re.sub(r"^# (?=\w+ = )", "", file.read_text(), flags=re.MULTILINE))

    assert load_settings(file) == before
    text = file.read_text()
    for kind in (TargetSettings, *SECTIONS.values()):
        for field in dataclasses.fields(kind):
            assert re.search(rf"^{field.name} = ", text, re.MULTILINE), field.name


def test_it_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing configuration is left as it is."""
    (tmp_path / "mendd.toml").write_text("mine")

    assert cli.main(["init", str(tmp_path)]) == Exit.USAGE
    assert (tmp_path / "mendd.toml").read_text() == "mine"
    assert "left as it is" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["missing", "file"])
def test_a_path_that_is_no_folder_is_refused(path: str, tmp_path: Path) -> None:
    """Nothing is made up."""
    (tmp_path / "file").write_text("")

    assert cli.main(["init", str(tmp_path / path)]) == Exit.USAGE


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows the file instead."""
    assert cli.main(["init", str(tmp_path), "--dry-run"]) == 0
    assert "[[target]]" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_json_says_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document with stable keys."""
    assert cli.main(["init", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["written"] is True
    assert found["config"] == str(tmp_path / "mendd.toml")
    assert found["target"]["tests"] is None


def test_a_configuration_elsewhere_names_the_project(tmp_path: Path) -> None:
    """`--config FILE` decides where it is written."""
    root = tmp_path / "app"
    root.mkdir()

    assert cli.main(["--config", str(tmp_path / "m.toml"), "init", str(root)]) == 0

    assert load_settings(tmp_path / "m.toml").targets[0].path == root


def test_tests_are_found_and_a_src_layout_is_made_importable(tmp_path: Path) -> None:
    """What pytest would not find out by itself is set."""
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    (tmp_path / "src" / "pkg" / "__init__.py").touch()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").touch()

    found = look_at(tmp_path)

    assert found.tests == "tests"
    assert found.env == {"PYTHONPATH": "src"}


def test_a_src_layout_pytest_knows_of_is_left_alone(tmp_path: Path) -> None:
    """`pythonpath` in pyproject.toml is enough."""
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    (tmp_path / "src" / "pkg" / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["src"]\n')

    assert look_at(tmp_path).env == {}


def test_broken_project_files_do_not_stop_it(tmp_path: Path) -> None:
    """A project in trouble is what mendd is for."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").touch()
    (tmp_path / "pyproject.toml").write_bytes(b"\xff = [")
    (tmp_path / "tox.ini").write_text("no section")

    assert look_at(tmp_path).env == {"PYTHONPATH": "src"}


@pytest.mark.parametrize(
    ("folder", "name"),
    [("My App", "my-app"), ("2048", "app"), ("x" * 60, "x" * 40), ("café", "caf"), ("", "app")],
)
def test_a_folder_name_becomes_a_target_name(folder: str, name: str) -> None:
    """Whatever it is called, the name is one the configuration takes."""
    assert target_name(folder) == name


def test_a_hostile_folder_name_is_quoted(tmp_path: Path) -> None:
    """Quotes, newlines and backslashes in a path stay text."""
    root = tmp_path / 'a"\n[x]\\b'
    root.mkdir()

    assert cli.main(["--config", str(tmp_path / "m.toml"), "init", str(root)]) == 0

    assert load_settings(tmp_path / "m.toml").targets[0].path == root
