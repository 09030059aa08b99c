"""A session's plan: what was asked for, else what the target's metrics and `[research]` say."""

from typing import TypeVar

from daemon.config.config_file import pattern_complaint
from daemon.experiment.session import Metric, Plan
from daemon.experiment.setup import SetupFailed
from daemon.experiment.wishes import Setup
from daemon.settings import MetricSettings, ResearchSettings, TargetSettings

T = TypeVar("T")
UNNAMED = "metric"


def plan_of(wish: Setup, target: TargetSettings, research: ResearchSettings) -> Plan:
    """The plan. Raises SetupFailed when it names no metric that can be read."""
    chosen, metric = _metric(wish, target)
    complaint = pattern_complaint(metric.pattern)
    if complaint:
        raise SetupFailed(f"the pattern {metric.pattern!r} {complaint}")
    return Plan(
        target=target.name,
        metric=metric,
        guards=tuple(_of(each) for each in target.metric if each.name != metric.name),
        files=tuple(wish.files or (chosen.files if chosen else ())),
        frozen=(*wish.frozen, *(glob for each in target.metric for glob in each.frozen)),
        words=wish.words,
        iterations=_or(wish.iterations, research.iterations),
        run_s=_or(wish.run_s, research.run_s),
        spend_usd=_or(wish.spend_usd, research.spend_usd),
        plateau=_or(wish.plateau, research.plateau),
        epsilon=_or(wish.epsilon, research.epsilon),
        seed=_or(wish.seed, research.seed),
        noise_runs=_or(wish.noise_runs, research.noise_runs),
        confirm_runs=_or(wish.confirm_runs, research.confirm_runs),
    )


def _metric(wish: Setup, target: TargetSettings) -> tuple[MetricSettings | None, Metric]:
    """The metric that is optimised, and the table it comes from if it is the target's."""
    named = [each for each in target.metric if wish.metric in ("", each.name)]
    if wish.command or wish.pattern:
        known = named[0] if named and wish.metric else None
        command = tuple(wish.command) or (known.command if known else ())
        pattern = wish.pattern or (known.pattern if known else "")
        if not (command and pattern):
            raise SetupFailed("a metric needs both: a command, and a pattern with one group")
        direction = wish.direction or (known.direction if known else "lower")
        name = wish.metric or UNNAMED
        return known, Metric(name=name, command=command, pattern=pattern, direction=direction)
    if not named:
        known_names = ", ".join(each.name for each in target.metric)
        raise SetupFailed(
            f"target {target.name} has no metric {wish.metric!r}; it has {known_names}"
            if known_names
            else f"target {target.name} defines no metric: give a command and a pattern, or add a "
            "[[target.metric]] table to the configuration"
        )
    metric = _of(named[0])
    if wish.direction and wish.direction != metric.direction:
        raise SetupFailed(f"for metric {metric.name} {metric.direction} is better, by the settings")
    return named[0], metric


def _of(settings: MetricSettings) -> Metric:
    return Metric(
        name=settings.name,
        command=settings.command,
        pattern=settings.pattern,
        direction=settings.direction,
    )


def _or(wished: T | None, usual: T) -> T:
    return usual if wished is None else wished
