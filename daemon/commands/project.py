"""Looks at a project folder and writes the configuration that suits it, as text.

Every setting stands in the text: what was found out is set, the rest is commented out at its
default, so the file is its own manual.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daemon.commands.settings_table import Setting, tables, toml_value

TEST_PLACES = ("tests", "test", "testing")
PYTEST_FILES = ("pytest.ini", "tox.ini", "setup.cfg")
LOOK_AT_MOST = 2000  # names; a project that hides its tests behind more is not searched further


@dataclass(frozen=True, kw_only=True)
class Project:
    """What a look at the folder told. `notes` are sentences for the person."""

    root: Path
    name: str
    tests: str  # where tests were found, "" if nowhere
    env: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def look_at(root: Path, name: str | None = None) -> Project:
    """Find out the target's name, tests and import path; reads names and a few small files."""
    tests = _tests(root)
    env = {"PYTHONPATH": "src"} if _needs_src(root) else {}
    notes = []
    if not tests:
        notes.append(
            "no tests were found: nothing can judge a patch, so notes wait; "
            "set `tests` if they stand elsewhere"
        )
    if env:
        notes.append("a src/ layout that pytest does not know of: PYTHONPATH is set to src")
    return Project(
        root=root, name=name or target_name(root.name), tests=tests, env=env, notes=tuple(notes)
    )


def target_name(folder: str) -> str:
    """A folder's name as a target's: a-z, 0-9, - and _, beginning with a letter."""
    name = re.sub(r"[^a-z0-9_-]+", "-", folder.lower()).strip("-_")
    name = name.lstrip("0123456789-_")[:40].rstrip("-_")
    return name or "app"


def config_text(project: Project, *, path: str = ".", state: str = ".mendd") -> str:
    """mendd.toml for this project, whole; `path` and `state` as the file is to name them."""
    return "\n".join(_lines(project, path, state)) + "\n"


def _lines(project: Project, path: str, state_folder: str) -> Iterator[str]:
    found = tables()
    given: dict[str, Any] = {"name": project.name, "path": path, "autonomy": "apply-proven"}
    if project.env:
        given["env"] = dict(project.env)
    yield "# mendd's configuration. What is commented out stands at its default."
    yield "# 'mendd check' looks it over; docs/configuration.md says more. No secrets in here."
    yield ""
    state, kill_switch = found.pop("")
    kill_switch = replace(kill_switch, default=toml_value(f"{state_folder}/KILL"))
    yield from _settings([state, kill_switch], {"state": state_folder})
    yield "[[target]]"
    yield from _settings(found.pop("target"), given)
    for name, settings in found.items():
        yield f"[{name}]"
        yield from _settings(settings, {})


def _settings(settings: list[Setting], given: Mapping[str, Any]) -> Iterator[str]:
    for each in settings:
        set_here = each.key in given
        value = toml_value(given[each.key]) if set_here else each.default
        choices = f"; {each.kind}" if "`" in each.kind and "false" not in each.kind else ""
        mark = "" if set_here else "# "
        yield f"{mark}{each.key} = {value}  # {each.doc}{choices}".replace("`", "")
    yield ""


def _tests(root: Path) -> str:
    """Where tests stand, relative to the root: a folder or a file, "" if none was seen."""
    for place in TEST_PLACES:
        if next(_test_files(root / place), None):
            return place
    return next(_test_files(root), "")


def _test_files(folder: Path) -> Iterator[str]:
    looked = 0
    for path in folder.rglob("*.py") if folder.is_dir() else ():
        looked += 1
        if looked > LOOK_AT_MOST:
            return
        if any(part.startswith(".") or part == "venv" for part in path.relative_to(folder).parts):
            continue
        if path.name.startswith("test_") or path.name.endswith("_test.py"):
            yield path.relative_to(folder).as_posix()


def _needs_src(root: Path) -> bool:
    """Whether packages stand in src/ and neither pytest nor a conftest puts it on the path."""
    packages = any((root / "src").glob("*/__init__.py")) or any((root / "src").glob("*.py"))
    return packages and not (root / "src" / "conftest.py").exists() and not _pythonpath(root)


def _pythonpath(root: Path) -> bool:
    options = _toml(root / "pyproject.toml").get("tool", {}).get("pytest", {})
    if "pythonpath" in options or "pythonpath" in options.get("ini_options", {}):
        return True
    return any("pythonpath" in _ini(root / name) for name in PYTEST_FILES)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _ini(path: Path) -> Mapping[str, str]:
    """pytest's own section of an ini file; empty when there is none."""
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (OSError, ConfigError, UnicodeDecodeError):
        return {}
    name = "tool:pytest" if path.name == "setup.cfg" else "pytest"
    return parser[name] if parser.has_section(name) else {}
