"""What the patches that pass do beside the tests, and so which of them is chosen."""

from collections.abc import Sequence
from dataclasses import replace

from daemon.engines import BugReport
from daemon.engines.search.candidates import Candidate
from daemon.engines.search.choose import Choice, Failure, choose
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.diagnose import Library
from daemon.engines.search.documented import documented_examples
from daemon.engines.search.examine import Evidence, outermost
from daemon.engines.search.screening import Screener
from daemon.engines.search.wire import Question

AT_LEAST_S = 15.0  # what a comparison gets, however late it is
MOST_RECORDED = 60  # tests whose calls are recorded
INPUTS = 80
UNSEEN = (
    " There was no time to compare {count} more that pass; they are shown, if they are as likely."
)


def question_of(
    report: BugReport, library: Library, evidence: Evidence, seed: int
) -> Question | None:
    """Inputs near the tests' own for the reported function; None where none can be called."""
    program = library.program(report.filename)
    function = program.functions.get(report.function or "") if program else None
    if program is None or function is None:
        return None
    whole = outermost(program, function)
    return Question(
        filename=report.filename,
        function=(whole.name, min([whole.lineno, *(d.lineno for d in whole.decorator_list)])),
        tests=tuple(s.test for s in (*evidence.passing, *evidence.failing))[:MOST_RECORDED],
        examples=tuple(documented_examples(program, program.qualname(whole))),
        inputs=INPUTS,
        seed=seed,
    )


def compared(
    screener: Screener,
    plausible: Sequence[Candidate],
    question: Question | None,
    failure: Failure,
    deadline: Deadline,
) -> Choice:
    """Compare patches, the likeliest first, and rank them; without a question by likelihood alone.

    Patches of other files than the question's stand for themselves. Those the time did not allow
    to compare cannot win; if they are as likely as the winner they are its rivals.
    """
    if question is None:
        return choose(plausible, None, failure)
    places = [n for n, each in enumerate(plausible) if each.program.filename == question.filename]
    probe = screener.probe([plausible[n] for n in places], question, deadline.at_least(AT_LEAST_S))
    behaviours = {places[n]: b for n, b in probe.behaviours.items() if 0 <= n < len(places)}
    unseen = [plausible[n] for n in places if n not in behaviours] if behaviours else []
    known = [each for each in plausible if each not in unseen]
    seen = {known.index(plausible[n]): behaviour for n, behaviour in behaviours.items()}
    before = {-1: probe.behaviours[-1]} if -1 in probe.behaviours else {}
    choice = choose(known, replace(probe, behaviours={**before, **seen}), failure)
    if not unseen:
        return choice
    return replace(
        choice,
        unseen=tuple(unseen),
        reason=choice.reason + UNSEEN.format(count=len(unseen)),
    )
