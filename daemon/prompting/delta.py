"""A decision as a patch: a few lines between the marks of the prompt file."""

from daemon.prompting.decide import Decision
from daemon.prompting.section import delta
from sandbox.patch import Patch


def patch_of(decision: Decision, filename: str, text: str | None) -> Patch:
    """The patch; its rationale names each rule with what speaks for or against it."""
    hunks = delta(
        filename,
        text,
        add=[record.rule for record in decision.add],
        remove={record.id for record in decision.retire},
    )
    reasons = [f"add {each.id} (confidence {each.confidence:.2f})" for each in decision.add]
    reasons += [f"take out {each.id}: {each.why}" for each in decision.retire]
    return Patch(hunks=hunks, rationale="; ".join(reasons))
