"""Writes one job's steps into the trail, each event with the data docs/audit.md names."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from audit.record import Record
from audit.report import markdown_report, save_report
from audit.story import Story, story_of
from audit.trail import Trail
from daemon.apply import Applied, Reverted
from daemon.desk.intake import note_words
from daemon.desk.workshop import Workshop
from daemon.engines import Baseline, BugReport, Proposal, Reproduction, Spending
from daemon.gates import Refusal
from daemon.road.proof import Proof
from reflections.store import Work

MOST_OUTPUT = 8000
MOST_NAMES = 50
MOST_CALLS = 20


class Chronicle:
    """The records of one job, as they are written and once more for its report."""

    def __init__(self, trail: Trail, work: Work, target: str | None) -> None:
        self._trail = trail
        self._work = work
        self.target = target
        self.records: list[Record] = []
        self.attempt = 0

    def write(self, event: str, **data: Any) -> None:
        """One record about this work."""
        record = self._trail.append(event, reflection=self._work.id, target=self.target, data=data)
        self.records.append(record)

    def baseline(self, found: Baseline, tree: str, image: str) -> None:
        """How the unpatched copy behaves."""
        failing, flaky = found.failing, found.flaky
        self.write(
            "baseline",
            tests=len(found.outcomes),
            failing=list(failing[:MOST_NAMES]),
            failing_count=len(failing),
            flaky=list(flaky[:MOST_NAMES]),
            tree=tree,
            image=image,
        )

    def reported(self, report: BugReport, engine: str, model: str) -> None:
        """The bug report was made."""
        self.write("reported", engine=engine, model=model, **asdict(report))

    def reproduced(
        self, tests: tuple[str, ...], how: str, test: Reproduction | None = None
    ) -> None:
        """There is a test that fails now for the reported reason."""
        written = {"filename": test.filename, "code": test.code} if test else None
        self.write("reproduced", tests=list(tests[:MOST_NAMES]), how=how, written=written)

    def proposed(
        self, answer: Proposal, diff: str, *, engine: str, model: str, rival_diffs: list[str]
    ) -> None:
        """A patch is on the table; a new attempt begins."""
        self.attempt += 1
        self.write(
            "proposed",
            attempt=self.attempt,
            engine=engine,
            model=model,
            rationale=answer.patch.rationale,
            explanation=answer.explanation,
            diff=diff,
            rivals=rival_diffs,
            numbers=dict(answer.numbers),
        )

    def refused(self, refusal: Refusal) -> None:
        """A gate said no."""
        self.write("gate_refused", attempt=self.attempt, gate=refusal.gate, reason=refusal.reason)

    def asked_in_vain(self, calls: Sequence[str]) -> None:
        """Calls of an engine's answer were refused before they came to anything."""
        if calls:
            self.write("tool_refused", calls=list(calls[:MOST_CALLS]), count=len(calls))

    def tried(self, proof: Proof) -> None:
        """A trial ended, well or not."""
        judgement, trial = proof.judgement, proof.trial
        self.write(
            "trial",
            attempt=self.attempt,
            ending=trial.ending.value,
            accepted=judgement.accepted,
            evidence=judgement.evidence.value,
            reason=judgement.reason,
            tests=len(trial.outcomes),
            fixed=list(judgement.fixed[:MOST_NAMES]),
            failed_tests=list((*judgement.broken, *judgement.vanished)[:MOST_NAMES]),
            output=trial.output[-MOST_OUTPUT:],
            seconds=round(trial.seconds, 3),
        )

    def reviewed(self, advice: str) -> None:
        """All attempts of a cycle failed and the engine read the report of them."""
        self.write("reviewed", attempt=self.attempt, advice=advice)

    def applied(
        self,
        proof: Proof,
        done: Applied,
        *,
        patch_id: str,
        certificate: str,
        engine: str,
        model: str,
        spending: Spending,
    ) -> None:
        """The real module was changed."""
        self.write(
            "applied",
            patch=patch_id,
            files=list(done.files),
            diff=done.diff,
            evidence=proof.judgement.evidence.value,
            base_hash=done.base_hash,
            result_hash=done.result_hash,
            commit=done.commit,
            branch=done.branch,
            backup=str(done.backup) if done.backup else None,
            certificate=certificate,
            engine=engine,
            model=model,
            **cost_data(spending),
        )

    def reverted(self, done: Reverted, patch_id: str, reason: str) -> None:
        """A patch was taken back."""
        self.write(
            "reverted",
            patch=patch_id,
            reason=reason,
            files=list(done.files),
            commit=done.commit,
        )

    def words(self) -> str:
        """Everything so far as the Markdown an engine reads before it diagnoses itself."""
        return markdown_report(self._story())

    def save_report(self, shop: Workshop) -> None:
        """Write the report a person reads."""
        save_report(shop.reports, self._story())

    def _story(self) -> Story:
        story = story_of(self._work.id, self.records)
        return replace(story, note=note_words(self._work.reflection), kind=self._work.kind)


def cost_data(spending: Spending) -> dict[str, Any]:
    """What was spent, as record data; money as text because canonical JSON has no decimals."""
    written, read = spending.cache_write_tokens, spending.cache_read_tokens
    return {
        "tokens_in": spending.input_tokens + written + read,
        "tokens_out": spending.output_tokens,
        "calls": spending.calls,
        "cost_usd": f"{spending.cost_usd:.6f}",
    }
