"""What `mendd check` says about the engine: placeholder-free, one finding per fact."""

from dataclasses import dataclass

from sandbox.container import Docker
from sandbox.errors import SandboxError


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact about the engine; `ok` None means: works, but is weaker than it could be."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def findings(docker: Docker) -> list[Finding]:
    """Everything there is to say about this engine."""
    try:
        version = docker.version()
    except SandboxError as fault:
        remedy = "start Docker, or set the address of an engine"
        return [Finding(name="engine", ok=False, detail=str(fault), remedy=remedy)]
    return [Finding(name="engine", ok=True, detail=f"Docker {version['Version']}")]
