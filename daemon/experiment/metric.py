"""A number read from untrusted output with a person's regular expression, in bounded time.

The pattern is searched in a process of its own that is ended after a few seconds, since hostile
output can keep a careless pattern busy for years. `^` and `$` match at lines. The last match
counts; how many there are is kept, so that code which prints a metric of its own shows.
"""

import json
import math
import subprocess
import sys
from dataclasses import dataclass

from daemon.experiment.session import Metric

MOST_OUTPUT = 64 << 10  # characters, from the end
MOST_S = 3.0
LONGEST_NUMBER = 60
SEARCH = """
import json, re, sys
pattern, text = json.load(sys.stdin)
last, count = None, 0
for found in re.finditer(pattern, text, re.MULTILINE):
    last, count = found[1], count + 1
json.dump([last, count], sys.stdout)
"""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A metric as one output has it. `trouble` says why `value` is none."""

    value: float | None = None
    matches: int = 0
    trouble: str = ""


def read(metric: Metric, output: str) -> Reading:
    """The metric in this output."""
    found = _searched(metric.pattern, output[-MOST_OUTPUT:])
    if isinstance(found, str):
        return Reading(trouble=f"metric {metric.name}: {found}")
    text, count = found
    if not count:
        words = f"the pattern {metric.pattern!r} matches nothing in the output"
        return Reading(trouble=f"metric {metric.name}: {words}")
    value = number(text)
    if value is None:
        shown = repr(text)[:LONGEST_NUMBER]
        return Reading(matches=count, trouble=f"metric {metric.name}: {shown} is no finite number")
    return Reading(value=value, matches=count)


def number(text: str | None) -> float | None:
    """The text as a finite number, or None."""
    try:
        value = float((text or "")[: LONGEST_NUMBER + 1])
    except ValueError:
        return None
    return value if math.isfinite(value) and len(text or "") <= LONGEST_NUMBER else None


def _searched(pattern: str, output: str) -> tuple[str | None, int] | str:
    """The group of the last match and the number of matches; else why there is no telling."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", SEARCH],
            input=json.dumps([pattern, output]),
            capture_output=True,
            text=True,
            check=True,
            timeout=MOST_S,
        )
        last, count = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return f"the pattern {pattern!r} took more than {MOST_S:g} s; make it simpler"
    except (subprocess.CalledProcessError, ValueError) as error:
        return f"the pattern {pattern!r} cannot be searched: {error}"
    return last, count
