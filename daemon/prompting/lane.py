"""The target as the learner may use it: its prompt file, and nothing else."""

from dataclasses import replace
from glob import escape

from daemon.road.ending import Ending, Verdict
from daemon.settings import Autonomy, Settings, TargetSettings
from reflections.work import Work

# No test can fail for want of a rule, so "proven" cannot be asked of one: its confidence, its
# replays and later sessions speak for it instead.
AUTONOMY: dict[Autonomy, Autonomy] = {"apply-proven": "apply-any"}


def prompt_lane(work: Work, target: TargetSettings, settings: Settings) -> TargetSettings | Ending:
    """The target with its prompt file (or the one the order names) as all that may be edited."""
    ordered = str(work.data.get("prompt") or "")
    prompt = ordered or target.prompt
    if not prompt:
        reason = (
            f"{target.name} has no prompt file; set `prompt` for it in the settings, or name one "
            "with 'mendd learn --prompt'"
        )
        return Ending(verdict=Verdict.DECLINED, reason=reason)
    if ordered and ordered != target.prompt and not (target.path / ordered).is_file():
        reason = f"there is no {ordered} in {target.name}; only a `prompt` of the settings is made"
        return Ending(verdict=Verdict.DECLINED, reason=reason)
    return replace(
        target,
        prompt=prompt,
        edit=(escape(prompt),),
        autonomy=AUTONOMY.get(target.autonomy, target.autonomy),
        attempts=1,
        cycles=0,
        max_files=1,
        region_edits=0,  # a rule that went is not added again: nothing can go back and forth
        stage_of="",
    )
