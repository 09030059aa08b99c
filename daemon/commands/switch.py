"""Where the kill switch is and who throws it.

An emergency stop must not depend on a faultless configuration: where the file has faults, only
the two keys that matter here are read from it.
"""

import argparse
import os
import tomllib
from pathlib import Path
from typing import Any

from daemon.commands import CommandError
from daemon.killswitch import KillSwitch


def find_switch(options: argparse.Namespace) -> KillSwitch:
    """The switch of the configuration. Raises SettingsError or CommandError if none is named."""
    from daemon.config.config_file import SettingsError, find_config, load_settings

    file = find_config(options.config)
    try:
        return KillSwitch(load_settings(file).kill_switch)
    except SettingsError as error:
        return KillSwitch(_from_faulty(file, error))


def person() -> str:
    """Who gives the command: the user, and who they were before sudo."""
    import getpass

    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = f"uid {os.getuid()}"
    before = os.environ.get("SUDO_USER")
    return f"{before} (as {name})" if before and before != name else name


def switch_document(switch: KillSwitch, *, changed: bool) -> dict[str, Any]:
    """The switch as JSON data."""
    return {
        "kill_switch": "on" if switch.on() else "off",
        "path": str(switch.path),
        "reason": switch.reason() or None,
        "changed": changed,
    }


def _from_faulty(file: Path, error: Exception) -> Path:
    from daemon.config.config_file import DEFAULT_STATE

    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        raise CommandError(
            f"{error}\nWithout it the place of the kill switch is not known. By hand: create a file"
            " called KILL in mendd's state folder, or stop the service (systemctl stop mendd)"
        ) from None
    named = document.get("kill_switch")
    if not isinstance(named, str) or not named:
        state = document.get("state")
        named = str(Path(state if isinstance(state, str) and state else DEFAULT_STATE) / "KILL")
    return Path(os.path.normpath(file.parent / Path(named).expanduser()))
