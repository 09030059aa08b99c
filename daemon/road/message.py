"""The message of a commit: what was done, why, and for which piece of work."""

from daemon.engines import BugReport
from daemon.road.proof import Proof
from reflections.work import Work

LONGEST_SUBJECT = 72


def commit_message(work: Work, report: BugReport | None, proof: Proof) -> str:
    """Subject and body. Work that brings its own subject (an instruction) keeps it."""
    place = ", ".join(proof.patch.filenames)
    if report:
        place = report.function or report.filename
    subject = " ".join(str(work.data.get("subject") or f"mend {place}").split())
    summary = report.summary if report else work.reflection.outcome or work.reflection.task_summary
    body = "\n\n".join(filter(None, (summary.strip(), proof.patch.rationale.strip())))
    return f"{f'mendd: {subject}'[:LONGEST_SUBJECT]}\n\n{body}\n\nMendd-Reflection: {work.id}\n"
