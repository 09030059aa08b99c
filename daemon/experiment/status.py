"""What a session says of itself, running or finished, as plain JSON values."""

from typing import Any

from daemon.experiment.plot import best_so_far
from daemon.experiment.session import GATES, Level, Session, Try


def status(session: Session, *, id_: str, state: str) -> dict[str, Any]:
    """Everything `mendd research status` shows. `state` is the work's, or how it ended."""
    plan = session.plan
    outcomes = [each.outcome for each in session.tries]
    baseline, best = session.baseline.get(plan.metric.name), session.best
    return {
        "session": id_,
        "state": state,
        "target": plan.target,
        "metric": {
            "name": plan.metric.name,
            "direction": plan.metric.direction,
            "command": list(plan.metric.command),
            "pattern": plan.metric.pattern,
        },
        "next": session.next,
        "driving": session.driving,
        "iteration": len(session.tries),
        "iterations": plan.iterations,
        "baseline": _level(baseline),
        "best": _level(best),
        "gain": plan.metric.gain(baseline.middle, best.middle) if baseline and best else None,
        "best_so_far": best_so_far(session),
        **{name: outcomes.count(name) for name in ("kept", "reverted", "crashed", "refused")},
        **{f"{gate}_enforced": session.gates.enforced.get(gate) for gate in GATES},
        "rejections": dict(session.gates.rejections),
        "last_reason": session.gates.last_reason or None,
        "spent_usd": session.spent_usd,
        "spend_usd": plan.spend_usd,
        "branch": session.branch if session.tip else None,
        "tip": session.tip,
        "end": session.end or None,
        "end_reason": session.end_reason or None,
        "tries": [one(each) for each in session.tries],
    }


def one(each: Try) -> dict[str, Any]:
    """One iteration."""
    edit = each.edit
    return {
        "iteration": edit.iteration,
        "outcome": each.outcome,
        "hypothesis": edit.hypothesis,
        "bold": edit.bold,
        "engine": edit.engine or "given",
        "reason": each.reason,
        "value": each.value,
        "gain": each.gain,
        "noise": each.noise,
        "gate": each.gate or None,
        "commit": each.commit,
        "diff": edit.diff,
    }


def _level(level: Level | None) -> dict[str, Any] | None:
    if level is None:
        return None
    return {"value": level.middle, "noise": level.noise, "runs": list(level.values)}
