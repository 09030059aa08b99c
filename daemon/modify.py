"""THE STORY of an instruction: what a person asks for, as a branch whose suite still passes.

There is nothing to diagnose: the task and its files are known when the work is opened
(daemon/modifying). From `attempts` on it is the same road as every repair.
"""

from dataclasses import replace

from daemon.cycle import attempts, in_turns
from daemon.engines import BugReport, EngineSession, Task
from daemon.engines.choose import lacks_model
from daemon.modifying.begin import KIND
from daemon.modifying.instruction import BadInstruction, Instruction, instruction_from
from daemon.modifying.lane import OFF, lane_for
from daemon.modifying.summary import summary
from daemon.road.ending import Ending, Verdict
from daemon.road.job import Job
from daemon.road.proof import Goal
from daemon.road.reproduce import names_test
from daemon.settings import Settings, TargetSettings
from reflections.store import Work

DRY_RUN = "dry run: the patch passed every gate and its trial; nothing was changed"
HELD = "proven, and waiting: without git there is no branch for it, so nothing was changed"


def modify(job: Job) -> Ending:
    """Carry an instruction out, and record how the run ended."""
    wanted = instruction_from(job.work.data[KIND])
    ending = carry_out(wanted, job)
    if ending.verdict is Verdict.EXPLAINED:
        ending = replace(ending, reason=DRY_RUN)
    elif ending.verdict is Verdict.HELD and job.target.git == "plain" and job.held_data.get("diff"):
        ending = replace(ending, reason=f"{HELD}; 'mendd approve {job.work.id}' applies it")
    record(wanted, ending, job)
    return ending


def modify_lane(work: Work, target: TargetSettings, settings: Settings) -> TargetSettings | Ending:
    """The target as this instruction may use it; settings and files may have changed since."""
    try:
        wanted = instruction_from(work.data.get(KIND, {}))
    except BadInstruction as error:
        return Ending(verdict=Verdict.DECLINED, reason=str(error))
    if not settings.modify.enabled:
        return Ending(verdict=Verdict.DECLINED, reason=OFF)
    return lane_for(wanted, target, settings)


def carry_out(wanted: Instruction, job: Job) -> Ending:
    """Let a model make the change; without one there is nobody who can read an instruction."""
    lacking = lacks_model(job.target.engine, job.shop.settings, job.shop.environ)
    if lacking:
        return Ending(verdict=Verdict.DECLINED, reason=lacking)
    files = tuple(each.filename for each in wanted.files)
    job.task = Task(kind="modify", words=wanted.words, files=files)
    first = wanted.files[0]
    job.report = BugReport(filename=first.filename, function=first.function, summary=wanted.words)
    return in_turns(one_cycle, job)


def one_cycle(session: EngineSession, job: Job) -> Ending:
    """Propose and try, fed with syntax errors and test output, until a patch passes."""
    assert job.report is not None
    goal = Goal(tests=named_tests(job.task.words, job))
    if goal.tests:
        job.reproduced(goal.tests, how="already failing in the suite, named in the instruction")
    return attempts(session, job.report, goal, job)


def named_tests(words: str, job: Job) -> tuple[str, ...]:
    """Tests that fail now and that the instruction names: the change has to make them pass."""
    said = {word.strip("`'\".,;:!?()") for word in words.split()}
    failing = job.baseline().failing
    return tuple(t for t in failing if any(len(w) > 5 and names_test(w, t) for w in said))


def record(wanted: Instruction, ending: Ending, job: Job) -> None:
    """One record for the whole run; what changed the code has its own records before it."""
    job.chronicle.write(
        "modified", **summary(wanted, ending.verdict.value, ending.reason, job.chronicle.records)
    )
