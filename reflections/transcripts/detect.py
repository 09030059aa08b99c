"""The detectors: which bad habits there are, how each is found, and the rule that goes with it.

A rule's text is ours. Nothing a transcript says gets into it but the names of tools, and of those
only plain ones (`tools_named`).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reflections.transcripts.claims import hallucinations
from reflections.transcripts.finding import Finding
from reflections.transcripts.loops import retry_loops
from reflections.transcripts.memory import lost_context
from reflections.transcripts.outcomes import failure
from reflections.transcripts.phrases import excerpt, meant, own_words
from reflections.transcripts.transcript import Transcript

MOST_EXAMPLES = 3
MOST_TOOLS = 3
Find = Callable[[Transcript], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class Detector:
    """One bad habit. `precision`: (right + 1) / (alarms + 2) on the held-out half of the labelled
    set (benchmarks/detectors.py; the rule of succession, as the set is small).

    `rule` is the line for the prompt; `{tools}` in it becomes the tools it happened with.
    `words` are those of a note that reports the habit without a transcript.
    """

    name: str
    title: str
    find: Find
    rule: str
    precision: float
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Example:
    """Where it happened: the number of the message and a line of it."""

    message: int
    excerpt: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A habit in one transcript: how often, with which tools, and up to three examples."""

    pattern: str
    count: int
    examples: tuple[Example, ...]
    tools: tuple[str, ...] = ()


def timeouts(transcript: Transcript) -> Iterator[Finding]:
    """Calls that ran out of time; without any call, what the agent says about it."""
    yield from _failed(transcript, ("timeout",))
    if transcript.steps:
        return
    for message in transcript.of("assistant"):
        if found := meant(_TIMED_OUT, own_words(message.text)):
            yield Finding(message=message.number, excerpt=excerpt(found[0]))


def tool_failures(transcript: Transcript) -> Iterator[Finding]:
    """Calls that a tool refused or could not carry out; failing tests are findings."""
    yield from _failed(transcript, ("arguments", "missing", "busy", "error"))


def _failed(transcript: Transcript, kinds: Sequence[str]) -> Iterator[Finding]:
    for step in transcript.steps:
        if failure(step) in kinds:
            shown = f"{step.call.tool}: {step.text}"
            yield Finding(message=step.number, excerpt=excerpt(shown), tool=step.call.tool)


_TIMED_OUT = re.compile(
    r"\b(?:command|request|call|query|connection|operation|tool|search|script|it|that)s?\b"
    r"[^.\n]{0,20}\b(?:timed out|ran into a time-?out|hit (?:a|the) time-?out)\b",
    re.IGNORECASE,
)

DETECTORS: tuple[Detector, ...] = (
    Detector(
        name="retry-loop",
        title="retry loop",
        find=retry_loops,
        rule="Never send a call again{tools} that just failed, or whose answer did not change, "
        "with the same arguments: read the answer, then change something or say what blocks you.",
        precision=0.91,
        words=("retry loop", "stuck in a loop", "in circles", "same action", "keep retry",
               "repeat the same"),
    ),
    Detector(
        name="timeout",
        title="time-out",
        find=timeouts,
        rule="Before a call{tools} that may take long, set a time limit or do a smaller part of "
        "the work; after a time-out never start the same call again unchanged.",
        precision=0.89,
        words=("timeout", "time out"),
    ),
    Detector(
        name="hallucination",
        title="hallucination",
        find=hallucinations,
        rule="Claim only what an answer of a tool has shown: after an error say that it failed, "
        "say that tests pass only after a run that passed, and name no file, function or tool that "
        "was not seen to exist.",
        precision=0.86,
        words=("hallucinate", "hallucination", "invent an api", "made up"),
    ),
    Detector(
        name="lost-context",
        title="lost context",
        find=lost_context,
        rule="Before asking a question or doing a step, look through what was already said and "
        "done; never ask for what was given, never redo what is finished.",
        precision=0.86,
        words=("lose context", "lose track", "forget", "ignore the instruction",
               "ignore instruction"),
    ),
    Detector(
        name="tool-failure",
        title="tool failure",
        find=tool_failures,
        rule="Before a call{tools}, check that its paths, names and arguments are right; when it "
        "is refused, read why and send what it asks for.",
        precision=0.83,
        words=(),
    ),
)  # fmt: skip


def detect(transcript: Transcript, detectors: Sequence[Detector] = DETECTORS) -> tuple[Seen, ...]:
    """Every habit found in the transcript, in the order of the table."""
    found = ((detector, list(detector.find(transcript))) for detector in detectors)
    return tuple(_seen(detector, findings) for detector, findings in found if findings)


def _seen(detector: Detector, findings: Sequence[Finding]) -> Seen:
    shown = sorted(findings, key=lambda finding: finding.message)[:MOST_EXAMPLES]
    tools = Counter(finding.tool for finding in findings if finding.tool)
    return Seen(
        pattern=detector.name,
        count=len(findings),
        examples=tuple(Example(message=f.message, excerpt=f.excerpt) for f in shown),
        tools=tuple(name for name, _ in tools.most_common(MOST_TOOLS)),
    )


def custom(patterns: Mapping[str, str], rules: Mapping[str, str]) -> tuple[Detector, ...]:
    """Detectors of the settings: a regular expression over agent and tool words, and its rule.

    Raises re.error, KeyError for what is no expression or has no rule; the settings are checked.
    """
    return tuple(
        Detector(name=name, title=name, find=_finder(pattern), rule=rules[name], precision=OWN)
        for name, pattern in patterns.items()
    )


OWN = 0.8
"""Taken for a detector of the settings, whose precision nobody has measured."""


def _finder(pattern: str) -> Find:
    wanted = re.compile(pattern, re.IGNORECASE)

    def find(transcript: Transcript) -> Iterator[Finding]:
        for message in transcript.of("assistant", "tool"):
            said = [own_words(message.text), *(result.text for result in message.results)]
            for text in said:
                if found := meant(wanted, text):
                    yield Finding(message=message.number, excerpt=excerpt(found[0]))
                    break

    return find


_PLAIN_WORDS_TEXT = (
    "bash shell sh run command execute exec terminal read write edit multi file files list dir"
    " directory ls grep search find glob web fetch http get request url python node test tests"
    " pytest git str string replace editor based apply patch todo task view cat open create"
    " browser click navigate sql query db database code interpreter tool function call update"
    " notebook"
)
_PLAIN_WORDS = frozenset(_PLAIN_WORDS_TEXT.split())
_PARTS = re.compile(r"[_.\-]+|(?<=[a-z])(?=[A-Z])")


def tools_named(names: Sequence[str]) -> str:
    """` (seen with bash, read_file)` of the names that are plain words for tools, or nothing.

    A name comes from a transcript and may read like an order; so each word of it must be known.
    """
    plain = [name for name in names if len(name) <= 40 and _is_plain(name)]
    return f" (seen with {', '.join(plain[:MOST_TOOLS])})" if plain else ""


def _is_plain(name: str) -> bool:
    return name.isascii() and all(part.lower() in _PLAIN_WORDS for part in _PARTS.split(name))
