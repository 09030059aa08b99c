"""Turns a proof into what is kept of it: its certificate, and a held patch as plain data."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from audit.certificate import Certificate
from daemon.engines import Baseline, BugReport, Reproduction, Source
from daemon.road.proof import Goal, Proof
from daemon.settings import TargetSettings
from reflections.secrets import redact
from sandbox.patch import Hunk, Patch, PatchError, PatchMismatch, patched, unified_diff
from sandbox.trial import Run


def certificate(
    proof: Proof,
    *,
    reflection: str,
    target: TargetSettings,
    baseline: Baseline,
    created: datetime,
    engine: str,
    model: str,
) -> Certificate:
    """What was proven, replayable with `mendd verify`."""
    test = proof.goal.reproduction
    return Certificate(
        id=reflection,
        created=created.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        target=target.name,
        base_tree=proof.base_tree,
        result_tree=result_hash(proof),
        image=proof.image,
        test_command=target.tests,
        patch=tuple(asdict(hunk) for hunk in proof.patch.hunks),
        reproduction_test={"filename": test.filename, "code": test.code} if test else None,
        target_tests=proof.goal.tests,
        before={name: outcome.value for name, outcome in baseline.outcomes.items()},
        after=_outcomes(proof.trial),
        removed=_outcomes(proof.removal),
        flaky=baseline.flaky,
        evidence=proof.judgement.evidence.value,
        engine=engine,
        model=model or None,
    )


def result_hash(proof: Proof) -> str:
    """Names the patched tree: SHA-256 over the base tree's hash and every changed file."""
    whole = hashlib.sha256(proof.base_tree.encode())
    for name, data in sorted(proof.after.items()):
        whole.update(f"\0{name}\0{hashlib.sha256(data).hexdigest()}".encode())
    return whole.hexdigest()


def diff_or_empty(patch: Patch, source: Source) -> str:
    """The patch as a diff for people, secrets hidden; empty when it does not apply."""
    try:
        after = patched(patch, source.read)
    except (PatchMismatch, PatchError):
        return ""
    return redact(unified_diff({name: source.read(name) for name in after}, after))


def held_data(
    proof: Proof,
    rivals: Sequence[Patch],
    rival_diffs: Sequence[str],
    *,
    engine: str,
    model: str,
    report: BugReport | None,
    target: str,
) -> dict[str, object]:
    """A held patch as JSON data of the work; `held_patch` reads it back."""
    test = proof.goal.reproduction
    return {
        "patch": patch_json(proof.patch),
        "tests": list(proof.goal.tests),
        "reproduction": asdict(test) if test else None,
        "rivals": [patch_json(rival) for rival in rivals],
        "rival_diffs": list(rival_diffs),
        "diff": redact(proof.diff),  # for people; `patch` is what is applied
        "evidence": proof.judgement.evidence.value,
        "engine": engine,
        "model": model,
        "summary": report.summary if report else "",
        "target": target,
    }


def held_patch(data: Mapping[str, Any], choice: int = 0) -> tuple[Patch, Goal] | None:
    """The held patch (0) or one of its rivals (1 and up) with its goal, or None."""
    kept = [data.get("patch"), *data.get("rivals", [])]
    if not 0 <= choice < len(kept) or kept[choice] is None:
        return None
    test = data.get("reproduction")
    goal = Goal(
        tests=tuple(data.get("tests", ())),
        reproduction=Reproduction(**test) if test else None,
    )
    chosen = kept[choice]
    hunks = tuple(Hunk(**hunk) for hunk in chosen["hunks"])
    return Patch(hunks=hunks, rationale=chosen["rationale"]), goal


def patch_json(patch: Patch) -> dict[str, Any]:
    """A patch as JSON data."""
    return {"rationale": patch.rationale, "hunks": [asdict(hunk) for hunk in patch.hunks]}


def _outcomes(run: Run | None) -> dict[str, str]:
    return {name: outcome.value for name, outcome in run.outcomes.items()} if run else {}
