"""What settings must be to each other, once each is right by itself: plain values in, faults out.

The idle supervisor comes through here, so what only some configurations need is imported then.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daemon.settings import LearnSettings, TargetSettings
from sandbox.module import Limits

SectionFault = tuple[str, str, str]  # section, key, what
TargetFault = tuple[int, str, str]  # which target, key, what


def section_faults(sections: Mapping[str, Any]) -> Iterator[SectionFault]:
    """Faults over whole sections; one that could not be read (None) is passed over."""
    for name, check in CHECKS.items():
        if sections[name] is not None:
            yield from ((name, key, what) for key, what in check(sections[name]))


def _limits(sandbox: Any) -> Iterator[tuple[str, str]]:
    """Each number may be right and the sum still too much."""
    try:
        Limits(memory_mib=sandbox.memory_mib, tmpfs_mib=sandbox.tmpfs_mib)
    except ValueError as error:
        yield "memory_mib", str(error)


def _share(research: Any) -> Iterator[tuple[str, str]]:
    if research.epsilon > 1:
        yield "epsilon", "must be at most 1"


def _every(service: Any) -> Iterator[tuple[str, str]]:
    if service.every:
        from daemon.supervision.crontab import crontab  # APScheduler

        try:
            crontab(service.every)
        except ValueError as error:
            yield "every", str(error)


def _habits(learn: Any) -> Iterator[tuple[str, str]]:
    """Habits of one's own need an expression that compiles and a rule that may be written."""
    if learn != LearnSettings():
        from daemon.config.habits import faults

        yield from faults(learn)


CHECKS = {"sandbox": _limits, "service": _every, "research": _share, "learn": _habits}


def target_faults(targets: Sequence[TargetSettings]) -> Iterator[TargetFault]:
    """Names that stand twice; stages that stand before no real target, or before one that has one.

    A stage stands before one real target, which has no other stage and is none itself.
    """
    names = {target.name: target for target in targets}
    seen: set[str] = set()
    staged: set[str] = set()
    for nth, target in enumerate(targets):
        if target.name in seen:
            yield nth, "name", f"{target.name!r} stands twice"
        what = _stage_fault(target, names, staged)
        if what:
            yield nth, "stage_of", what
        seen.add(target.name)
        staged.add(target.stage_of)


def _stage_fault(
    target: TargetSettings, names: Mapping[str, TargetSettings], staged: set[str]
) -> str | None:
    behind = names.get(target.stage_of)
    if not target.stage_of:
        return None
    if behind is None:
        return f"no target is called {target.stage_of!r}; known are {', '.join(names)}"
    if behind is target or behind.stage_of:
        return "a stage stands before a target that is no stage itself"
    if target.git == "branch":
        return 'a stage runs its patches, so it cannot have git = "branch"'
    return f"{target.stage_of!r} has a stage already" if target.stage_of in staged else None
