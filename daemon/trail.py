"""The one audit trail of an installation: opened for writing, and where its checkpoints go."""

from pathlib import Path
from typing import TYPE_CHECKING

from audit.trail import Rotation, Trail

if TYPE_CHECKING:
    from daemon.settings import Settings


def open_trail(settings: "Settings") -> Trail:
    """The trail in the state folder; its files are closed when `[audit]` says."""
    rotation = Rotation(mib=settings.audit.rotate_mib, days=settings.audit.rotate_days)
    return Trail(settings.state / "audit" / "trail.jsonl", rotation=rotation)


def exported_file(settings: "Settings") -> Path | None:
    """The file elsewhere that checkpoints are added to, if `[audit]` names one."""
    return settings.file.parent / settings.audit.export if settings.audit.export else None
