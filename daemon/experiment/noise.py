"""How far a metric jumps by itself, from a few runs of the same code.

The middle is the median. The noise is three robust standard deviations: 3 x 1.4826 x the median
absolute deviation (Rousseeuw and Croux, 1993), which one wild run does not blow up. Where more
than half of the runs agree that deviation is 0 although the metric may still jump; then the noise
is the range from the lowest to the highest run. A metric that never moves has no noise, and any
gain counts.
"""

from collections.abc import Sequence
from statistics import median

from daemon.experiment.session import Level

NORMAL = 1.4826  # makes the deviation of a normal distribution its standard deviation
WIDTH = 3.0


def level(values: Sequence[float], *, matches: int = 1) -> Level:
    """The middle and the noise of at least one run."""
    middle = median(values)
    deviation = median(abs(value - middle) for value in values)
    noise = WIDTH * NORMAL * deviation if deviation else max(values) - min(values)
    return Level(values=tuple(values), middle=middle, noise=noise, matches=matches)


def widest(*levels: Level) -> float:
    """The noise that a difference between these levels has to pass."""
    return max(each.noise for each in levels)
