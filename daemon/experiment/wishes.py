"""The arguments of each step, checked on arrival: commands, orders and agents send the same."""

from typing import Annotated, Literal

from pydantic import Field

from daemon.actions.action import Arguments

MOST_WORDS = 4_000
MOST_CODE = 40_000
MOST_COUNT = 1_000_000_000
Path = Annotated[str, Field(max_length=1000)]


class Setup(Arguments):
    """`research_setup`; what is left out is taken from the target's metric and `[research]`."""

    target: str = Field(default="", max_length=100, description="which target; empty: the only one")
    metric: str = Field(
        default="", max_length=40, description="which of the target's metrics, or a name"
    )
    command: list[Annotated[str, Field(max_length=MOST_WORDS)]] = Field(
        default=[],
        max_length=50,
        description="command that prints the number; empty: the metric's own",
    )
    pattern: str = Field(
        default="", max_length=500, description="regular expression with one group, the number"
    )
    direction: Literal["", "lower", "higher"] = Field(default="", description="which way is better")
    files: list[Path] = Field(
        default=[],
        max_length=50,
        description="files to experiment with; empty: the metric's own, or all",
    )
    frozen: list[Path] = Field(
        default=[], max_length=50, description="globs of what is never edited"
    )
    words: str = Field(
        default="", max_length=MOST_WORDS, description="anything an engine should know"
    )
    iterations: int | None = Field(default=None, ge=1, le=1000, description="edits tried at most")
    run_s: float | None = Field(
        default=None, ge=1, le=86_400, description="seconds one run may take"
    )
    spend_usd: float | None = Field(
        default=None, ge=0, le=1_000_000, description="what may be spent on models"
    )
    plateau: int | None = Field(
        default=None, ge=1, le=1000, description="edits without gain that end it"
    )
    epsilon: float | None = Field(default=None, ge=0, le=1, description="share of bold edits")
    seed: int | None = Field(
        default=None, ge=0, le=MOST_COUNT, description="same seed, same bold iterations"
    )
    noise_runs: int | None = Field(
        default=None, ge=2, le=100, description="runs that measure the noise"
    )
    confirm_runs: int | None = Field(
        default=None, ge=1, le=100, description="repeated runs of a gain"
    )


class Named(Arguments):
    """Steps that only need to know the session."""

    session: str = Field(
        default="", max_length=200, description="id of the session; empty: the open one"
    )


class GivenHunk(Arguments):
    """One line range and what shall stand there instead."""

    filename: str = Field(min_length=1, max_length=1000, description="file, from the root")
    start_line: int = Field(
        ge=1, le=MOST_COUNT, description="first line to replace, counted from 1"
    )
    end_line: int = Field(
        ge=0,
        le=MOST_COUNT,
        description="last line to replace, included; start_line - 1 inserts before it",
    )
    original_code: str = Field(max_length=MOST_CODE, description="exact text of those lines now")
    new_code: str = Field(max_length=MOST_CODE, description="what shall stand there")


class Edited(Named):
    """`research_edit`; without hunks an engine proposes the edit."""

    hypothesis: str = Field(
        default="", max_length=MOST_WORDS, description="why this change should better the metric"
    )
    hunks: list[GivenHunk] = Field(
        default=[], max_length=50, description="the edit; empty: ask an engine"
    )


class Stopped(Named):
    """`research_stop`"""

    reason: str = Field(default="", max_length=MOST_WORDS, description="why it is stopped")
