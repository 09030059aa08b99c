"""One reflection on the bench: its target's snapshot, what engines may see, and its record.

The cycle says what happens; a Job knows with what, and lets each step be recorded (chronicle.py)
and shown (progress.py).
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import Self

from audit.certificate import Certificate
from daemon.apply import Applied
from daemon.checks.scope import Scope
from daemon.checks.special_case import test_source
from daemon.desk.workshop import Unusable, Workshop
from daemon.engines import (
    MEND,
    Baseline,
    BugReport,
    Case,
    Engine,
    EngineSession,
    Feedback,
    NoPatch,
    Proposal,
    Reproduction,
    Spender,
    Spending,
)
from daemon.gates import Refusal, check
from daemon.learning.gather import learnt
from daemon.road import certify
from daemon.road.baseline import UnusableBaseline, baseline
from daemon.road.case_checks import patch_complaint, report_complaint
from daemon.road.chronicle import Chronicle
from daemon.road.ending import Killed
from daemon.road.module import module_of
from daemon.road.naming import short_id
from daemon.road.printed import kept_of, without_secrets
from daemon.road.proof import Goal, Proof
from daemon.road.source import SnapshotSource
from daemon.road.syntax import syntax_refusal
from daemon.settings import TargetSettings
from reflections.reflection import Reflection
from reflections.store import Work
from sandbox.patch import Patch
from sandbox.trial import Bench, Ending, Run

LONGEST_BUILD_S = 3600.0  # base image and requirements, each with a limit of its own
START_S = 120.0
ASKED_FOR = ("modify", "promotion")  # kinds of work that no note brings about


class Job:
    """One piece of open work with everything the cycle needs; used by one thread."""

    def __init__(self, work: Work, target: TargetSettings, shop: Workshop) -> None:
        self.work = work
        self.target = target
        self.shop = shop
        self.stop = shop.stop
        self.chronicle = Chronicle(shop.trail, work, target.name)
        self.report: BugReport | None = None
        self.hints = ""
        self.engine_name = self.model = ""
        self.template = ""  # of the search engine, for the patch on the table
        self.task = MEND
        # where git = "branch" commits to; empty: mendd/<patch>
        self.branch = str(work.data.get("branch") or "")
        self.held_data: dict[str, object] = {}  # kept with the work, or in its archive line
        self.changes: list[str] = []  # of the module; in the journal until all is recorded
        self._sessions: list[Spender] = []
        self.refreshed = 0
        self._prepare()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bench.close()

    @property
    def reflection(self) -> Reflection:
        """The note."""
        return self.work.reflection

    @property
    def short_id(self) -> str:
        """Ten characters that name this work in file names and branches."""
        return short_id(self.work.id)

    @property
    def patch_id(self) -> str:
        """The patch's own name: the work, its round and the attempt."""
        return f"{self.short_id}-{self.work.attempts}-{self.chronicle.attempt}"

    @property
    def spending(self) -> Spending:
        """Everything all sessions of this job have used."""
        names = [field.name for field in fields(Spending)]
        parts = [session.spending for session in self._sessions]
        return Spending(**{n: sum(getattr(part, n) for part in parts) for n in names})

    def refresh(self) -> None:
        """Take a new snapshot, as the module is not any more what it was."""
        self.bench.close()
        self.refreshed += 1
        self._prepare()

    def _prepare(self) -> None:
        """Take a snapshot of the target as it is now; everything below works on that."""
        self.stage("snapshot", self.target.name)
        self.scope = Scope(self.target, self.shop.settings)
        with self.shop.beacon.beating(LONGEST_BUILD_S):
            self.bench: Bench = self.shop.sandbox.prepare(module_of(self.target))
        self.source = SnapshotSource(self.bench.tree, self.scope)
        self._baseline: Baseline | None = None
        self.case = self._case("")

    def stage(self, stage: str, detail: str = "") -> None:
        """A new step on the road; nothing new begins once the kill switch is on."""
        if self.stop.asked():
            raise Killed
        self.shop.beacon.stage(stage, detail)

    def baseline(self) -> Baseline:
        """How the unpatched snapshot behaves, measured once.

        A suite that cannot judge is not run again for the next work on the same snapshot.
        """
        if self._baseline is not None:
            return self._baseline
        unusable, now = self.shop.unusable, self.shop.clock()
        snapshot = f"{self.target.name} {self.bench.image_id} {self.bench.tree.hash}"
        if snapshot in unusable and unusable[snapshot].until > now:
            raise UnusableBaseline(unusable[snapshot].why, unusable[snapshot].ending)
        self.shop.beacon.detail("running the suite twice on the unpatched copy")
        try:
            folder = self.shop.state / "baselines"
            self._baseline = baseline(self.bench, folder, lambda: self.run({}), now=now)
        except UnusableBaseline as error:
            until = self.shop.clock() + timedelta(seconds=self.shop.settings.service.retry_s)
            unusable[snapshot] = Unusable(why=str(error), until=until, ending=error.ending)
            raise
        return self._baseline

    def go_without_tests(self) -> None:
        """The target has none: an empty baseline stands for that in what is certified."""
        run = Run(ending=Ending.NO_TESTS, outcomes={}, messages={}, durations={}, output="",
                  seconds=0.0, detail="", collected=())  # fmt: skip
        self._baseline = Baseline(outcomes={}, flaky=(), run=run)

    def run(
        self,
        changes: Mapping[str, bytes],
        *,
        first: Sequence[str] = (),
        only: Sequence[str] | None = None,
        extra_tests: Mapping[str, bytes] | None = None,
    ) -> Run:
        """One run of the tests on a changed copy, within the target's time and our stop."""
        limit = self.target.timeout_s
        with self.shop.beacon.beating(2 * limit + START_S):  # it may wait for another's slot
            done = self.bench.run(
                changes,
                first=first,
                only=only,
                extra_tests=extra_tests or {},
                timeout_s=limit,
                stop=self.stop,
            )
        return without_secrets(done)

    def warm_up(self, report: BugReport | None = None) -> None:
        """Start containers for a trial and its two checks while an engine thinks.

        Where the tree is copied any patch fits them; else they wait for the reported file.
        """
        if self.bench.writable or report:
            self.bench.warm([report.filename] if report else [], count=3)

    def measure_baseline(self) -> None:
        """Measure and record the baseline."""
        self.chronicle.baseline(self.baseline(), self.bench.tree.hash, self.bench.image_id)

    @contextlib.contextmanager
    def session(self, engine: Engine, advice: str) -> Iterator[EngineSession]:
        """One engine at work; what it spends counts however it ends."""
        if self.task.kind in ("mend", "experiment") and engine.name != "search":
            self.task = replace(self.task, hints=(*self.task.hints, *learnt(self)))
        self.case = self._case(advice)
        session = engine.open(self.case)
        self._sessions.append(session)
        self.engine_name, self.model = engine.name, session.model
        with contextlib.closing(session):
            yield session

    def pays_for(self, spender: Spender) -> None:
        """What it spends belongs to this work."""
        self._sessions.append(spender)

    def gate(self, patch: Patch, goal: Goal) -> Refusal | None:
        """Every gate, cheap first; the first refusal.

        Tasks other than mending are also read by the target's own Python, before any trial.
        """
        refusal = check(
            patch,
            self.source,
            target=self.target,
            scope=self.scope,
            failing_tests=self.test_sources(goal),
            asked_for=self.work.kind in ASKED_FOR,
        )
        if self.task.kind == "mend" or (refusal and not refusal.syntax):
            return refusal
        return syntax_refusal(patch, refusal, self)

    def test_sources(self, goal: Goal) -> tuple[str, ...]:
        """The code of the goal's tests, without their neighbours."""
        if goal.reproduction:
            return (goal.reproduction.code,)
        texts = ((self.source.text(test.split("::", 1)[0]), test) for test in goal.tests)
        return tuple(test_source(text, test) for text, test in texts if text)

    # What happened: recorded, and remembered for the next step.

    def reported(self, report: BugReport) -> None:
        """The bug report was made."""
        self.report = report
        self.chronicle.reported(report, self.engine_name, self.model)

    def reproduced(
        self, tests: tuple[str, ...], *, how: str, test: Reproduction | None = None
    ) -> None:
        """There is a test that fails now for the reported reason."""
        self.chronicle.reproduced(tests, how, test)

    def proposed(self, answer: Proposal) -> None:
        """A patch is on the table."""
        self.template = answer.numbers.get("template", "")
        self.chronicle.proposed(
            answer,
            certify.diff_or_empty(answer.patch, self.source),
            engine=self.engine_name,
            model=self.model,
            rival_diffs=[certify.diff_or_empty(rival, self.source) for rival in answer.rivals],
        )

    def refused(self, patch: Patch, refusal: Refusal) -> Feedback:
        """A gate said no: recorded, and told to the engine."""
        self.chronicle.refused(refusal)
        return Feedback(patch=patch, reason=f"gate {refusal.gate}: {refusal.reason}")

    def tried(self, proof: Proof) -> None:
        """A trial ended, well or not."""
        self.chronicle.tried(proof)

    def suspects(self, answer: NoPatch) -> None:
        """The engine found no patch; what it suspects helps the next engine and a person."""
        lines = "\n".join(answer.suspicious)
        self.held_data = {"suspicious": list(answer.suspicious)}
        self.hints = f"{self.engine_name} found no patch: {answer.reason}\nSuspicious:\n{lines}"

    def certified(self, proof: Proof) -> Certificate:
        """Write the certificate that lets anybody replay this proof."""
        made = certify.certificate(
            proof,
            reflection=self.work.id,
            target=self.target,
            baseline=self.baseline(),
            created=self.shop.clock(),
            engine=self.engine_name,
            model=self.model,
        )
        made.save(self.shop.certificates)
        return made

    def hold(self, proof: Proof, rivals: tuple[Patch, ...]) -> None:
        """Keep the patch with the work until a person decides."""
        self.held_data = certify.held_data(
            proof,
            rivals,
            [certify.diff_or_empty(rival, self.source) for rival in rivals],
            engine=self.engine_name,
            model=self.model,
            report=self.report,
            target=self.target.name,
        )

    def applied(self, proof: Proof, done: Applied, certificate: Certificate) -> None:
        """The real module was changed."""
        self.held_data = {"applied": kept_of(done), "target": self.target.name}
        self.chronicle.applied(
            proof,
            done,
            patch_id=self.patch_id,
            certificate=certificate.hash,
            engine=self.engine_name,
            model=self.model,
            spending=self.spending,
        )

    def _case(self, advice: str) -> Case:
        source, scope = self.source, self.scope
        return Case(
            reflection=self.reflection,
            source=source,
            bench=self.bench,
            baseline=self.baseline,
            check_report=lambda report: report_complaint(report, source, scope),
            check_patch=lambda patch: patch_complaint(patch, source),
            progress=self.shop.beacon.detail,
            stop=self.stop,
            advice=advice,
            task=self.task,
            seed=self.shop.settings.search.seed,
            refused=self.chronicle.asked_in_vain,
        )
