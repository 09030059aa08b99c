"""What a module's requirement files ask for, and how pip gets it at build time only.

The host's own pip settings (index, certificates) serve the build and stay out of the image:
they are mounted below a tmpfs while pip runs. So are its variables: what stands in a container's
settings is committed with it.
"""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.types import Mount

from sandbox.errors import UnusableModule

PIP = ("-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check")
INSIDE = "/run/mendd-build"
START = (  # variables of a container's settings would stay in the image, proxies' passwords too
    "import json,os,sys;os.environ.update(json.load(open(sys.argv[1])));"
    "os.execvp(sys.argv[2],sys.argv[2:])"
)
FOUND_FIRST = ("requirements.txt", "pyproject.toml")
TEST_EXTRAS = ("test", "tests", "testing", "dev")
LOCAL = re.compile(r"^(-e|--editable)\b|^\.{1,2}(/|\[|$)|^/|^file:")
PATH_VALUE = re.compile(r"(?:file://)?(/[^\s,;#]+)")
CERTIFICATE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Requirement lines in order; those that name local folders are left out."""

    lines: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Build:
    """What a build container needs to run pip."""

    mounts: list[Mount]

    def command(self, python: str) -> list[str]:
        """Run pip with the staged requirements and variables, which the engine is not told."""
        own = f"{INSIDE}/own"
        pip = [python, *PIP, "-r", f"{own}/requirements.txt"]
        return [python, "-I", "-c", START, f"{own}/environment.json", *pip]


def read(root: Path, files: Sequence[str]) -> Wanted:
    """Read requirement files and pyproject.toml files named below `root`.

    Raises UnusableModule for one that is missing, leads outside, or cannot be parsed.
    """
    lines: list[str] = []
    for name in files:
        path = inside(root, root / name)
        lines += pyproject(path) if path.suffix == ".toml" else plain(root, path, set())
    return Wanted(lines=tuple(dict.fromkeys(lines)))


def found(root: Path) -> tuple[str, ...]:
    """The file that says what a module needs, where nobody named one: the first that exists."""
    return tuple(name for name in FOUND_FIRST if (root / name).is_file())[:1]


def inside(root: Path, path: Path) -> Path:
    """The real path, which must lie inside the module."""
    real = path.resolve()
    if not real.is_relative_to(root.resolve()) or not real.is_file():
        raise UnusableModule(f"the requirements file {path} is missing or outside the module")
    return real


def plain(root: Path, path: Path, seen: set[Path]) -> list[str]:
    """A requirements file's lines; `-r` and `-c` are followed inside the module."""
    if path in seen:
        return []
    seen.add(path)
    lines: list[str] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        raise UnusableModule(f"{path} is not UTF-8; save it as UTF-8 ({fault})") from fault
    for raw in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        nested = re.match(r"^(?:-r|--requirement|-c|--constraint)[\s=]*(\S+)$", line)
        if nested:
            lines += plain(root, inside(root, path.parent / nested[1]), seen)
        elif line and not LOCAL.match(line):
            lines.append(" ".join(line.split()))
    return lines


def pyproject(path: Path) -> list[str]:
    """A project's dependencies with its test extras and groups; its own build is not run."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return dependencies(data)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UnusableModule(f"{path} is no valid TOML: {fault}") from fault
    except (TypeError, AttributeError) as fault:
        raise UnusableModule(f"{path}: its dependencies are no lists of text: {fault}") from fault


def dependencies(data: dict[str, Any]) -> list[str]:
    """The same from the parsed file; AttributeError or TypeError for other shapes."""
    project: dict[str, Any] = data.get("project", {})
    lines = listed(project.get("dependencies", []))
    for extra in TEST_EXTRAS:
        lines += listed(project.get("optional-dependencies", {}).get(extra, []))
        lines += group(data.get("dependency-groups", {}), extra, set())
    own = str(project.get("name", "")).lower()
    return [line for line in lines if not own or re.split(r"[\[<>=!~; ]", line.lower())[0] != own]


def listed(value: Any) -> list[str]:
    """A copy of a list of texts; TypeError for anything else."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"{value!r:.100}")
    return value.copy()


def group(groups: dict[str, Any], name: str, seen: set[str]) -> list[str]:
    """A dependency group with the groups it includes (PEP 735)."""
    if name in seen:
        return []
    seen.add(name)
    lines: list[str] = []
    for item in groups.get(name, []):
        if isinstance(item, dict):
            lines += group(groups, str(item.get("include-group", "")), seen)
        else:
            lines.append(str(item))
    return lines


@contextmanager
def staged(wanted: Wanted, folder: Path) -> Iterator[Build]:
    """The requirements and this host's pip settings, ready to be mounted read-only."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        mounts: dict[str, str] = {}
        settings = host_settings(mounts)
        (folder / "requirements.txt").write_text("\n".join(wanted.lines) + "\n", encoding="utf-8")
        (folder / "pip.conf").write_text(settings, encoding="utf-8")
        variables = json.dumps(environment(mounts))
        (folder / "environment.json").write_text(variables, encoding="utf-8")
        mounts[str(folder)] = f"{INSIDE}/own"
        yield Build(
            mounts=[
                Mount(target=target, source=source, type="bind", read_only=True)
                for source, target in mounts.items()
                if Path(source).exists()
            ],
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def host_settings(mounts: dict[str, str]) -> str:
    """This host's pip settings as a pip.conf for the build; local paths in it become mounts."""
    command = ["python3", "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    chosen: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.partition(".")
        if section in ("global", "install", ":env:"):
            chosen[option] = value.strip("'\"").replace("\\n", "\n")
    lines = [f"{option} = {mounted(value, mounts)}" for option, value in chosen.items()]
    return "[global]\n" + "\n".join(lines).replace("\n\n", "\n") + "\n"


def mounted(value: str, mounts: dict[str, str]) -> str:
    """A setting's value with every local path pointed at its mount."""

    def inside_path(match: re.Match[str]) -> str:
        folder = match[1].rstrip("/").removesuffix("/simple")  # its pages link to files beside it
        target = mounts.setdefault(folder, f"{INSIDE}/host-{len(mounts)}")
        return match[0].replace(folder, target, 1)

    return (
        "\n    ".join(PATH_VALUE.sub(inside_path, each) for each in value.split("\n"))
        if ("://" not in value or "file://" in value)
        else value
    )


def environment(mounts: dict[str, str]) -> dict[str, str]:
    """Variables for pip: certificates by mount, proxies as they are."""
    found = {
        "PIP_CONFIG_FILE": f"{INSIDE}/own/pip.conf", "PIP_BREAK_SYSTEM_PACKAGES": "1",
        "PIP_ROOT_USER_ACTION": "ignore", "HOME": "/run",
    }  # fmt: skip
    for name in CERTIFICATE_VARIABLES:
        path = os.environ.get(name, "")
        if path and Path(path).is_file():
            found[name] = mounts.setdefault(path, f"{INSIDE}/host-{len(mounts)}")
    found |= {name: os.environ[name] for name in PROXY_VARIABLES if name in os.environ}
    return found
