"""The same again: identical calls with identical answers, errors answered by the same call."""

import re
from collections.abc import Iterator
from itertools import groupby

from reflections.transcripts.finding import Finding
from reflections.transcripts.outcomes import failure, pending, tests_failed
from reflections.transcripts.phrases import excerpt, meant, own_words
from reflections.transcripts.transcript import Step, Transcript

AFTER_ERROR = 2  # identical calls that fail alike: the second is one too many
AFTER_BUSY = 4  # a busy server or a lock may pass, so patience is allowed
SAME_ANSWER = 3  # identical calls that succeed alike
ROUNDS = 3  # repetitions of a cycle of two or three different calls
SAME_WORDS, LEAST_WORDS = 3, 30
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+(?:[.:]\d+)*")
_SAID = re.compile(
    r"\b(?:i am|i'm|i keep|i kept|we are|we keep)\b[^.\n]{0,30}\b(?:stuck in a loop|in a loop"
    r"|in circles|(?:trying|repeating|retrying|running|making) the same)\b"
    r"|\btr(?:y|ied|ying) the same (?:command|call|thing|step)s? (?:over and over|again and again)",
    re.IGNORECASE,
)


def retry_loops(transcript: Transcript) -> Iterator[Finding]:
    """Each run of repetitions once, at the message where it became one."""
    seen: set[int] = set()
    for finding in (*_runs(transcript), *_cycles(transcript), *_texts(transcript)):
        if finding.message not in seen:
            seen.add(finding.message)
            yield finding
    if not seen:
        yield from _admitted(transcript)


def _runs(transcript: Transcript) -> Iterator[Finding]:
    """Identical calls one after the other, with nothing else done and nobody asking for it."""
    for _, group in groupby(_turns(transcript), key=lambda pair: (pair[0], pair[1].call.same)):
        run = [step for _, step in group]
        for _, alike in groupby(run, key=_answer):
            same = list(alike)
            most = _allowed(same[0])
            if most and len(same) >= most:
                yield _found(same[most - 1], f"{len(same)} times the same call")


def _turns(transcript: Transcript) -> Iterator[tuple[int, Step]]:
    """Each step with the number of the last words of the user before it."""
    asked = [message.number for message in transcript.of("user") if message.text]
    for step in transcript.steps:
        yield max((number for number in asked if number < step.number), default=0), step


def _allowed(step: Step) -> int:
    """How many such calls in a row are a loop; 0: any number is waiting, not looping."""
    if step.result is None:
        return 0
    kind = failure(step)
    if kind == "busy":
        return AFTER_BUSY
    if kind or tests_failed(step):
        return AFTER_ERROR
    return 0 if pending(step) else SAME_ANSWER


def _answer(step: Step) -> str:
    """The answer without numbers, which differ between two equal failures."""
    answered = step.text if not failure(step) else _NUMBERS.sub("N", step.text)
    return " ".join(answered.split())


def _cycles(transcript: Transcript) -> Iterator[Finding]:
    """A, B, A, B, A, B with the same answers each time."""
    steps = transcript.steps
    marks = [(step.call.same, _answer(step)) for step in steps]
    for period in (2, 3):
        at = 0
        while at + period * ROUNDS <= len(steps):
            first = marks[at : at + period]
            rounds = [marks[at + period * nth : at + period * (nth + 1)] for nth in range(ROUNDS)]
            turning = len(set(first)) > 1 and all(each == first for each in rounds)
            if turning and not any(pending(step) for step in steps[at : at + period]):
                yield _found(
                    steps[at + period * (ROUNDS - 1)], f"{ROUNDS} rounds of the same calls"
                )
                at += period * ROUNDS
            else:
                at += 1


def _texts(transcript: Transcript) -> Iterator[Finding]:
    """The same words without a call in between."""
    said = [m for m in transcript.messages if m.role == "assistant" or m.results]
    for words, group in groupby(said, key=lambda m: "" if m.calls else _plain(m.text)):
        same = list(group)
        if len(words) >= LEAST_WORDS and len(same) >= SAME_WORDS and not same[0].results:
            number = same[SAME_WORDS - 1].number
            yield Finding(message=number, excerpt=excerpt(same[0].text))


def _admitted(transcript: Transcript) -> Iterator[Finding]:
    for message in transcript.of("assistant"):
        found = meant(_SAID, own_words(message.text))
        if found:
            yield Finding(message=message.number, excerpt=excerpt(found[0]))


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _found(step: Step, what: str) -> Finding:
    shown = f"{what}: {step.call.tool} {step.call.arguments}"
    return Finding(message=step.number, excerpt=excerpt(shown), tool=step.call.tool)
