"""What may not change while a session runs: its plan, its target's settings, its evaluation.

The hashes are taken at setup. Once one differs, every step refuses: a session whose judge was
exchanged half-way proves nothing.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from daemon.experiment.session import Metric, Plan, Session
from daemon.settings import Settings
from sandbox.tree import Tree


def policy_hash(plan: Plan, settings: Settings) -> str:
    """SHA-256 over the plan and the settings of its target and of research, as JSON."""
    held = {
        "plan": asdict(plan),
        "target": _plain(settings.target(plan.target)),
        "research": asdict(settings.research),
    }
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


def policy_complaint(session: Session, settings: Settings, tree: Tree) -> str | None:
    """Why nothing may be done in this session, or None while its policy stands."""
    now = policy_hash(session.plan, settings)
    if now != session.policy:
        return (
            f"the policy changed since the setup ({session.policy[:12]} then, {now[:12]} now): put "
            "the settings of the target and of [research] back, or finalize and set up anew"
        )
    if evaluation_hash(session.plan.metrics, tree) != session.evaluation:
        return (
            "the evaluation changed since the setup: put the files that the metrics' commands "
            "name back, or finalize and set up anew"
        )
    return None


def evaluation_files(metrics: Sequence[Metric], files: Collection[str]) -> tuple[str, ...]:
    """The files of the module that the commands name, as paths or as modules (`-m`)."""
    named: dict[str, None] = {}
    for metric in metrics:
        for before, word in zip(("", *metric.command), metric.command, strict=False):
            named |= dict.fromkeys(name for name in _meant(word, before == "-m") if name in files)
    return tuple(named)


def evaluation_hash(metrics: Sequence[Metric], tree: Tree) -> str:
    """What those files hold, as one hash."""
    digests = {entry.path: entry.extra for entry in tree.entries if entry.kind == "f"}
    lines = [f"{name} {digests[name]}\n" for name in evaluation_files(metrics, digests)]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _meant(word: str, is_module: bool) -> list[str]:
    value = word.rpartition("=")[2].partition("::")[0].removeprefix("./")
    if not is_module:
        return [value]
    path = value.replace(".", "/")
    return [f"{path}.py", f"{path}/__init__.py", f"{path}/__main__.py"]


def _plain(value: Any) -> Any:
    """Settings as JSON values."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | float | str | None) else str(value)
