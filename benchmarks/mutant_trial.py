"""One seeded bug: shown to the engine, mended or not, and judged by what was held back."""

import ast
import difflib
import re
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from benchmarks.mutant_subjects import Prepared, SeededBench, Source
from daemon import gates
from daemon.checks.special_case import test_source
from daemon.engines import Baseline, BugReport, Case, Declined, NoPatch, Proposal
from daemon.engines.search.engine import SearchEngine
from daemon.settings import SearchSettings
from reflections.reflection import Reflection
from sandbox.patch import Patch, patched
from sandbox.trial import Ending, Run

MOST_DIFF = 1500


@dataclass(frozen=True)
class Mutant:
    """One seeded bug."""

    key: str  # stable over runs: subject, file and a hash of the text
    group: str  # "classic" or "template"
    operator: str
    subject: str
    filename: str
    function: str
    text: str


@dataclass
class Row:
    """A line of the results file."""

    key: str
    group: str
    operator: str
    subject: str
    function: str
    bug: str  # the seeded change, as a diff without context
    verdict: str = ""
    worth: str = ""  # what a held patch would have been worth
    template: str = ""  # of the patch
    patch: str = ""  # the patch as a diff against the seeded text
    why: str = ""
    broke: list[str] = field(default_factory=list)  # tests that the patch fails, the first few
    failing: int = 0  # shown tests that the bug fails
    left_red: int = 0  # of those, how many the patch leaves so: it mends the named test alone
    candidates: int = 0
    plausible: int = 0
    seconds: float = 0.0

    def json(self) -> dict[str, object]:
        """As it is written down."""
        return asdict(self)


def measure(mutant: Mutant, prepared: Prepared, budget: SearchSettings) -> Row:
    """Mend one mutant and judge it.

    Verdicts: "exact" (the unseeded code again, by AST), "passes" (another code that passes the
    held-back tests), "wrong" (it fails one), "held" (ambiguous), "none"; "not shown" (no shown test
    fails) and "unusable" (the suite does not end) are no bugs an engine could be asked about. The
    note names the function, and one failing test, as an agent's note would.
    """
    original = prepared.subject.text(mutant.filename)
    row = Row(
        mutant.key, mutant.group, mutant.operator, mutant.subject, mutant.function,
        bug=changed_lines(original, mutant.text),
    )  # fmt: skip
    began = time.monotonic()
    seeded = SeededBench(prepared.shown, {mutant.filename: mutant.text.encode()})
    run = seeded.run()
    broken = prepared.broken(run)
    if run.ending is not Ending.FINISHED:
        row.verdict, row.why = "unusable", run.ending.value
    elif not broken:
        row.verdict = "not shown"
    else:
        row.failing = len(broken)
        source = Source(prepared, mutant.filename, mutant.text)
        answer = mended(mutant, prepared, seeded, source, run, budget)
        judge(row, answer, mutant, prepared, source)
    row.seconds = round(time.monotonic() - began, 2)
    return row


def mended(
    mutant: Mutant, prepared: Prepared, bench: SeededBench, source: Source, run: Run,
    budget: SearchSettings,
) -> Proposal | NoPatch | Declined:  # fmt: skip
    """What the engine answers. The gates refuse patches just as on the real road."""
    baseline = Baseline(outcomes=run.outcomes, flaky=(), run=run)
    failing = prepared.broken(run)
    note = Reflection(
        id="m", timestamp=datetime(2026, 1, 1, tzinfo=UTC), task_summary="A task.",
        outcome="failure", reflection=f"`{mutant.function}` misbehaves.", test=failing[0],
    )  # fmt: skip
    tests = [test_source(source.text(t.partition("::")[0]) or "", t) for t in failing[:20]]

    def refused(patch: Patch) -> str | None:
        refusal = gates.check(
            patch, source, target=prepared.target, scope=prepared.scope, failing_tests=tests
        )
        return None if refusal is None else refusal.reason

    case = Case(
        reflection=note, source=source, bench=bench, baseline=lambda: baseline,  # type: ignore[arg-type]
        check_report=lambda _: None, check_patch=refused, progress=lambda _: None,
        stop=threading.Event(),
    )  # fmt: skip
    session = SearchEngine(budget).open(case)
    try:
        found = session.diagnose()
        return session.propose(found, None) if isinstance(found, BugReport) else found
    finally:
        session.close()


def judge(
    row: Row, answer: Proposal | NoPatch | Declined, mutant: Mutant, prepared: Prepared,
    source: Source,
) -> None:  # fmt: skip
    """Fill in what the answer is worth."""
    if not isinstance(answer, Proposal):
        row.verdict, row.why = "none", answer.reason
        row.candidates = _number(r"screened ([\d,]+) candidates", answer.reason)
        return
    row.template = template_of(answer.patch)
    row.candidates = int(answer.numbers.get("candidates", "0"))
    row.plausible = int(answer.numbers.get("plausible", "0"))
    row.why = answer.explanation
    after = patched(answer.patch, source.read)
    row.patch = "\n".join(
        changed_lines(source.text(name) or "", data.decode()) for name, data in after.items()
    )
    worth = _worth(row, after, mutant, prepared)
    row.verdict, row.worth = ("held", worth) if answer.rivals or answer.doubt else (worth, "")


def _worth(row: Row, after: dict[str, bytes], mutant: Mutant, prepared: Prepared) -> str:
    texts = {mutant.filename: mutant.text, **{n: data.decode() for n, data in after.items()}}
    whole = {name: prepared.subject.text(name) for name in texts}
    if all(ast.dump(ast.parse(texts[n])) == ast.dump(ast.parse(whole[n])) for n in texts):
        return "exact"
    run = prepared.full.run({name: text.encode() for name, text in texts.items()})
    broke = [test for test in prepared.good if run.outcomes.get(test) != "passed"]
    row.left_red = len(set(broke) & set(prepared.shown_tests))
    row.broke = broke[:8]
    return "wrong" if row.broke else "passes"


def template_of(patch: Patch) -> str:
    """The template that made a patch, as its rationale names it."""
    found = re.findall(r"\(([^()]*)\)\. The line's", patch.rationale)
    return found[-1] if found else "?"


def changed_lines(before: str, after: str) -> str:
    """The lines that differ, "-" and "+" before them."""
    lines = difflib.unified_diff(before.split("\n"), after.split("\n"), n=0, lineterm="")
    kept = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    return "\n".join(kept)[:MOST_DIFF]


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1].replace(",", "")) if found else 0
