"""What an agent claims against what its tools answered: success after an error, things that are
not there, tools that nobody gave it, tests that nobody ran."""

import re
from collections.abc import Iterator

from reflections.transcripts.finding import Finding
from reflections.transcripts.outcomes import failure, tests, tests_failed
from reflections.transcripts.phrases import clauses, excerpt, meant, own_words
from reflections.transcripts.transcript import Message, Step, Transcript

_TESTS_PASS = re.compile(
    r"\b(?:all|the|every|our|existing|unit|\d+)\b[^.\n]{0,30}\btests?\b[^.\n]{0,20}"
    r"\b(?:pass(?:es|ed|ing)?|succeed(?:s|ed)?|(?:is|are) green)\b"
    r"|\btests? (?:now )?(?:pass(?:es)?|succeed|are green)\b"
    r"|\bbuild (?:now )?(?:passes|succeeds)\b",
    re.IGNORECASE,
)
_SUCCESS = re.compile(
    r"\bsuccessfully\b|\b(?:is|are|was|were|has been|have been|it's)\b (?:now |all |both )?"
    r"(?:fixed|done|working|complete[d]?|resolved|created|written|updated|installed|deployed|saved"
    r"|uploaded|merged|removed|deleted|sent|in place|configured|applied)\b"
    r"|\b(?:everything|it|this|that|code|script|server) (?:now )?works?\b(?! on| with| like)"
    r"|\bi(?:'ve| have)? (?:successfully |now )?(?:fixed|created|installed|deployed|updated|saved"
    r"|uploaded|sent)\b|^\W*(?:done|success|perfect|great)\b",
    re.IGNORECASE,
)
_PLANNED = re.compile(
    r"\b(?:let me|will|i'll|going to|need(?:s)? to|to (?:make|see|check|verify|confirm|ensure)"
    r"|next|try(?:ing)?|please|verify|check|make sure|expect)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|never|no longer|should|would|could|might|must)\b|n't\b", re.I)
_ADMITS = re.compile(
    r"\b(?:fail(?:s|ed|ing|ure|ures)?|errors?|could(?:n't| not)|can(?:'t|not)|unable|unfortunately"
    r"|did(?:n't| not)|does(?:n't| not)|is(?:n't| not)|was(?:n't| not)|no longer|missing|broken"
    r"|denied|timed out|problem|blocked|wrong|not found|typo|instead)\b",
    re.IGNORECASE,
)
_NONE_OF_IT = re.compile(
    r"\b(?:no|without(?: any)?|zero|0|fixed the|resolved the|fixed (?:this|that))"
    r"\s*(?:more |new )?$",
    re.IGNORECASE,
)
_RAN = re.compile(
    r"\bi(?:'ve| have)? (?:also )?(?:ran|run|executed|re-?ran)\b[^.\n]{0,30}\btests?\b",
    re.IGNORECASE,
)
_PASSED = re.compile(r"\b\d+ pass(?:ed|ing)\b|tests? pass|\bOK\b", re.IGNORECASE)
_NOT_THERE = re.compile(
    r"no such file or directory:? ?['\"]?(?P<a>[\w./-]+)?|['\"`]?(?P<b>[\w./-]+)['\"`]?:? "
    r"(?:no such file|not found|does(?: not|n't) exist)|has no attribute ['\"`](?P<c>\w+)"
    r"|cannot import name ['\"`](?P<d>\w+)|No module named ['\"`]?(?P<e>[\w.]+)"
    r"|name ['\"`](?P<f>\w+)['\"`] is not defined",
    re.IGNORECASE,
)
_NO_MATCH = re.compile(
    r"^\W*(?:no (?:matches|results|files|occurrences)(?: were| was)?(?: found)?"
    r"|0 (?:matches|results)|found 0|nothing found)\b",
    re.IGNORECASE,
)
_SOUGHT = re.compile(
    r'"(?:pattern|query|path|file_path|filename|file|name|symbol)":\s*"(?:\.\*|\^|def |class )?'
    r"([\w./-]{3,80})\(?\"",
)
_IS_THERE = (
    r"[`'\"]?\)?(?:\(\))?[`'\"]?\s+(?:\w+\s+){0,2}?(?:already |currently |also |now )?"
    r"(?:contains|defines|handles|implements|exists|returns|reads|includes|provides|sets|accepts|takes|loads|parses|has"
    r"|validates|uses|calls|is defined|is located|is implemented|looks|shows|checks)\b"
)
_PLACES_IT = r"\b(?:in|of|from|calls?|uses?|see|using) [`'\"]?"
MOST_MISSING = 200
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)


def hallucinations(transcript: Transcript) -> Iterator[Finding]:
    """Each message that claims what the tools' answers contradict, once."""
    seen: set[int] = set()
    for finding in (*_unknown_tools(transcript), *_false_claims(transcript)):
        if finding.message not in seen:
            seen.add(finding.message)
            yield finding


def _unknown_tools(transcript: Transcript) -> Iterator[Finding]:
    for step in transcript.steps:
        if failure(step) == "unknown_tool":
            shown = f"{step.call.tool}: {step.text}"
            yield Finding(message=step.number, excerpt=excerpt(shown), tool=step.call.tool)


def _false_claims(transcript: Transcript) -> Iterator[Finding]:
    past = _Past()
    answered: dict[int, list[Step]] = {}
    for step in transcript.steps:
        answered.setdefault(step.answered, []).append(step)
    for message in transcript.messages:
        if message.role == "assistant" and message.text:
            words = own_words(message.text)
            claim = _after_failed_tests(words, past) or _after_error(words, past)
            claim = claim or (_tests_nobody_ran(words, past) if transcript.steps else "")
            claim = claim or _what_is_not_there(_CODE.sub(" ", message.text), past)
            if claim:
                yield Finding(message=message.number, excerpt=excerpt(claim))
        past.heard(message, answered.get(message.number, []))


class _Past:
    """What the answers so far have shown; taken in message by message."""

    def __init__(self) -> None:
        self.tests_fail = False  # the last run of tests failed
        self.error = False  # the last answer was an error
        self.ran_tests = False
        self.told_passing = False  # somebody else said that tests pass
        self.missing: dict[str, None] = {}  # names that are not there

    def heard(self, message: Message, steps: list[Step]) -> None:
        """Take in a message and the steps that it answers."""
        said = message.text if message.role == "user" else ""
        texts = (said, *(result.text for result in message.results))
        self.told_passing = self.told_passing or any(_PASSED.search(text) for text in texts)
        for step in steps:
            self._took(step)

    def _took(self, step: Step) -> None:
        failed, kind = tests_failed(step), failure(step)
        self.ran_tests = self.ran_tests or tests(step)
        self.tests_fail = self.tests_fail if failed is None else failed
        self.error = bool(kind or failed)
        if not kind:
            shown = f"{step.call.arguments} {step.text}"
            for name in [name for name in self.missing if name in shown]:
                del self.missing[name]
        self.missing.update(dict.fromkeys(_missed(step)))
        while len(self.missing) > MOST_MISSING:
            del self.missing[next(iter(self.missing))]


def _claims(pattern: re.Pattern[str], words: str) -> str:
    """The clause that claims it, neither denied nor planned; empty without one."""
    for clause in clauses(words):
        found = meant(pattern, clause)
        if found is None or _DENIED.search(found[0]):
            continue
        if not _PLANNED.search(clause[: clause.find(found[0])]):
            return clause
    return ""


def _admits(words: str) -> bool:
    """Whether the message itself speaks of the failure."""
    return any(
        not _NONE_OF_IT.search(clause[: found.start()])
        for clause in clauses(words)
        for found in _ADMITS.finditer(clause)
    )


def _after_failed_tests(words: str, past: _Past) -> str:
    """Tests are said to pass, but the last run of them failed."""
    return _claims(_TESTS_PASS, words) if past.tests_fail and not _admits(words) else ""


def _after_error(words: str, past: _Past) -> str:
    """Success is claimed right after the last answer was an error."""
    return _claims(_SUCCESS, words) if past.error and not _admits(words) else ""


def _tests_nobody_ran(words: str, past: _Past) -> str:
    """A run of tests is claimed; there are tools, and none was called for it."""
    if past.ran_tests or past.told_passing:
        return ""
    return _claims(_RAN, words) or _claims(_TESTS_PASS, words)


def _what_is_not_there(words: str, past: _Past) -> str:
    """A file or name is described that a tool did not find, and nothing made it since."""
    for name in past.missing:
        if name not in words:
            continue
        there = re.compile(re.escape(name) + _IS_THERE)
        for clause in clauses(words):
            if there.search(clause) and not _ADMITS.search(clause):
                return clause
    return ""


def _missed(step: Step) -> list[str]:
    """Names that this step showed not to exist."""
    text = step.text[:600]
    names: list[str] = []
    if _NO_MATCH.match(text):
        names += _SOUGHT.findall(step.call.arguments)
    elif failure(step) or tests_failed(step):
        found = (name for m in _NOT_THERE.finditer(text) for name in m.groups() if name)
        names += found
        if failure(step) == "missing":
            names += _SOUGHT.findall(step.call.arguments)
    ends = [name.rsplit("/", 1)[-1] for name in names]
    return [name for name in dict.fromkeys(ends) if len(name) > 3 and not name.isdigit()]
