"""Why this patch, in words a reviewer can check."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.edits import hunks
from daemon.engines.search.localise import Suspicion


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What a search has done."""

    screened: int
    plausible: int
    seconds: float
    cut_by: str = ""  # the budget that ended it early, if one did

    @property
    def rate(self) -> float:
        """Candidates a second."""
        return self.screened / self.seconds if self.seconds > 0 else 0.0

    def words(self) -> str:
        """One line for the progress display."""
        return (
            f"screened {self.screened:,} candidates, {self.rate:.0f}/s, {self.plausible} plausible"
        )


def rationale(candidate: Candidate, suspicion: float, goal: Sequence[str]) -> str:
    """For the patch itself: where, what, and what it turns green. No figures that vary by run."""
    hunk = hunks(candidate.program, candidate.edit)[0]
    before, after = _first_change(hunk.original, hunk.replacement)
    place = f"{candidate.program.filename}:{candidate.edit.line}"
    where = f" in {candidate.function}" if candidate.function else ""
    tests = goal[0] if len(goal) == 1 else f"{len(goal)} failing tests ({goal[0]}, …)"
    change = f"`{before}` becomes `{after}`" if before else f"`{after}` is added"
    if before and not after:
        change = f"`{before}` is taken out"
    return (
        f"{place}{where}: {change} ({candidate.edit.template}). The line's suspicion by the tests' "
        f"coverage is {suspicion:.2f}; with the change {tests} pass and no other test breaks."
    )


def _first_change(original: str, replacement: str) -> tuple[str, str]:
    """The first line that differs, before and after."""
    old = [line.strip() for line in original.split("\n")]
    new = [line.strip() for line in replacement.split("\n")]
    gone = [line for line in old if line and line not in new]
    come = [line for line in new if line and line not in old]
    return (gone[0] if gone else ""), (come[0] if come else "")


def story(tally: Tally, chosen: str, rivals: int) -> str:
    """For the report: how the search went and why this patch was preferred."""
    text = (
        f"{tally.screened:,} candidates were tried in {tally.seconds:.1f} s "
        f"({tally.rate:.0f} a second); {tally.plausible} passed every test. {chosen}"
    )
    if rivals:
        text += f" {rivals} more behave differently and could not be ruled out."
    return text + (f" The search was cut short by its {tally.cut_by}." if tally.cut_by else "")


def suspicious_lines(suspicion: Suspicion, texts: dict[str, list[str]], most: int = 8) -> list[str]:
    """ "file.py:12 text of the line", the most suspicious first."""
    found = []
    for filename, line in suspicion.ranked():
        lines = texts.get(filename)
        if lines is not None and 0 < line <= len(lines) and lines[line - 1].strip():
            found.append(f"{filename}:{line} {lines[line - 1].strip()}")
        if len(found) == most:
            break
    return found
