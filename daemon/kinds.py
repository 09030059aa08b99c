"""The four kinds of work: which story each one is, and with what variation of its target.

All of them are `Work` in the store and go through the worker's edge, a Job, the gates, the trial,
the verdict and the settling of the same modules; a kind only says what differs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from daemon.cycle import mend
from daemon.experiment.performance import performance
from daemon.learn import learn
from daemon.modify import modify, modify_lane
from daemon.promote import on_its_stage, promote
from daemon.prompting.lane import prompt_lane
from daemon.research import lane as research_lane
from daemon.research import research
from daemon.road.ending import Ending
from daemon.road.job import Job
from daemon.settings import Settings, TargetSettings
from reflections.store import Work

Lane = Callable[[Work, TargetSettings, Settings], TargetSettings | Ending]
Story = Callable[[Job], Ending]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of work. `lane`: the target as this work may use it, or why it may not be done."""

    story: Story
    lane: Lane


def as_it_is(work: Work, target: TargetSettings, settings: Settings) -> TargetSettings:
    """The target with its own settings."""
    return target


KINDS: dict[str, Kind] = {
    "bug": Kind(story=mend, lane=on_its_stage),
    "modify": Kind(story=modify, lane=modify_lane),
    "promotion": Kind(story=promote, lane=as_it_is),
    "experiment": Kind(story=research, lane=research_lane),
    "performance": Kind(story=performance, lane=as_it_is),
    "behaviour": Kind(story=learn, lane=prompt_lane),
}


def kind_of(work: Work) -> Kind:
    """The kind of a piece of work; what nobody knows (an older store) is mended like a bug."""
    return KINDS.get(work.kind, KINDS["bug"])
