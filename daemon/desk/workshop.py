"""The tools of one worker: opened once, handed to every job, closed at the end."""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from audit.trail import Trail
from daemon.breakers import BREAKERS, Breakers
from daemon.budget import Budget
from daemon.desk.progress import Beacon
from daemon.killswitch import KillSwitch, StopSignal
from daemon.road.history import History
from daemon.road.moment import Moment, Steady, uptime
from daemon.settings import Settings
from daemon.trail import open_trail
from reflections.store import Store
from sandbox.errors import SandboxError
from sandbox.trial import Ending, Limits, Sandbox


def utc_now() -> datetime:
    """The clock of everything that is recorded."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """Why a snapshot's suite cannot judge, and how long nobody needs to try again."""

    why: str
    until: datetime
    ending: Ending | None = None


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What every job shares; one owner, one thread, except for the sandbox's slots."""

    settings: Settings
    store: Store
    trail: Trail
    sandbox: Sandbox
    history: History
    budget: Budget
    beacon: Beacon
    kill_switch: KillSwitch
    stop: StopSignal
    environ: Mapping[str, str]
    clock: Callable[[], datetime] = utc_now
    steady: Steady = uptime
    unusable: dict[str, Unusable] = field(default_factory=dict)  # by snapshot

    def moment(self) -> Moment:
        """Now, by the clock on the wall and the one that nobody can set."""
        return Moment(wall=self.clock(), uptime=self.steady())

    @property
    def breakers(self) -> Breakers:
        """Which targets are left alone for a while."""
        return Breakers(self.state / BREAKERS, self.settings.breaker, self.clock)

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.settings.state

    @property
    def backups(self) -> Path:
        """Originals of changed files, for revert where there is no git."""
        return self.state / "backups"

    @property
    def journal(self) -> Path:
        """Intents of changes under way."""
        return self.state / "journal"

    @property
    def certificates(self) -> Path:
        """What was proven, replayable."""
        return self.state / "audit" / "certificates"

    @property
    def reports(self) -> Path:
        """One Markdown report per reflection."""
        return self.state / "audit" / "reports"


def open_workshop(
    settings: Settings, environ: Mapping[str, str], *, signals: bool = True
) -> Workshop:
    """Open the store, the trail and the sandbox of these settings, and listen for the end.

    From here on the kill switch (and SIGTERM, with `signals`) kills our containers and sets
    `stop`. Nothing else is started yet.
    """
    state = settings.state
    beacon = Beacon(state)
    sandbox = open_sandbox(settings, beacon.detail)
    kill_switch = KillSwitch(settings.kill_switch)
    stop = StopSignal(kill_switch, lambda: killed_all(sandbox))
    stop.listen(signals=signals)
    return Workshop(
        settings=settings,
        store=Store(state),
        trail=open_trail(settings),
        sandbox=sandbox,
        history=History(state / "history"),
        budget=Budget(state / "budget.json", settings.budget),
        beacon=beacon,
        kill_switch=kill_switch,
        stop=stop,
        environ=environ,
    )


def killed_all(sandbox: Sandbox) -> None:
    """Kill our containers; an engine that does not answer has none of them running for us."""
    with contextlib.suppress(SandboxError):
        sandbox.kill_all()


def open_sandbox(settings: Settings, progress: Callable[[str], None]) -> Sandbox:
    """The sandbox of these settings."""
    chosen = settings.sandbox
    limits = Limits(
        memory_mib=chosen.memory_mib,
        pids=chosen.pids,
        cpus=chosen.cpus,
        tmpfs_mib=chosen.tmpfs_mib,
        file_mib=chosen.file_mib,
        output_kib=chosen.output_kib,
    )
    return Sandbox(
        docker_host=chosen.docker_host or os.environ.get("DOCKER_HOST") or None,
        limits=limits,
        slots=chosen.slots,
        runtime=chosen.runtime or None,
        base_image=chosen.image or None,
        keep_snapshots=chosen.keep_snapshots,
        state=settings.state,
        progress=progress,
    )
