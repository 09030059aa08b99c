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
    for message in transcript.of("assistant"):
        if not message.text:
            continue
        earlier = [s for s in transcript.steps if s.number < message.number and _known(s, message)]
        words = own_words(message.text)
        claim = _after_failed_tests(words, earlier) or _after_error(words, earlier)
        claim = claim or _tests_nobody_ran(words, earlier, message, transcript)
        claim = claim or _what_is_not_there(_CODE.sub(" ", message.text), earlier, transcript)
        if claim:
            yield Finding(message=message.number, excerpt=excerpt(claim))


def _known(step: Step, message: Message) -> bool:
    return step.result is not None and step.answered < message.number


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


def _after_failed_tests(words: str, earlier: list[Step]) -> str:
    """Tests are said to pass, but the last run of them failed."""
    runs = [failed for step in earlier if (failed := tests_failed(step)) is not None]
    return _claims(_TESTS_PASS, words) if runs and runs[-1] and not _admits(words) else ""


def _after_error(words: str, earlier: list[Step]) -> str:
    """Success is claimed right after the last answer was an error."""
    if not earlier or not (failure(earlier[-1]) or tests_failed(earlier[-1])):
        return ""
    return "" if _admits(words) else _claims(_SUCCESS, words)


def _tests_nobody_ran(
    words: str, earlier: list[Step], message: Message, transcript: Transcript
) -> str:
    """A run of tests is claimed; there are tools, and none was called for it."""
    if not transcript.steps or any(tests(step) for step in earlier):
        return ""
    told = (m for m in transcript.messages if m.number < message.number)
    if any(
        _PASSED.search(m.text if m.role == "user" else " ".join(r.text for r in m.results))
        for m in told
        if m.role in ("user", "tool")
    ):
        return ""
    return _claims(_RAN, words) or _claims(_TESTS_PASS, words)


def _what_is_not_there(words: str, earlier: list[Step], transcript: Transcript) -> str:
    """A file or name is described that a tool did not find, and nothing made it since."""
    for at, step in enumerate(earlier):
        for name in _missed(step):
            later = earlier[at + 1 :]
            if any(name in f"{s.call.arguments} {s.text}" and not failure(s) for s in later):
                continue
            for clause in clauses(words):
                there = re.escape(name) + _IS_THERE
                if re.search(there, clause) and not _ADMITS.search(clause):
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
