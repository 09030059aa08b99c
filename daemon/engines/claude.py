"""The `claude` engine: one conversation with a model that mends by calling tools.

    diagnose   log_bug_report or decline          reproduce   write_reproduction_test
    propose    propose_code_patch, once per hunk  review      plain words about failed attempts

Every phase goes on in the same conversation, so the model remembers what it saw and its thinking
goes back unchanged. `view_code` and `search_code` are answered in every phase.
"""

import ast
import hashlib
from collections.abc import Sequence
from typing import TypeVar

from daemon.budget import Budget
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
from daemon.engines import prompts as say
from daemon.engines.dialogue.conversation import Conversation, Ended, Judged, Reply, ToolCall
from daemon.engines.dialogue.fence import Fence, shortened
from daemon.engines.dialogue.hunks import assemble
from daemon.engines.dialogue.ledger import Ledger
from daemon.engines.dialogue.opening import opening
from daemon.engines.dialogue.phase import Phase, judged, refusals
from daemon.engines.dialogue.tools import (
    LogBugReport,
    ProposeCodePatch,
    WriteReproductionTest,
    definitions,
)
from daemon.engines.dialogue.transport import Transport
from daemon.engines.dialogue.views import Views
from daemon.settings import ClaudeSettings

T = TypeVar("T")
MOST_OUTPUT = 6_000  # characters of a trial's output sent back
MOST_ATTEMPTS = 20_000  # characters of the report of failed attempts
MOST_ADVICE = 4_000  # characters of the corrected instruction
MOST_WORDS = 4_000  # characters of what the model said beside its patch
MOST_CODE = 40_000  # characters of code shown with the call for a patch
MOST_FAILING = 5  # failing tests of a trial shown with their message


class ClaudeEngine:
    """Opens conversations with one model: Claude, or one on a server of one's own (`local`)."""

    def __init__(
        self,
        settings: ClaudeSettings,
        *,
        budget: Budget,
        key: str | None,
        reflection: str | None = None,
    ) -> None:
        """`reflection` names whose budget is used; without it, the case's own reflection."""
        self.name = settings.SECTION
        self._settings = settings
        self._budget = budget
        self._key = key
        self._reflection = reflection

    def open(self, case: Case) -> "ClaudeSession":
        """A session; the SDK is imported here. Raises ModelSetup (EngineError) without a key."""
        transport = Transport(
            self._settings, self._key, stop=case.stop, progress=case.progress, seed=case.seed
        )
        ledger = Ledger(self._settings, self._budget, self._reflection or case.reflection.id)
        return ClaudeSession(self._settings, case, transport, ledger)


class ClaudeSession:
    """One conversation about one case; never used by two threads."""

    def __init__(
        self, settings: ClaudeSettings, case: Case, transport: Transport, ledger: Ledger
    ) -> None:
        self._settings = settings
        self._case = case
        self._words = say.KINDS[case.task.kind]
        self._transport = transport
        self._fence = Fence()
        self._views = Views(case.source, self._fence)
        self._talk = Conversation(
            settings,
            transport,
            ledger,
            system=say.SYSTEM,
            tools=definitions(strict=settings.strict_tools),
        )

    @property
    def spending(self) -> Spending:
        """What the session has used so far, with every try counted as a call."""
        return self._talk.spending

    @property
    def model(self) -> str:
        """The model's name as set."""
        return self._settings.model

    def close(self) -> None:
        """Give the connection back."""
        self._transport.close()

    def diagnose(self) -> BugReport | Declined:
        """The model's bug report, checked against the module, or why there is none."""
        phase = Phase(wanted="log_bug_report", take=self._take_report)
        answer = self._ask([say.DIAGNOSE], phase, "diagnosing")
        if isinstance(answer, BugReport | Declined):
            return answer
        return _no_answer(answer)

    def reproduce(self, report: BugReport, feedback: str | None) -> Reproduction | None:
        """A test that shall fail because of the bug, or None; `feedback` on the one before."""
        words = say.REPRODUCE.format(report.summary)
        if feedback is not None:
            fenced = self._fence.around("what your test did", feedback, most=MOST_OUTPUT)
            words = say.REPRODUCE_AGAIN.format(fenced)
        phase = Phase(wanted="write_reproduction_test", take=self._take_test)
        answer = self._ask([words], phase, "writing a test that fails")
        return answer if isinstance(answer, Reproduction) else None

    def propose(
        self, report: BugReport, feedback: Feedback | None
    ) -> Proposal | NoPatch | Declined:
        """A patch that fits the module's real lines; `feedback` on the one before."""
        code = self._code(report)
        if feedback is None:
            place = f"File: {report.filename}, function: {report.function or 'none'}"
            words = self._words.propose.format(place=place, summary=report.summary, code=code)
        else:
            reason = self._fence.around("why", feedback.reason, most=MOST_OUTPUT)
            output = self._showed(feedback)
            words = self._words.again.format(reason=reason, output=output, code=code)
        phase = Phase(wanted="propose_code_patch", take=self._take_patch, every=True)
        answer = self._ask([words], phase, "proposing a patch")
        if isinstance(answer, Proposal | Declined):
            return answer
        ended = _no_answer(answer)
        refused = isinstance(answer, Ended) and answer.kind == "refused"
        return ended if refused else NoPatch(reason=ended.reason)

    def review(self, attempts: str) -> str | None:
        """What the model learnt from its failed attempts, in plain words, or None."""
        fenced = self._fence.around("report of the attempts", attempts, most=MOST_ATTEMPTS)
        answer = self._ask(
            [self._words.review.format(report=fenced)],
            Phase(wanted="plain words", take=None),
            "reading its own failed attempts",
            plain=True,
        )
        return shortened(answer, MOST_ADVICE) if isinstance(answer, str) else None

    def _ask(
        self, words: Sequence[str], phase: "Phase[T]", doing: str, *, plain: bool = False
    ) -> T | Declined | str | Ended:
        """One phase, with the opening ahead of the very first."""
        self._case.progress(f"{self.model}: {doing}")
        if not self._talk.begun:
            words = [opening(self._case, self._fence, self._views), *self._advice(), *words]

        def judge(calls: Sequence[ToolCall]) -> Judged[T | Declined]:
            answer = judged(calls, phase, self._views)
            self._case.refused(refusals(calls, answer.replies))
            return answer

        return self._talk.ask(words, judge, plain=plain)

    def _advice(self) -> list[str]:
        if not self._case.advice:
            return []
        fenced = self._fence.around("advice", self._case.advice, most=MOST_ADVICE)
        return [self._words.advice.format(advice=fenced)]

    def _code(self, report: BugReport) -> str:
        """The code a patch is about: the report's function, then the task's other files."""
        shown = [self._views.located(report.filename, report.function)]
        for name in dict.fromkeys(self._case.task.files):
            room = MOST_CODE - sum(map(len, shown))
            if name != report.filename and name in self._case.source.files and room > 0:
                shown.append(shortened(self._views.show(name), room))
        return "\n\n".join(shown)

    def _showed(self, feedback: Feedback) -> str:
        """The failing tests of a trial with their messages, then the end of its output."""
        run = feedback.run
        if run is None:
            return ""
        rows = [f"{test}\n{shortened(said, 1_500)}" for test, said in run.messages.items()]
        tail = run.output[-MOST_OUTPUT // 3 :]
        shown = "\n\n".join(
            [f"ending: {run.ending.value} {run.detail}", *rows[:MOST_FAILING], tail]
        )
        return say.OUTPUT.format(self._fence.around("trial", shown, most=MOST_OUTPUT))

    # What ends a phase: the replies to its calls and what they led to

    def _take_report(self, calls: Sequence[LogBugReport]) -> Judged[BugReport]:
        call = calls[0]
        report = BugReport(
            filename=call.filename,
            function=call.function or None,
            summary=call.summary,
            severity=call.severity,
            failing_test=call.failing_test or None,
        )
        complaint = self._report_complaint(report)
        if complaint is not None:
            return Judged(replies=[Reply(text=complaint, wrong=True)])
        return Judged(replies=[Reply(text=say.TAKEN_REPORT)], result=report)

    def _report_complaint(self, report: BugReport) -> str | None:
        complaint = self._case.check_report(report)
        if complaint is not None:
            return say.REPORT_WRONG.format(complaint)
        failing = self._case.baseline().failing
        if report.failing_test is None or report.failing_test in failing:
            return None
        known = self._fence.around("failing tests", "\n".join(failing[:20]) or "none", most=4_000)
        return say.NOT_FAILING.format(report.failing_test, known)

    def _take_test(self, calls: Sequence[WriteReproductionTest]) -> Judged[Reproduction]:
        call = calls[0]
        complaint = _test_complaint(call.test_code)
        if complaint is not None:
            return Judged(replies=[Reply(text=say.TEST_WRONG.format(complaint), wrong=True)])
        test = Reproduction(
            filename=self._test_filename(), code=call.test_code, explanation=call.explanation
        )
        return Judged(replies=[Reply(text=say.TAKEN_TEST)], result=test)

    def _test_filename(self) -> str:
        """Beside the tests that exist; the cycle may choose another place."""
        digest = hashlib.sha256(self._case.reflection.id.encode()).hexdigest()[:8]
        name = f"test_mendd_{digest}.py"
        files = self._case.source.files
        tests = [file for file in files if file.rsplit("/", 1)[-1].startswith("test_")]
        folder = min((file.rpartition("/")[0] for file in tests), key=len, default="")
        return f"{folder}/{name}" if folder else name

    def _take_patch(self, calls: Sequence[ProposeCodePatch]) -> Judged[Proposal]:
        assembly = assemble(calls, self._case, self._views, self._fence)
        if assembly.patch is None:
            return Judged(replies=assembly.replies)
        words = shortened("\n\n".join(self._talk.said), MOST_WORDS)
        proposal = Proposal(patch=assembly.patch, explanation=words or assembly.patch.rationale)
        return Judged(replies=assembly.replies, result=proposal)


def _test_complaint(code: str) -> str | None:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"it is no Python: {error}"
    names = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    if not any(name.startswith("test") for name in names):
        return "it holds no function named test_…"
    return None


def _no_answer(answer: object) -> Declined:
    """A conversation that came to no result is a normal end; the reason says which."""
    if isinstance(answer, Ended):
        if answer.kind == "refused":
            return Declined(category="unsafe", reason=answer.reason)
        return Declined(category="not_enough_information", reason=answer.reason)
    return Declined(category="not_enough_information", reason="the model came to no result")
