"""The one audit trail of an installation: opened for writing, and where its checkpoints go."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from audit.trail import Rotation, Trail
from reflections.secrets import redact

if TYPE_CHECKING:
    from daemon.settings import Settings

CREDENTIAL = "audit_key"


def open_trail(settings: "Settings") -> Trail:
    """The trail in the state folder, without known secrets; rotated as `[audit]` says."""
    rotation = Rotation(mib=settings.audit.rotate_mib, days=settings.audit.rotate_days)
    return Trail(settings.state / "audit" / "trail.jsonl", rotation=rotation, hide=redact)


def exported_file(settings: "Settings") -> Path | None:
    """The file elsewhere that checkpoints are added to, if `[audit]` names one."""
    return settings.file.parent / settings.audit.export if settings.audit.export else None


def key_file(settings: "Settings", environ: Mapping[str, str]) -> Path:
    """Where the signing key is: `audit.key`, else the systemd credential, else the state folder."""
    if settings.audit.key:
        return settings.file.parent / settings.audit.key
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder and (Path(folder) / CREDENTIAL).exists():
        return Path(folder) / CREDENTIAL
    return own_key_file(settings)


def own_key_file(settings: "Settings") -> Path:
    """The key that mendd makes when it was given none."""
    return settings.state / "audit.key"
