"""When a worker is wanted although no work is due: for what could not be told or exchanged yet.

A service without notes starts no worker, so an alert that failed would wait for the next note.
"""

from datetime import datetime

from daemon.learning.exchange import next_exchange
from daemon.monitor.alerts import next_try
from daemon.settings import Settings


def next_call(settings: Settings, now: datetime) -> datetime | None:
    """The earliest time, maybe past, or None where nothing waits."""
    times = (next_try(settings.state), next_exchange(settings, now))
    return min((each for each in times if each is not None), default=None)
