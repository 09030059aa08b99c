"""Which bug report a note becomes, once it is known what the failing tests run."""

import re

from daemon.engines import BugReport, Case, Declined
from daemon.engines.search.diagnose import (
    Library,
    Reading,
    functions_run,
    named_tests,
    test_weight,
)
from daemon.engines.search.examine import Evidence, import_areas, suspicion_for
from reflections.reflection import Reflection

STRONG = 0.5  # a suspect below this weight is only a word in common
TELLING_WORDS = 3  # an outcome of fewer words ("error", "wrong result") tells nobody anything
MOST_SUMMARY = 300
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
FITTING = 0.34  # share of a failing test's words that the note must have, when it names nothing


class Reporter:
    """Matches a reading of the note with the failing tests."""

    def __init__(self, case: Case, library: Library, evidence: Evidence) -> None:
        self._case, self._library, self._evidence = case, library, evidence

    def choose(self, reading: Reading) -> BugReport | Declined:
        """Match the note's suspects with the functions that failing tests run."""
        named = named_tests(reading, [s.test for s in self._evidence.failing])
        run = {s.test: functions_run(s.lines, self._library) for s in self._evidence.failing}
        for suspect in reading.suspects:
            for test in [*named, *run]:
                for filename, function in run.get(test, {}):
                    if suspect.filename == filename and suspect.function in (None, function):
                        sure = suspect.weight >= STRONG or all(
                            (filename, suspect.function) in each for each in run.values()
                        )  # an everyday word that is the name of what every failing test runs
                        if not sure and not self._fits(test, reading):
                            continue
                        where = suspect.function or self._worst(test, filename) or function
                        return self.report(filename, where, test)
        return self._by_test(reading, named)

    def _by_test(self, reading: Reading, named: list[str]) -> BugReport | Declined:
        """No suspect is run by a failing test: go by the tests the note names or describes."""
        fitting = named or [s.test for s in self._evidence.failing if self._fits(s.test, reading)]
        strong = [suspect for suspect in reading.suspects if suspect.weight >= STRONG]
        if not named and strong:
            return self.report(strong[0].filename, strong[0].function, None)
        for test in fitting:
            suspicion = suspicion_for(self._evidence, (test,), self._library, "", None)
            for filename, line in suspicion.ranked():
                program = self._library.program(filename)
                names = [
                    name
                    for name, node in (program.functions if program else {}).items()
                    if node.lineno <= line <= (node.end_lineno or node.lineno)
                ]
                if names:
                    return self.report(filename, names[-1], test)
        broken = self._broken_import(reading)
        if broken is not None:
            return broken
        return Declined(
            category="not_enough_information",
            reason="the note names no function of the module, and no failing test fits its words",
        )

    def _broken_import(self, reading: Reading) -> BugReport | None:
        """A test file that cannot even be imported, because of a file the note is about."""
        messages = self._case.baseline().run.messages
        about = {suspect.filename for suspect in reading.suspects}
        for test in self._evidence.unseen:
            for area in import_areas([test], messages, self._library):
                if area.program.filename in about or test in reading.tests or not about:
                    return self.report(area.program.filename, None, test)
        return None

    def _fits(self, test: str, reading: Reading) -> bool:
        seen = next((s for s in self._evidence.failing if s.test == test), None)
        message = f"{seen.error} {seen.message}" if seen else ""
        return test_weight(test, message, reading) >= FITTING

    def _worst(self, test: str, filename: str) -> str | None:
        """The function of the file that looks worst to one test."""
        program = self._library.program(filename)
        for name, line in suspicion_for(
            self._evidence, (test,), self._library, filename, None
        ).ranked():
            if name == filename and program is not None:
                inside = [
                    q
                    for q, node in program.functions.items()
                    if node.lineno < line <= (node.end_lineno or node.lineno)
                ]
                if inside:
                    return inside[-1]
        return None

    def report(self, filename: str, function: str | None, test: str | None) -> BugReport:
        failing = set(self._case.baseline().failing)
        bare = test.partition("[")[0] if test else None
        family = [t for t in failing if t.partition("[")[0] == bare]
        return BugReport(
            filename=filename,
            function=function,
            summary=summary(self._case.reflection) or f"{function or filename} misbehaves",
            failing_test=bare if len(family) > 1 else test,
        )


def summary(note: Reflection) -> str:
    """What went wrong, on one line: the note's outcome, and more where that is a bare word."""
    outcome = " ".join(note.outcome.split())
    if len(outcome.split()) >= TELLING_WORDS:
        return outcome[:MOST_SUMMARY]
    told = SENTENCE.split(" ".join(note.reflection.split()), maxsplit=1)[0] or note.task_summary
    return ": ".join(filter(None, (outcome, told)))[:MOST_SUMMARY]
