"""Runs the metrics' commands in the sandbox, on the snapshot with some changes.

What the code does (crash, hang, print nonsense) is a Sample with its trouble; that the sandbox
could not run it at all is an exception, as everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence

from daemon.experiment.lab import Lab
from daemon.experiment.metric import read
from daemon.experiment.session import Metric, Sample
from daemon.road.ending import Killed
from daemon.road.job import START_S
from sandbox.trial import Ending, Outcome, Run

MOST_KEPT = 4000  # characters of the output's end
EXIT = "exit code"
ENDED = {
    Ending.OUT_OF_MEMORY: "it used more memory than a run has",
    Ending.FLOODED: "it printed without end",
    Ending.FORGED: "it tampered with its report",
    Ending.CRASHED: "its process died",
    Ending.NO_TESTS: "it told no exit code",
}


def measure(lab: Lab, changes: Mapping[str, bytes], metrics: Sequence[Metric]) -> Sample:
    """One run of each command these metrics need; it ends at the first trouble.

    Raises SandboxError and Killed.
    """
    sample = Sample()
    for command in dict.fromkeys(metric.command for metric in metrics):
        run = _ran(lab, command, changes)
        wanted = [metric for metric in metrics if metric.command == command]
        sample = _added(sample, sample_of(run, wanted, lab.session.plan.run_s))
        if sample.trouble:
            break
    return sample


def _ran(lab: Lab, command: tuple[str, ...], changes: Mapping[str, bytes]) -> Run:
    job, limit = lab.job, lab.session.plan.run_s
    with job.shop.beacon.beating(2 * limit + START_S):
        run = lab.bench(command).run(changes, timeout_s=limit, stop=job.stop)
    if job.stop.asked():
        raise Killed
    return run


def sample_of(run: Run, metrics: Iterable[Metric], limit: float) -> Sample:
    """What one run of a command says about its metrics. `limit`: its time, in seconds."""
    trouble = _trouble(run, limit)
    kept = Sample(trouble=trouble, output=run.output[-MOST_KEPT:], seconds=round(run.seconds, 3))
    if trouble:
        return kept
    readings = {metric.name: read(metric, run.output) for metric in metrics}
    return Sample(
        values={name: each.value for name, each in readings.items() if each.value is not None},
        matches={name: each.matches for name, each in readings.items()},
        trouble="; ".join(each.trouble for each in readings.values() if each.trouble),
        output=kept.output,
        seconds=kept.seconds,
    )


def _trouble(run: Run, limit: float) -> str:
    """Why the command's output does not count, or nothing."""
    if run.ending is Ending.TIMED_OUT:
        return f"it did not come to an end within {limit:g} s"
    if run.ending is not Ending.FINISHED:
        detail = f" ({run.detail})" if run.detail else ""
        return f"{ENDED.get(run.ending, run.ending.value)}{detail}"
    if EXIT in run.outcomes and run.outcomes[EXIT] is not Outcome.PASSED:
        return f"it ended with {run.messages.get(EXIT) or 'an exit code other than 0'}"
    failed = [
        test for test, was in run.outcomes.items() if was in (Outcome.FAILED, Outcome.ERROR)
    ]  # of a pytest command
    if failed:
        return f"tests fail: {', '.join(failed[:3])}"
    return ""


def _added(one: Sample, other: Sample) -> Sample:
    return Sample(
        values={**one.values, **other.values},
        matches={**one.matches, **other.matches},
        trouble=other.trouble,
        output=other.output if other.trouble or not one.output else one.output,
        seconds=round(one.seconds + other.seconds, 3),
    )
