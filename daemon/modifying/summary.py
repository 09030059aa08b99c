"""The one record of an instruction's whole run; also where a crash kept it from the trail."""

from collections.abc import Sequence
from typing import Any

from audit.record import Record
from daemon.modifying.begin import KIND, files_data
from daemon.modifying.instruction import BadInstruction, Instruction, instruction_from
from daemon.road.chronicle import Chronicle
from reflections.store import State, Work


def summary(
    wanted: Instruction, verdict: str, reason: str, records: Sequence[Record]
) -> dict[str, Any]:
    """The data of `modified`, by the run's records so far."""
    proposed = [each.data for each in records if each.event == "proposed"]
    applied = [each.data for each in records if each.event == "applied"]
    done = applied[-1] if applied else {}
    return {
        "instruction": wanted.words,
        "by": wanted.by,
        **files_data(wanted),
        "verdict": verdict,
        "reason": reason,
        "dry_run": wanted.dry_run,
        "attempts": len(proposed),
        "cycles": 1 + sum(each.event == "reviewed" for each in records),
        "branch": done.get("branch"),
        "commit": done.get("commit"),
        "diff": done.get("diff") or (proposed[-1]["diff"] if proposed else ""),
    }


def make_up_for_summary(work: Work, chronicle: Chronicle, reason: str) -> None:
    """Write `modified` for a run that was killed between its commit and this record.

    `chronicle` holds the work's records. What a person approved later had its record before.
    """
    if work.kind != KIND or work.state in (State.HELD, State.FROZEN):
        return
    told = [each for each in chronicle.records if each.event == "modified"]
    if any(each.data.get("verdict") == "applied" for each in told):
        return
    try:
        wanted = instruction_from(work.data.get(KIND, {}))
    except BadInstruction:
        return
    chronicle.write("modified", **summary(wanted, "applied", reason, chronicle.records))
