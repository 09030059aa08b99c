"""`mendd init --system`: the systemd service, its user, its folders and a first configuration.

The steps are made first and carried out after; a dry run prints them instead. With another `root`
files go below it and nothing is started: for packages and tests.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from audit.durable import write_whole
from daemon.commands import CommandError, Exit

HIDDEN = ("/home", "/root", "/run/user")
"""What ProtectHome= hides from the service."""
CONFIG = Path("etc/mendd/mendd.toml")
UNIT = Path("etc/systemd/system/mendd.service")
DROP_IN = Path("etc/systemd/system/mendd.service.d/20-target.conf")
SYSUSERS = Path("etc/sysusers.d/mendd.conf")
TMPFILES = Path("etc/tmpfiles.d/mendd.conf")
STATE = "/var/lib/mendd"


class CannotInstall(CommandError):
    """Nothing was changed; the message says what to do first."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.WORLD)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change: a file with its content, or a command. `words` say it to a person."""

    words: str
    file: Path | None = None
    content: str = ""
    mode: int = 0o644
    command: tuple[str, ...] = field(default=())


def install(
    project: Path,
    *,
    dry_run: bool = False,
    root: Path = Path("/"),
    say: Callable[[str], None] = print,
) -> int:
    """Install the service for the project's folder. Returns 0, or 1 when a command failed.

    Existing configurations and drop-ins stay; the unit is replaced. Raises CannotInstall before
    anything is changed, OSError in between (every step may be repeated).
    """
    project = Path(os.path.normpath(project.expanduser().absolute()))
    faults = list(_faults(project, root))
    if faults and not dry_run:
        raise CannotInstall("\n".join(faults))
    for step in plan(project, root):
        say(f"would {step.words}" if dry_run else step.words)
        if dry_run:
            say(_indented(step.content)) if step.content else None
        elif not _carry_out(step, root):
            say(f"that failed: {' '.join(step.command)}; mend the cause and run this again")
            return 1
    for fault in faults:
        say(f"but first: {fault}")
    say(_next(project, root))
    return 0


def plan(project: Path, root: Path) -> list[Step]:
    """All steps in order; what is there already and is not ours to replace is left out."""
    steps = [
        _file(SYSUSERS, unit_file("mendd.sysusers"), "name the service's user"),
        _file(TMPFILES, unit_file("mendd.tmpfiles"), "name the service's folders"),
        *_tool("systemd-sysusers", root, SYSUSERS, "create the user mendd"),
        *_tool("systemd-tmpfiles", root, TMPFILES, "create the folders", "--create"),
    ]
    if not os.path.lexists(root / CONFIG):
        steps.append(_file(CONFIG, _config(project), "write the configuration", 0o640))
        steps += _command(root, "let the service read it", "chgrp", "mendd", f"/{CONFIG}")
    steps.append(_file(UNIT, _unit(), "install the unit"))
    if not os.path.lexists(root / DROP_IN):
        steps.append(_file(DROP_IN, _drop_in(project), f"open {project} to the service"))
    if root == Path("/") and Path("/run/systemd/system").is_dir():
        steps += _command(root, "tell systemd", "systemctl", "daemon-reload")
        steps += _command(root, "start it at boot", "systemctl", "enable", "mendd.service")
    return steps


def unit_file(name: str) -> str:
    """One of the files of systemd/: beside the packages in a checkout, inside daemon in a wheel."""
    beside = Path(__file__).resolve().parents[2] / "systemd" / name
    if beside.is_file():
        return beside.read_text("utf-8")
    return (resources.files("daemon") / "systemd" / name).read_text("utf-8")


def _faults(project: Path, root: Path) -> Iterator[str]:
    if not project.is_dir():
        yield f"{project} is no folder; name the folder of the project to mend"
    for bad in ("\n", '"', "\\", "%", ":", " "):
        if bad in str(project):
            yield f"the path {str(project)!r} holds {bad!r}, which a unit file cannot name plainly"
    if any(project.is_relative_to(folder) for folder in ("/tmp", "/var/tmp")):  # noqa: S108
        yield f"{project} is temporary; the service has a /tmp of its own and would not see it"
    if root != Path("/"):
        return
    if os.geteuid() != 0:
        yield "only root can install a system service: use sudo, or --dry-run to see what it does"
    for what, path in _needed():
        if _is_hidden(path):
            yield (
                f"{what} stands in {path}, which the service will not see (homes are hidden from"
                " it): install mendd elsewhere, for example in a virtual environment in /opt/mendd"
            )
    if not _importable():
        yield "mendd is not installed in this interpreter: pip install it first"


def _needed() -> Iterator[tuple[str, Path]]:
    yield "the interpreter", Path(sys.executable)
    yield "the interpreter", Path(sys.executable).resolve()
    yield "mendd", Path(__file__).resolve().parents[1]


def _is_hidden(path: Path) -> bool:
    return any(path.is_relative_to(hidden) for hidden in HIDDEN)


def _importable() -> bool:
    """Whether the unit's command finds our packages: isolated, from any folder."""
    command = [sys.executable, "-I", "-c", "import daemon.cli"]
    return subprocess.run(command, cwd="/", capture_output=True, check=False).returncode == 0


def _unit() -> str:
    """The unit with this interpreter's path in place of the package's."""
    return unit_file("mendd.service").replace(
        "ExecStart=/usr/bin/python3 ", f"ExecStart={sys.executable} "
    )


def _drop_in(project: Path) -> str:
    text = unit_file("20-target.conf").replace("/srv/app", str(project))
    if not _is_hidden(project):
        return text
    shown = "ProtectHome=tmpfs\nBindPaths=" + str(project)
    return text.replace("#ProtectHome=tmpfs\n#BindPaths=/home/alice/app", shown)


def _config(project: Path) -> str:
    """The configuration `mendd init` would write, with the system's state folder."""
    from daemon.commands.project import config_text, look_at

    text = config_text(look_at(project))
    return _with(_with(text, "state", STATE), "path", str(project))


def _with(text: str, key: str, value: str) -> str:
    """The text with the first `key = …` set to value; its comment stays."""
    from daemon.commands.settings_table import toml_value

    line = re.compile(rf"^{key} = .*?(?=  #|$)", re.MULTILINE)
    return line.sub(lambda _: f"{key} = {toml_value(value)}", text, count=1)


def _file(path: Path, content: str, words: str, mode: int = 0o644) -> Step:
    return Step(words=f"{words}: /{path}", file=path, content=content, mode=mode)


def _tool(name: str, root: Path, file: Path, words: str, *options: str) -> Iterator[Step]:
    """A systemd tool, on the machine itself; a package leaves it to the package manager."""
    if root != Path("/"):
        return
    if shutil.which(name):
        yield from _command(root, words, name, *options, f"/{file}")
    elif name == "systemd-sysusers":
        home = ("--home-dir", STATE, "--shell", "/usr/sbin/nologin")
        yield from _command(root, words, "useradd", "--system", "--user-group", *home, "mendd")
    else:
        folders = (STATE, f"{STATE}/inbox")
        yield from _command(root, words, "install", "-d", "-o", "mendd", "-g", "mendd", *folders)


def _command(root: Path, words: str, *command: str) -> Iterator[Step]:
    if root == Path("/"):
        yield Step(words=f"{words}: {' '.join(command)}", command=command)


def _carry_out(step: Step, root: Path) -> bool:
    if step.file is not None:
        path = root / step.file
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_whole(path, step.content.encode())
        path.chmod(step.mode)
    if step.command:
        return subprocess.run(step.command, check=False).returncode == 0
    return True


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _next(project: Path, root: Path) -> str:
    if root != Path("/"):
        return f"files stand below {root}; nothing was started"
    return (
        "next:\n"
        f"  give the user mendd write access to {project} (see /{DROP_IN})\n"
        "  put the model's key into /etc/credstore/anthropic_api_key, mode 0600 (optional)\n"
        f"  mendd --config /{CONFIG} check\n"
        "  systemctl start mendd"
    )
