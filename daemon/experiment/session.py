"""All that a session of experiments is, as one value that goes into the store and comes back.

`next` names the step that is due, so a session that was killed anywhere goes on there. Values
only; the steps are in their own files.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from reflections.store import Work
from sandbox.patch import Hunk, Patch

KEY = "experiment"  # where a session stands in its work's data
PRIORITY = -10  # bugs come first

Direction = Literal["lower", "higher"]
Step = Literal["setup", "edit", "run", "decide", "keep", "finalize", "over"]
Outcome = Literal["kept", "reverted", "crashed", "refused"]
End = Literal["", "iterations", "budget", "plateau", "stopped", "finalized", "failed"]
OVER = ("finalize", "over")  # nothing more is tried; "over": the end is told, not yet archived
GATES = ("policy", "confirmation", "metrics", "suite")


class NoSession(Exception):
    """The work holds no session, or one that cannot be read; says which."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that a command prints."""

    name: str
    command: tuple[str, ...]
    pattern: str
    direction: Direction = "lower"

    def gain(self, before: float, after: float) -> float:
        """How much better `after` is; negative when it is worse."""
        return before - after if self.direction == "lower" else after - before


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was agreed when the session was set up; it never changes after that."""

    target: str
    metric: Metric
    guards: tuple[Metric, ...] = ()  # the target's other metrics, which may not get worse
    files: tuple[str, ...] = ()  # where edits may be made; empty: all that the target allows
    frozen: tuple[str, ...] = ()  # globs of what an edit may not touch, the evaluation above all
    words: str = ""  # what the person in charge says about it
    note: str = ""  # the words of a stranger's note that opened it
    iterations: int
    run_s: float
    spend_usd: float
    plateau: int
    epsilon: float
    seed: int
    noise_runs: int
    confirm_runs: int

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metric that is optimised, then the ones that guard."""
        return (self.metric, *self.guards)


@dataclass(frozen=True, kw_only=True)
class Level:
    """What a metric comes to over several runs of the same code (daemon/experiment/noise.py)."""

    values: tuple[float, ...]
    middle: float
    noise: float
    matches: int = 1  # how often the pattern was found in one output


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One run of one or several commands: what was read, or why nothing could be."""

    values: dict[str, float] = field(default_factory=dict)  # by the metric's name
    matches: dict[str, int] = field(default_factory=dict)
    trouble: str = ""  # the code crashed, took too long, printed no metric …
    output: str = ""  # the end of it
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One focused change and the hypothesis behind it."""

    iteration: int  # counts from 1
    hypothesis: str
    hunks: tuple[Hunk, ...]  # on the snapshot with what was kept before
    diff: str
    bold: bool = False
    engine: str = ""  # empty: given by the caller
    model: str = ""

    @property
    def patch(self) -> Patch:
        """The edit as a patch."""
        return Patch(hunks=self.hunks, rationale=self.hypothesis)


@dataclass(frozen=True, kw_only=True)
class Try:
    """An iteration that is over."""

    edit: Edit
    outcome: Outcome
    reason: str
    value: float | None = None
    gain: float | None = None
    noise: float | None = None
    values: tuple[float, ...] = ()  # every run of the edit, the first one included
    gate: str = ""  # which one refused it
    commit: str | None = None
    recipe: str = ""  # the id of what was learnt from it
    output: str = ""


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What stood between better and kept: whether each could run, what each refused."""

    enforced: dict[str, bool | None] = field(default_factory=lambda: dict.fromkeys(GATES))
    rejections: dict[str, int] = field(default_factory=lambda: dict.fromkeys(GATES, 0))
    last_reason: str = ""

    def ran(self, gate: str) -> "Gates":
        """The gate could run."""
        return replace(self, enforced={**self.enforced, gate: True})

    def refused(self, gate: str, reason: str, *, ran: bool = True) -> "Gates":
        """The gate said no, or could not run, which is never a yes."""
        return replace(
            self,
            enforced={**self.enforced, gate: ran},
            rejections={**self.rejections, gate: self.rejections.get(gate, 0) + 1},
            last_reason=f"{gate}: {reason}",
        )


@dataclass(frozen=True, kw_only=True)
class Session:
    """Where a session stands. `best` and `baseline` are levels by the metric's name."""

    plan: Plan
    policy: str  # hash of what may not change (daemon/experiment/policy.py)
    next: Step = "setup"
    driving: bool = False  # the service goes on by itself; else each step is asked for
    tree: str = ""  # hash of the snapshot the levels were measured on
    evaluation: str = ""  # hash of the files that the metrics' commands name
    baseline: dict[str, Level] = field(default_factory=dict)
    best: Level | None = None
    edit: Edit | None = None  # the iteration under way
    sample: Sample | None = None
    decision: Try | None = None  # better and confirmed: all that is left is to keep it
    candidate: Level | None = None  # what the metric comes to with it
    tries: tuple[Try, ...] = ()
    branch: str = ""
    tip: str | None = None  # the last commit on that branch
    gates: Gates = field(default_factory=Gates)
    spent_usd: float = 0.0
    end: End = ""
    end_reason: str = ""
    told: int = 0  # events so far; each carries its number
    untold: dict[str, Any] | None = None  # the last one, while it is not surely in the trail

    @property
    def iteration(self) -> int:
        """The number of the iteration under way, or of the next one."""
        return len(self.tries) + 1

    @property
    def kept(self) -> tuple[Try, ...]:
        """The edits that stand."""
        return tuple(each for each in self.tries if each.outcome == "kept")

    def ended(self, end: End, reason: str) -> "Session":
        """The session at its end: nothing more is tried."""
        cleared = replace(self, edit=None, sample=None, decision=None, candidate=None)
        return replace(cleared, next="finalize", end=end, end_reason=reason)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives the same session back."""
        text = json.dumps(asdict(self), allow_nan=False, ensure_ascii=False)
        value: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))  # no lone surrogates
        return value

    @classmethod
    def from_json(cls, data: Any) -> "Session":
        """The session `to_json` wrote. Raises NoSession: a member more, less or of another kind."""
        from pydantic import TypeAdapter, ValidationError, with_config

        adapter = TypeAdapter(with_config(extra="forbid")(cls))
        try:
            session: Session = adapter.validate_json(json.dumps(data), strict=True, extra="forbid")
        except (ValidationError, ValueError, TypeError) as error:
            raise NoSession(f"its session cannot be read: {str(error)[:600]}") from None
        return session


def session_of(work: Work) -> Session:
    """The session of a piece of work. Raises NoSession."""
    if KEY not in work.data:
        raise NoSession(f"{work.id} is no session of experiments")
    return Session.from_json(work.data[KEY])


def kept_in(record: Mapping[str, Any]) -> Session:
    """The session of an archived record. Raises NoSession."""
    extra = record.get("extra") or {}
    return Session.from_json(extra.get(KEY) or record["work"]["data"].get(KEY))
