"""Requirement files: what is asked for, followed inside the module and nowhere else."""

from pathlib import Path

import pytest

from sandbox.errors import UnusableModule
from sandbox.requirements import found, mounted, read


def test_lines_are_read_with_includes(tmp_path: Path) -> None:
    """Comments, continuations and the module's own folder are left out; the order stays."""
    (tmp_path / "requirements.txt").write_text(
        "# all\nflask >= 2  # web\n-r more/dev.txt\n-e .\n./vendored\nrequests==2.0 \\\n --hash=x\n"
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "dev.txt").write_text("pytest\n-r dev.txt\nflask >= 2\n")
    found = read(tmp_path, ["requirements.txt"]).lines
    assert found == ("flask >= 2", "pytest", "requests==2.0 --hash=x")


def test_a_pyproject_gives_dependencies_and_test_extras(tmp_path: Path) -> None:
    """Groups include groups; the project itself is not installed."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "Me"\ndependencies = ["a>1"]\n'
        '[project.optional-dependencies]\ntest = ["b", "me[x]"]\ndocs = ["no"]\n'
        '[dependency-groups]\ndev = ["c", {include-group = "lint"}]\nlint = ["d"]\n'
    )
    assert read(tmp_path, ["pyproject.toml"]).lines == ("a>1", "b", "c", "d")


@pytest.mark.parametrize("name", ["none.txt", "../out.txt", "/etc/hostname", "link.txt"])
def test_files_outside_or_missing_are_refused(tmp_path: Path, name: str) -> None:
    """Also by a link."""
    (tmp_path / "out.txt").write_text("x")
    root = tmp_path / "m"
    root.mkdir()
    (root / "link.txt").symlink_to("../out.txt")
    with pytest.raises(UnusableModule, match="missing or outside"):
        read(root, [name])


def test_broken_toml_is_named(tmp_path: Path) -> None:
    """With its file."""
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(UnusableModule, match=r"pyproject\.toml"):
        read(tmp_path, ["pyproject.toml"])


def test_local_paths_in_pip_settings_become_mounts() -> None:
    """Addresses stay as they are."""
    mounts: dict[str, str] = {}
    assert mounted("https://index.example/simple", mounts) == "https://index.example/simple"
    assert mounts == {}
    assert mounted("file:///opt/a/simple /opt/b", mounts) == (
        "file:///run/mendd-build/host-0/simple /run/mendd-build/host-1"
    )
    assert list(mounts) == ["/opt/a", "/opt/b"]


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ((), ()),
        (("pyproject.toml",), ("pyproject.toml",)),
        (("pyproject.toml", "requirements.txt"), ("requirements.txt",)),
    ],
)
def test_the_file_is_found_where_none_is_named(
    tmp_path: Path, there: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    """requirements.txt first, as it is the one that people pin."""
    for name in there:
        (tmp_path / name).write_text("")
    assert found(tmp_path) == expected


def test_another_encoding_is_named(tmp_path: Path) -> None:
    """`pip freeze > requirements.txt` in PowerShell writes UTF-16."""
    (tmp_path / "requirements.txt").write_text("flask\n", encoding="utf-16")
    with pytest.raises(UnusableModule, match=r"requirements\.txt is not UTF-8"):
        read(tmp_path, ["requirements.txt"])


@pytest.mark.parametrize(
    "text",
    ['[project]\ndependencies = "abc"\n', "project = 3\n", "[project]\ndependencies = [1]\n"],
)
def test_dependencies_of_another_shape_are_refused(tmp_path: Path, text: str) -> None:
    """A text is no list of one-letter packages."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UnusableModule, match="no lists of text"):
        read(tmp_path, ["pyproject.toml"])
