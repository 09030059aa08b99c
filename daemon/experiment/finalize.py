"""The end of a session: its reports, its winning edits for the archive, and its verdict.

Edits that are commits stand on their branch, each for itself; `mendd revert` takes the branch, or
what was merged of it, back as one. Edits that are none are held as one patch for a person.
"""

import contextlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from audit.durable import write_whole
from daemon.apply import Applied
from daemon.changes.change import digests, files_hash
from daemon.changes.rollback import saved_file
from daemon.experiment.lab import Lab
from daemon.experiment.land import whole_proof
from daemon.experiment.plot import svg
from daemon.experiment.report import markdown
from daemon.experiment.session import KEY, Session, Try
from daemon.experiment.status import status
from daemon.road import certify
from daemon.road.baseline import UnusableBaseline
from daemon.road.ending import Ending, Verdict
from sandbox.patch import PatchError, unified_diff

WINNING = "winning_edits"


def finalize(lab: Lab) -> Ending:
    """Write what is left of the session; how it ends. Doing it again changes nothing."""
    lab.job.stage("finalize", lab.session.end_reason)
    if lab.session.next != "over":
        tell(lab)
    session = lab.session
    lab.job.held_data[KEY] = session.to_json()
    lab.job.held_data[WINNING] = [winning(each, session) for each in session.kept]
    lab.job.held_data["recipes"] = [each.recipe for each in session.kept if each.recipe]
    lab.job.held_data["target"] = session.plan.target
    return _verdict(lab)


def tell(lab: Lab) -> None:
    """The reports, then the event."""
    session = replace(lab.session, next="over", driving=False)
    folder = saved_reports(lab, session)
    lab.note(
        session,
        "finalize",
        iteration=len(session.tries),
        end=session.end,
        reason=session.end_reason,
        kept=len(session.kept),
        tried=len(session.tries),
        best=session.best.middle if session.best else None,
        branch=session.branch if session.tip else None,
        report=str(folder / "report.md"),
        spent_usd=f"{session.spent_usd:.6f}",
    )


def _verdict(lab: Lab) -> Ending:
    session = lab.session
    words = f"{session.end}: {session.end_reason}"
    if not session.kept:
        return Ending(verdict=Verdict.REJECTED, reason=f"no edit was kept; {words}")
    count = "1 edit" if len(session.kept) == 1 else f"{len(session.kept)} edits"
    if lab.job.target.autonomy == "explain":
        return Ending(verdict=Verdict.EXPLAINED, reason=f"{count} found, none applied; {words}")
    if all(each.commit for each in session.kept):
        with contextlib.suppress(PatchError):  # the module went on; the branch is for a person
            lab.job.held_data["applied"] = as_one_change(lab).to_json()
        return Ending(verdict=Verdict.APPLIED, reason=f"{count} on {session.branch}; {words}")
    waits = "waits" if len(session.kept) == 1 else "wait"
    return _held(lab, f"{count} {waits} for a person, as one patch; {words}")


def _held(lab: Lab, reason: str) -> Ending:
    """What was kept as one patch, proven on the snapshot as it is now."""
    kept = lab.session.kept
    rationale = "\n\n".join(each.edit.hypothesis for each in kept)
    try:
        proof = whole_proof(lab, lab.overlay.changes, rationale)
    except (PatchError, UnusableBaseline) as error:
        return Ending(verdict=Verdict.HELD, reason=f"{reason}; it cannot be proven now: {error}")
    if not proof.judgement.accepted:
        why = proof.judgement.reason
        return Ending(verdict=Verdict.HELD, reason=f"{reason}; it cannot be applied now: {why}")
    lab.job.certified(proof)
    edit = kept[-1].edit
    lab.job.held_data |= certify.held_data(
        proof, (), [], engine=edit.engine or "given", model=edit.model, report=None,
        target=lab.session.plan.target,
    )  # fmt: skip
    return Ending(verdict=Verdict.HELD, reason=reason)


def winning(each: Try, session: Session) -> dict[str, Any]:
    """One kept edit with its gain and its evidence: what later work may learn from."""
    metric = session.plan.metric
    return {
        "hypothesis": each.edit.hypothesis,
        "kind": "gain",
        "metric": metric.name,
        "direction": metric.direction,
        "gain": each.gain,
        "value": each.value,
        "diff": each.edit.diff,
        "hunks": [asdict(hunk) for hunk in each.edit.hunks],
        "files": list(each.edit.patch.filenames),
        "engine": each.edit.engine or "given",
        "model": each.edit.model,
        "commit": each.commit,
        "evidence": {
            "baseline": session.baseline[metric.name].middle,
            "noise": each.noise,
            "runs": list(each.values),
            "command": list(metric.command),
            "suite": "passes as before",
        },
    }


def as_one_change(lab: Lab) -> Applied:
    """All commits of the branch as one change that can be taken back; the originals are saved."""
    session, job = lab.session, lab.job
    after: dict[str, bytes | None] = dict(lab.overlay.changes)
    before = {name: lab.snapshot.read(name) for name in after}
    backup = job.shop.backups / f"{job.short_id}-all"
    for name, data in before.items():
        if data is not None:
            write_whole(saved_file(backup, name), data)
    return Applied(
        id=f"{job.short_id}-all",
        root=job.target.path.resolve(),
        mode="branch",
        files=tuple(after),
        diff=unified_diff(before, after),
        base_hash=files_hash(digests(before)),
        result_hash=files_hash(digests(after)),
        before=digests(before),
        after=digests(after),
        commit=session.tip,
        branch=f"refs/heads/{session.branch}",
        backup=backup,
    )


def saved_reports(lab: Lab, session: Session) -> Path:
    """`report.md`, `report.json` and `plot.svg` in the session's own folder."""
    folder = report_folder(lab.job.shop.state, lab.job.work.id)
    told = status(session, id_=lab.job.work.id, state="finished")
    write_whole(folder / "report.md", markdown(session, lab.job.work.id).encode("utf-8", "replace"))
    write_whole(folder / "report.json", (json.dumps(told, indent=2) + "\n").encode())
    write_whole(folder / "plot.svg", svg(session).encode("utf-8", "replace"))
    return folder


def report_folder(state: Path, id_: str) -> Path:
    """Where a session's reports are."""
    from audit.durable import plain_name

    return state / "research" / plain_name(id_)
