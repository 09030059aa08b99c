"""`mendd run`: one service per state folder, with its log, its signals and its configuration.

What it does all day stands in daemon/supervision/supervisor.py.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.desk.lock import AlreadyRunning, only_one
from daemon.settings import Settings
from daemon.supervision.accepted import Configuration
from daemon.supervision.crew import default_command
from daemon.supervision.ledger import Ledger
from daemon.supervision.logs import LOG_JSON, start_logging
from daemon.supervision.supervisor import INTERRUPT, RELOAD, STOP, Service
from daemon.supervision.wake import Signals, Wake
from daemon.trail import open_trail

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
    configuration = Configuration(config)
    settings = configuration.read()
    environment = os.environ | ({LOG_JSON: "1"} if log_json else {})
    try:
        with only_one(settings.state / "service.lock"):
            _run(configuration, settings, worker_command or default_command(), environment)
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


def _run(
    configuration: Configuration,
    settings: Settings,
    worker_command: Sequence[str],
    environment: Mapping[str, str],
) -> None:
    wake = Wake()
    signals = Signals(wake, (RELOAD, STOP, INTERRUPT))
    try:
        Service(
            settings,
            Ledger(open_trail(settings)),
            wake,
            configuration=configuration,
            signals=signals.take,
            worker_command=worker_command,
            environment=environment,
        ).run()
    finally:
        signals.close()
        wake.close()
