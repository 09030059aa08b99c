"""The target as an instruction may use it, and what has to be right before work begins."""

from collections.abc import Mapping
from dataclasses import replace

from daemon.changes.gitrepo import find_repository
from daemon.engines.choose import lacks_model
from daemon.modifying.infer import Chosen, Unclear, infer
from daemon.modifying.instruction import BadInstruction, Instruction
from daemon.modifying.live import LiveModule
from daemon.settings import EngineName, Settings, TargetSettings

OURS = "mendd/modify"  # branches of our own begin with it
OFF = "instructions are switched off; set `enabled = true` in the section [modify] of the settings"


def lane_for(wanted: Instruction, target: TargetSettings, settings: Settings) -> TargetSettings:
    """The target with a person's authority and the limits of [modify].

    Where there is git, the change becomes a commit on a branch of its own and no file of the work
    tree is touched. Where there is none there is no such place, so the proven patch is held until
    the person approves it. History does not ask for a person: one gave the instruction.
    """
    limits = settings.modify
    retries = limits.retries if wanted.retries is None else wanted.retries
    branch = has_branches(target)
    engine: EngineName = wanted.engine or target.engine  # type: ignore[assignment]
    return replace(
        target,
        engine=engine,
        autonomy="explain" if wanted.dry_run else "apply-any" if branch else "propose",
        git="branch" if branch else "plain",
        attempts=1 + retries,
        cycles=limits.cycles if wanted.cycles is None else wanted.cycles,
        folders=limits.folders or target.folders,
        max_kib=limits.max_kib,
        max_files=limits.max_files,
        max_lines=limits.max_lines,
        region_edits=0,
        day_patches=0,
        prompt="",  # a person may ask for any change of a prompt file that `edit` allows
        keep_reproduction_tests=False,
        stage_of="",  # a branch is not live, so nothing is handed on by itself
    )


def has_branches(target: TargetSettings) -> bool:
    """Whether a change can have a branch: the target lies in git, and git is to be used."""
    return target.git != "plain" and find_repository(target.path) is not None


def ready(wanted: Instruction, settings: Settings, environ: Mapping[str, str]) -> Instruction:
    """The instruction with its files, once everything is as it has to be. Raises BadInstruction.

    Files that bring no reason were given by a person; with none at all they are inferred.
    """
    if not settings.modify.enabled:
        raise BadInstruction(OFF)
    target = settings.target(wanted.target or None)
    if target is None:
        known = ", ".join(each.name for each in settings.targets)
        what = f"no target is called {wanted.target!r}" if wanted.target else "which target?"
        raise BadInstruction(f"{what}; choose with --target, known are: {known}")
    lane = lane_for(wanted, target, settings)
    lacking = lacks_model(lane.engine, settings, environ)
    if lacking:
        raise BadInstruction(lacking)
    taken = branch_taken(wanted.branch, lane)
    if taken:
        raise BadInstruction(taken)
    return replace(wanted, target=target.name, files=chosen_files(wanted, lane, settings))


def chosen_files(
    wanted: Instruction, lane: TargetSettings, settings: Settings
) -> tuple[Chosen, ...]:
    """The files to work on, allowed and with the reason for each. Raises BadInstruction."""
    module = LiveModule(lane, settings)
    names = [each.filename for each in wanted.files]
    if names and all(each.why for each in wanted.files):
        refused = [said for name in names if (said := module.complaint(name))]
        if refused:
            raise BadInstruction("; ".join(refused))
        return wanted.files
    found = infer(wanted.words, names, module)
    if isinstance(found, Unclear):
        raise BadInstruction(found.reason)
    return found


def branch_taken(name: str, lane: TargetSettings) -> str | None:
    """Why a branch of that name ("": one of our own) cannot be begun, or None.

    In git `a` and `a/b` cannot both be branches.
    """
    repository = find_repository(lane.path) if lane.git == "branch" else None
    if repository is None:
        return (
            f"{lane.path} has no git in use, so there can be no branch {name!r}" if name else None
        )
    parts = (name or OURS).split("/")
    for count in range(1, len(parts) + 1):
        there = "/".join(parts[:count])
        if repository.commit_id(f"refs/heads/{there}") is not None:
            what = "exists already" if there == name else f"keeps {name or OURS!r} from being made"
            return f"the branch {there!r} {what}; give another name with --branch, or delete it"
    below = f"refs/heads/{name}/"
    if name and repository.git("for-each-ref", "--count=1", "--format=%(refname)", below):
        return f"there are branches below {name + '/'!r}; give another name with --branch"
    return None
