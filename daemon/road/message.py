"""The message of a commit: what was done, why, and for which piece of work.

Models and notes have their say in it, so what other programs take for an order is taken apart.
"""

import re

from daemon.engines import BugReport
from daemon.road.proof import Proof
from reflections.fields import clean
from reflections.work import Work

LONGEST_SUBJECT = 72
LONGEST_BODY = 8000
_ORDERS = re.compile(  # what keeps GitHub, GitLab, Azure and others from testing a commit
    r"\[(?P<words>(?:skip|no|azurepipelines)[ -]?ci|(?:ci|actions)[ -]?skip|skip[ -]?actions)\]"
    r"|\*{3}(?P<starred>NO_CI)\*{3}|^(?P<trailer>skip-checks):",
    re.IGNORECASE | re.MULTILINE,
)


def commit_message(work: Work, report: BugReport | None, proof: Proof) -> str:
    """Subject and body. Work that brings its own subject (an instruction) keeps it."""
    place = ", ".join(proof.patch.filenames)
    if report:
        place = report.function or report.filename
    subject = " ".join(harmless(str(work.data.get("subject") or f"mend {place}")).split())
    summary = report.summary if report else work.reflection.outcome or work.reflection.task_summary
    body = "\n\n".join(filter(None, (harmless(summary), harmless(proof.patch.rationale))))
    return f"{f'mendd: {subject}'[:LONGEST_SUBJECT]}\n\n{body}\n\nMendd-Reflection: {work.id}\n"


def harmless(words: str) -> str:
    """The words without secrets and control signs, and without orders to whoever tests commits."""
    said = _ORDERS.sub(lambda found: f"({found[found.lastgroup or 0]})", clean(words))
    return said[:LONGEST_BODY]
