"""What a patch may touch: the target's `edit` globs, minus everything that judges the patch.

Tests, their configuration, CI and mendd's own files are never edited, however their name is
spelled: names are compared after NFKC and case folding, so `Tests/` and full-width twins count
as `tests/`. Nothing here reads a file; `Scope` only looks at what the path is.
"""

import os
import re
import stat
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache
from glob import escape
from pathlib import Path

from daemon.settings import Settings, TargetSettings

# A name without "/" protects that file or folder at any depth.
PROTECTED = (
    # the tests, and what stands for pytest or is loaded by it or by Python itself
    *("tests", "test", "test_*.py", "*_test.py", "conftest.py", "test.py", "tests.py"),
    *("pytest.py", "pytest", "_pytest", "pluggy", "pluggy.py", "unittest", "unittest.py"),
    *("sitecustomize.py", "usercustomize.py", "*.pth", "*.egg-link", "*.egg-info", "*.dist-info"),
    # their configuration, and the choice of dependencies
    *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "setup.cfg"),
    *("setup.py", "tox.ini", "tox.toml", "noxfile.py", ".coveragerc", "requirements*.txt"),
    *("*.lock", "Pipfile", "Makefile", "Dockerfile", ".pre-commit-config.yaml"),
    # continuous integration and version control
    *(".github", ".gitlab", ".gitlab-ci.yml", ".ci", ".circleci", ".travis.yml", "Jenkinsfile"),
    *("azure-pipelines.yml", "bitbucket-pipelines.yml", ".git", ".gitmodules", ".hg", ".svn"),
    # what is built or installed, not written
    *("__pycache__", "*.pyc", "*.pyo", "*.so", "*.pyd", ".venv", "venv", "site-packages"),
    *(".tox", ".nox", ".pytest_cache", ".hypothesis", ".env", ".env.*", "*.pem"),
    # mendd itself
    *("mendd.toml", ".mendd", "KILL"),
)


class Scope:
    """Says which files of one target a patch may touch. Paths are relative, "/" between folders.

    `edit` globs are matched exactly and from the root (`src/**/*.py`; a trailing "/" takes the
    whole folder). `folders` narrow that down: a file must lie in one of them. `protect` globs win
    over both, ignore case, protect what is inside a matching folder, and match at any depth unless
    they hold a "/". With `settings`, mendd's own files and folders are protected wherever they
    were put.
    """

    def __init__(self, target: TargetSettings, settings: Settings | None = None) -> None:
        self._root = target.path
        self._edit = tuple((glob, _regex(_whole(glob))) for glob in target.edit)
        below = ((each, _below(each)) for each in target.folders)
        self._folders = tuple((each, _regex(glob)) for each, all_ in below for glob in (each, all_))
        own = () if settings is None else _own_files(target.path, settings)
        every = (*PROTECTED, *target.protect, *own)
        self._protect = tuple((glob, _protecting(glob)) for glob in every)

    def may_edit(self, filename: str) -> bool:
        """Whether a patch may change or create this file."""
        return self.complaint(filename) is None

    def complaint(self, filename: str) -> str | None:
        """Why this file may not be touched and what to do instead, or None when it may."""
        return (
            _spelling(filename)
            or self._protection(filename)
            or self._outside_edit(filename)
            or self._outside_folders(filename)
            or self._on_disk(filename)
        )

    def _protection(self, filename: str) -> str | None:
        folded = "/".join(_folded(part) for part in filename.split("/"))
        for glob, regex in self._protect:
            if regex.fullmatch(folded):
                return (
                    f"{filename} is protected ({glob}): tests, their configuration, CI and "
                    f"mendd's own files stay as they are; change the code they judge instead"
                )
        return None

    def _outside_edit(self, filename: str) -> str | None:
        if any(regex.fullmatch(filename) for _, regex in self._edit):
            return None
        allowed = ", ".join(glob for glob, _ in self._edit) or "nothing"
        return f"{filename} may not be edited; this target's settings allow: {allowed}"

    def _outside_folders(self, filename: str) -> str | None:
        if not self._folders or any(regex.fullmatch(filename) for _, regex in self._folders):
            return None
        allowed = ", ".join(dict.fromkeys(glob for glob, _ in self._folders))
        return f"{filename} lies outside the folders that may be edited: {allowed}"

    def _on_disk(self, filename: str) -> str | None:
        """Symlinks and odd files are refused; so is a new file that would stand for another."""
        path = self._root
        parts = filename.split("/")
        for number, part in enumerate(parts, 1):
            folder, path = path, path / part
            last = number == len(parts)
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                return _new_name(self._root, folder, part, filename)
            except OSError as error:
                return f"{filename} cannot be looked at: {error.strerror}"
            if stat.S_ISLNK(mode):
                return f"{filename} leads through a symbolic link ({part}); name the real file"
            if last and not stat.S_ISREG(mode):
                return f"{filename} is not a regular file"
            if not last and not stat.S_ISDIR(mode):
                return f"{filename} goes through {part}, which is not a folder"
        return None


def matching(globs: Iterable[str], filenames: Iterable[str]) -> list[str]:
    """Those of the files that one of the globs names, read as `edit` is, in their order."""
    regexes = [_regex(_whole(glob)) for glob in globs]
    return [name for name in filenames if any(regex.fullmatch(name) for regex in regexes)]


def _own_files(root: Path, settings: Settings) -> tuple[str, ...]:
    """Config, state, inbox and kill switch as globs, as far as they lie inside the target."""
    own = (settings.file, settings.state, settings.inbox_path, settings.kill_switch)
    inside = [path.relative_to(root).as_posix() for path in own if path.is_relative_to(root)]
    return tuple(f"./{escape(name)}" for name in inside if name != ".")


def _spelling(filename: str) -> str | None:
    """Refuse every spelling that two programs could read as two different files."""
    if not filename or filename.startswith("/"):
        return f"{filename!r} is not a path relative to the module's root"
    try:
        encoded = os.fsencode(filename)
        filename.encode()
    except UnicodeEncodeError:
        return f"{filename!r} holds characters that no file name can have"
    if len(encoded) > 1024:
        return "the file name is longer than 1024 bytes"
    if "\\" in filename or any(unicodedata.category(char) in _UNPRINTABLE for char in filename):
        return f"{filename!r} holds a backslash or an invisible character; use plain names and /"
    for part in filename.split("/"):
        if part in ("", ".", ".."):
            return f"{filename!r} must name the file directly, without empty parts, . or .."
        if part != part.strip() or part.endswith("."):
            return f"{filename!r} has a part that begins or ends with a space or ends with a dot"
    return None


_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _folded(name: str) -> str:
    """The name as a careless file system or reader would see it."""
    compatible = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return compatible.rstrip(". ")


def _new_name(root: Path, folder: Path, part: str, filename: str) -> str | None:
    """A file that does not exist yet must have a plain name that stands for nothing else."""
    if not filename.isascii():
        return f"{filename} does not exist, and a new file's name must be plain ASCII"
    twin = _twin(folder, part)
    if twin is not None:
        return f"{filename} does not exist, but {twin} does; did you mean that?"
    importable_from_here = folder == root or not (folder / "__init__.py").exists()
    if importable_from_here and part.partition(".")[0] in sys.stdlib_module_names:
        return f"{filename} would hide Python's own module {part.partition('.')[0]}; rename it"
    return None


def _twin(folder: Path, part: str) -> str | None:
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return None
    return next((name for name in names if _folded(name) == _folded(part)), None)


def _whole(glob: str) -> str:
    plain = glob.removeprefix("./")
    return plain + "**" if plain.endswith("/") else plain


def _below(folder: str) -> str:
    """Everything in a folder, or what a glob names."""
    plain = folder.removeprefix("./").rstrip("/")
    return folder if {*"*?["} & {*plain} else f"{plain}/**" if plain not in ("", ".") else "**"


@cache
def _protecting(glob: str) -> re.Pattern[str]:
    """Compile a protect glob: folded, any depth without "/", and everything beneath a match."""
    plain = glob.removeprefix("./").strip("/")
    anywhere = "" if "/" in plain or glob.startswith("./") else "(?:.*/)?"
    return re.compile(f"{anywhere}{_translated(_folded(plain))}(?:/.*)?", re.DOTALL)


@cache
def _regex(glob: str) -> re.Pattern[str]:
    return re.compile(_translated(glob), re.DOTALL)


def _translated(glob: str) -> str:
    """A glob as a regular expression: `*` and `?` stay within one part, `**` does not."""
    out, rest = "", glob
    while rest:
        if rest.startswith("**/"):
            out, rest = out + "(?:.*/)?", rest[3:]
        elif rest.startswith("**"):
            out, rest = out + ".*", rest[2:]
        elif (bracket := re.match(r"\[(!?)([^]/]+)\]", rest)) is not None:
            negated, chars = bracket.groups()
            inside = chars.replace("\\", "\\\\").replace("^", "\\^")
            out, rest = out + f"[{'^/' if negated else ''}{inside}]", rest[bracket.end() :]
        else:
            char, rest = rest[0], rest[1:]
            out += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
    return out
