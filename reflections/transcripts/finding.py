"""What a detector says: which pattern, at which message, shown how."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One occurrence. `message` is where the agent went wrong: what came before led to it."""

    message: int
    excerpt: str
    tool: str = ""
