"""`mendd run`: one service per state folder, with its log, its signals and its configuration.

What it does all day stands in daemon/supervisor.py.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from audit.trail import Trail
from daemon.config_file import SettingsError, load_settings
from daemon.crew import default_command
from daemon.crontab import crontab
from daemon.ledger import Ledger
from daemon.lock import AlreadyRunning, only_one
from daemon.logs import start_logging
from daemon.settings import Settings
from daemon.supervisor import INTERRUPT, RELOAD, STOP, Service
from daemon.toml_reader import Fault
from daemon.wake import Signals, Wake

log = logging.getLogger(__name__)

STOPPED, WORLD = 0, 3


def serve(
    config: Path, *, log_json: bool = False, worker_command: Sequence[str] | None = None
) -> int:
    """Run until SIGTERM or SIGINT; SIGHUP reads the configuration again. Main thread only.

    Returns 0, or 3 when a service already runs for this state folder or it cannot be used.
    Raises SettingsError when the configuration is faulty at the start.
    """
    start_logging(as_json=log_json, environment=os.environ)
    settings = load_service_settings(config)
    try:
        with only_one(settings.state / "service.lock"):
            _run(settings, worker_command or default_command())
    except AlreadyRunning as error:
        log.error(
            "mendd already runs for %s: %s. Stop that one first, or give this one a state folder"
            " of its own (`state` in %s)",
            settings.state,
            error.holder,
            config,
        )
        return WORLD
    except OSError as error:
        log.error("the state folder %s cannot be used: %s", settings.state, error)
        return WORLD
    return STOPPED


def load_service_settings(config: Path) -> Settings:
    """The settings, with `service.every` checked too. Raises SettingsError."""
    settings = load_settings(config)
    try:
        if settings.service.every:
            crontab(settings.service.every)
    except ValueError as error:
        raise SettingsError(config, [Fault(0, "service.every", str(error))]) from None
    return settings


def _run(settings: Settings, worker_command: Sequence[str]) -> None:
    wake = Wake()
    signals = Signals(wake, (RELOAD, STOP, INTERRUPT))
    try:
        Service(
            settings,
            Ledger(Trail(settings.state / "audit" / "trail.jsonl")),
            wake,
            load=lambda: load_service_settings(settings.file),
            signals=signals.take,
            worker_command=worker_command,
        ).run()
    finally:
        signals.close()
        wake.close()
