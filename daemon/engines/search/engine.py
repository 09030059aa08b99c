"""The embedded engine: mends without a model, a key or a network, by searching among edits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from daemon.engines import (
    BugReport,
    Case,
    Declined,
    Feedback,
    NoPatch,
    Proposal,
    Reproduction,
    Spending,
)
from daemon.engines.search import explain
from daemon.engines.search.bypass import failed_statements, goes_round, straightened
from daemon.engines.search.candidates import Candidate, candidates
from daemon.engines.search.choose import Camp, Choice
from daemon.engines.search.compare import compared, question_of
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.diagnose import Library, Suspect, named_tests, read
from daemon.engines.search.edits import patch_of
from daemon.engines.search.examine import (
    Evidence,
    areas_of,
    failure_of,
    hints_of,
    import_areas,
    plan_of,
    suspicion_for,
    watch_failing,
    watch_passing,
)
from daemon.engines.search.goal import (
    goal_of,
    others_have_reasons,
    own_tests,
    run_code_of_their_own,
)
from daemon.engines.search.guests import ScreenEnded
from daemon.engines.search.hunt import Hunt, merged
from daemon.engines.search.localise import Suspicion
from daemon.engines.search.report import STRONG, Reporter
from daemon.engines.search.screening import Screener
from daemon.engines.search.templates import TEMPLATES, Template, weighted
from daemon.settings import SearchSettings
from sandbox.patch import Patch

VERSION = "search 1"
NO_PYTEST = "the search engine runs tests one by one, so it needs pytest as the test command"
NO_TEST = (
    "no failing test: the search engine repairs what a failing test shows, and none of the tests "
    "that fail now runs {where}. Add a test that fails because of this bug, or use a model."
)
FIRST_WATCH_S = 60.0  # for seeing what the failing tests run, before there is a report
BYPASS_S = 5.0  # what looking for patches that go round the fault gets, however late it is
WATCH_SHARE = 1 / 3  # of the search's time for seeing what the passing tests run


class SearchEngine:
    """Opens search sessions."""

    name = "search"

    def __init__(
        self, settings: SearchSettings, weights: Mapping[str, float] | None = None
    ) -> None:
        """`settings`: budgets and seed. `weights`: factors for priors, by template, learnt here."""
        self._settings = settings
        self._templates = weighted(weights or {})

    def open(self, case: Case) -> "SearchSession":
        """A session on one case; containers start only when they are needed."""
        return SearchSession(case, self._settings, self._templates)


@dataclass
class Found:
    """What a search found, kept for the next attempt."""

    choice: Choice
    suspicion: Suspicion
    goal: tuple[str, ...]
    tally: explain.Tally
    guests: int
    offered: list[Patch] = field(default_factory=list)


class SearchSession:
    """One case from note to patch."""

    model = VERSION
    spending = Spending()

    def __init__(
        self, case: Case, settings: SearchSettings, templates: tuple[Template, ...] = TEMPLATES
    ) -> None:
        self._case = case
        self._settings = settings
        self._templates = templates
        self._library = Library(case.source)
        self._evidence = Evidence(failing=())
        self._found: Found | NoPatch | None = None

    def diagnose(self) -> BugReport | Declined:
        """Which function the note means, by its words and by what the failing tests run."""
        reading = read(self._case.reflection, self._library)
        baseline = self._case.baseline()
        strong = [suspect for suspect in reading.suspects if suspect.weight >= STRONG]
        if not strong and reading.foreign and not named_tests(reading, baseline.failing):
            return Declined(
                category="not_in_target",
                reason=f"the note is about {reading.foreign[0]}, which this module does not have",
            )
        if not baseline.failing:
            return self._without_test(strong)
        if self._case.bench.module.pytest_args is None:
            return Declined(category="not_enough_information", reason=NO_PYTEST)
        try:
            self._watch()
        except ScreenEnded as fault:
            return Declined(category="not_enough_information", reason=str(fault))
        return Reporter(self._case, self._library, self._evidence).choose(reading)

    def _without_test(self, strong: Sequence[Suspect]) -> BugReport | Declined:
        if strong:
            reporter = Reporter(self._case, self._library, self._evidence)
            return reporter.report(strong[0].filename, strong[0].function, None)
        return Declined(
            category="not_enough_information",
            reason="the note names no function of the module, and no test fails",
        )

    def _watch(self) -> None:
        """See what the failing tests run."""
        with self._screener(FIRST_WATCH_S, guests=1) as screener:
            deadline = Deadline.after(FIRST_WATCH_S)
            self._evidence = watch_failing(screener, self._case.baseline(), deadline)

    def reproduce(self, report: BugReport, feedback: str | None) -> Reproduction | None:
        """The engine writes no tests."""
        return None

    def propose(
        self, report: BugReport, feedback: Feedback | None
    ) -> Proposal | NoPatch | Declined:
        """The best patch that was not refused yet; the search itself runs once."""
        if self._found is None:
            try:
                self._found = self._search(report)
            except ScreenEnded as fault:
                self._found = NoPatch(reason=str(fault))
        if isinstance(self._found, NoPatch):
            return self._found
        refused = {f.patch.hunks for f in self._case.attempts if f.patch}
        refused |= {patch.hunks for patch in self._found.offered}
        for camp in self._found.choice.ranked:
            for member in camp.members:
                patch = self._patch(member, self._found)
                if patch.hunks not in refused and self._case.check_patch(patch) is None:
                    self._found.offered.append(patch)
                    return self._proposal(camp, patch, self._found)
        return NoPatch(
            reason=f"every patch found was refused; {self._found.tally.words()}",
            suspicious=self._suspicious(self._found.suspicion),
        )

    def _search(self, report: BugReport) -> Found | NoPatch:
        """Localise, screen, choose."""
        baseline = self._case.baseline()
        goal = goal_of(report, baseline.failing, self._evidence, self._library)
        where = f"{report.function or 'the module code'} in {report.filename}"
        if not goal:
            return NoPatch(reason=NO_TEST.format(where=where))
        with self._screener(self._settings.time_s, self._settings.guests) as screener:
            deadline = Deadline.after(self._settings.time_s)
            self._evidence = watch_passing(
                screener, baseline, self._evidence, goal, deadline.part(WATCH_SHARE)
            )
            suspicion = self._suspicion(goal, report.filename, report.function)
            hunt = self._hunt(screener, goal, suspicion, report, deadline)
            if not hunt.plausible:
                return self._nothing(hunt, suspicion)
            choice = self._choice(screener, hunt, report, goal)
            while choice.ranked[0].doubtful and hunt.more():
                choice = self._choice(screener, hunt, report, goal)
            guests = screener.guests.joined
        return Found(choice=choice, suspicion=suspicion, goal=goal, tally=hunt.tally, guests=guests)

    def _choice(
        self, screener: Screener, hunt: Hunt, report: BugReport, goal: Sequence[str]
    ) -> Choice:
        """Compare and rank what the hunt has found so far."""
        self._case.progress(f"comparing {len(hunt.plausible)} patches that pass the tests")
        question = question_of(report, self._library, self._evidence, self._settings.seed)
        failure = failure_of(self._evidence, goal, self._library, self._case.reflection.text)
        choice = compared(screener, merged(hunt.plausible), question, failure, hunt.deadline)
        if failed := failed_statements(self._evidence, goal, self._library):
            deadline = hunt.deadline.at_least(BYPASS_S)
            choice = straightened(
                choice, lambda member: goes_round(screener, member, failed, goal, deadline)
            )
        return replace(choice, left_red=self._left_red(hunt, report, goal))

    def _left_red(self, hunt: Hunt, report: BugReport, goal: Sequence[str]) -> tuple[str, ...]:
        """Failing tests of the same code that stay red, where only the report's own turn green."""
        own = own_tests(report, goal)
        if not hunt.partly or run_code_of_their_own(own, goal, self._evidence, self._library):
            return ()
        return tuple(test for test in goal if test not in own)

    def _suspicion(self, goal: Sequence[str], filename: str, function: str | None) -> Suspicion:
        return suspicion_for(self._evidence, goal, self._library, filename, function)

    def _hunt(
        self,
        screener: Screener,
        goal: tuple[str, ...],
        suspicion: Suspicion,
        report: BugReport,
        deadline: Deadline,
    ) -> Hunt:
        """Screen for all failing tests of the function; failing that, for the report's own."""
        hints = hints_of(self._evidence, goal, self._case.reflection.text)
        areas = areas_of(suspicion, self._library, hints)
        unseen = [test for test in goal if test in self._evidence.unseen]
        run = self._case.baseline().run
        if unseen:
            areas += import_areas(unseen, run.messages, self._library)
        files = {area.program.filename for area in areas}
        own = own_tests(report, goal)
        plan = plan_of(goal, own, self._evidence, files, run.durations)
        alone = None
        if own != goal and others_have_reasons(
            own, goal, self._case.reflection, self._evidence, self._library
        ):
            alone = replace(plan, goal=plan.goal[: len(own)])
        hunt = Hunt(
            screener=screener,
            plan=plan,
            own=alone,
            deadline=deadline,
            most=self._settings.candidates,
            stop=self._case.stop,
            progress=self._case.progress,
        )
        hunt.run(candidates(areas, self._templates))
        return hunt

    def _nothing(self, hunt: Hunt, suspicion: Suspicion) -> NoPatch:
        cut = f"; cut short by the {hunt.cut_by}" if hunt.cut_by else ""
        return NoPatch(
            reason=f"no patch found: {hunt.tally.words()} in {hunt.tally.seconds:.0f} s{cut}",
            suspicious=self._suspicious(suspicion),
        )

    def _suspicious(self, suspicion: Suspicion) -> tuple[str, ...]:
        texts = {
            filename: program.lines
            for filename, _ in suspicion.ranked()[:40]
            if (program := self._library.program(filename)) is not None
        }
        return tuple(explain.suspicious_lines(suspicion, texts))

    def _patch(self, candidate: Candidate, found: Found) -> Patch:
        place = (candidate.program.filename, candidate.edit.line)
        score = found.suspicion.scores.get(place, 0.0)
        return patch_of(
            candidate.program, candidate.edit, explain.rationale(candidate, score, found.goal)
        )

    def _proposal(self, camp: Camp, patch: Patch, found: Found) -> Proposal:
        rivals = tuple(self._patch(rival, found) for rival in found.choice.rivals_of(camp))
        return Proposal(
            patch=patch,
            rivals=tuple(r for r in rivals if r.hunks != patch.hunks),
            doubt=found.choice.doubt_of(camp),
            explanation=explain.story(found.tally, found.choice.reason, len(rivals)),
            numbers={
                "candidates": str(found.tally.screened),
                "plausible": str(found.tally.plausible),
                "seconds": f"{found.tally.seconds:.1f}",
                "candidates per second": f"{found.tally.rate:.0f}",
                "template": camp.members[0].edit.template,
                "guests": str(found.guests),
            },
        )

    def review(self, attempts: str) -> str | None:
        """A second cycle would search the same edits again."""
        return None

    def close(self) -> None:
        """Nothing is held between calls."""

    def _screener(self, time_s: float, guests: int) -> Screener:
        return Screener.open(self._case.bench, self._case.stop, time_s=time_s, guests=guests)
