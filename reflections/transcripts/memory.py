"""What an agent should have remembered: questions already answered, steps already finished."""

import re
from collections.abc import Iterator

from reflections.transcripts.finding import Finding
from reflections.transcripts.outcomes import failure, pending, reads, tests
from reflections.transcripts.phrases import excerpt, meant, own_words
from reflections.transcripts.transcript import Step, Transcript

LEAST_SHARED = 2  # words of a question that the user's sentence must hold
COVERED = 0.6  # share of the question's words that it must hold
ALIKE = 0.7  # two questions that share so much ask the same
APART = 3  # steps between a finished step and its repetition; nearer ones are a retry loop
MOST_REMEMBERED = 300  # statements and questions that are looked back at
LONG_ANSWER = 200  # characters; reading again what is short costs nothing
_SENTENCE = re.compile(r"[^.?!\n]+(?:[.](?=\S)[^.?!\n]*)*[.?!]?")
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]+")
_ASKS = re.compile(
    r"\b(?:what|which|where|who|whom|how (?:many|much|long|often)|when)\b"
    r"|\b(?:could|can|would) you (?:please )?(?:tell|give|provide|share|specify|confirm|clarify|say"
    r"|remind|let)\b|\bdo you (?:have|know|use)\b|\bare you (?:using|on)\b"
    r"|\bis (?:it|this|there)\b",
    re.IGNORECASE,
)
_OFFERS = re.compile(
    r"\b(?:would you like|do you want|shall i|should i (?:also|go|proceed|continue)|want me to"
    r"|is that (?:ok|okay|fine|right|correct)|does that|sound good|anything else|as well)\b",
    re.IGNORECASE,
)
_VALUE = re.compile(r"\d+(?:[.:/]\d+)*|[\w-]+(?:[./][\w-]+)+|`[^`]+`|\"[^\"]+\"|'[^']+'")
_STOP_TEXT = (
    "the and for with that this from your you are was were what which where who when how many"
    " much should would could can will shall does did have has had use using used want need please"
    " tell give provide share specify confirm let know into about like any some there here then"
    " than them they its it's our out not but also just only more make sure into onto get got one"
    " all would exactly before start started proceed continue me my we us is it in on to of do be"
    " an a or if so as at by up no yes first next now currently name called kind sort remind"
    " clarify say"
)
_STOP = frozenset(_STOP_TEXT.split())
_TOLD = re.compile(
    r"\b(?:you(?:'ve| have)?|we) (?:had )?already (?:told|said|mentioned|gave|given|provided"
    r"|specified|explained|answered|discussed|did|done)\b",
    re.IGNORECASE,
)
_SORRY = re.compile(r"\b(?:sorry|apolog\w+|my mistake|my bad|oops|you(?:'re| are) right)\b", re.I)
_FORGOT = re.compile(
    r"\bi (?:had |have |must have |seem to have )?(?:forgot(?:ten)?|lost (?:track|context"
    r"|the context|sight))\b|\bi (?:do not|don't|can't|cannot|no longer) (?:remember|recall)\b"
    r"|\b(?:apologi[sz]e|sorry) for (?:asking|repeating|redoing)\b"
    r"|\bi overlooked (?:your|that you)\b",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"write|edit|create|replace|insert|apply|patch|install|commit|push|mkdir|move|rename|delete"
    r"|remove|deploy|send|post|upload|insert|migrate",
    re.IGNORECASE,
)


def lost_context(transcript: Transcript) -> Iterator[Finding]:
    """Each message that asks or does again what was already said or done."""
    seen: set[int] = set()
    for finding in (*_questions(transcript), *_redone(transcript), *_admitted(transcript)):
        if finding.message not in seen:
            seen.add(finding.message)
            yield finding


def _questions(transcript: Transcript) -> Iterator[Finding]:
    told: list[tuple[str, frozenset[str]]] = []  # the user's statements so far, and their words
    asked: list[tuple[frozenset[str], int]] = []  # earlier questions, and how much was told then
    for message in transcript.messages:
        if message.role == "user":
            said = (one for one in _sentences(message.text) if not one.endswith("?"))
            told += [(one, _content(one)) for one in said]
        if message.role != "assistant":
            continue
        for question in _sentences(own_words(message.text)):
            if not question.endswith("?") or _OFFERS.search(question):
                continue
            words = _content(question)
            repeated = any(len(told) > then and _alike(words, old) for old, then in asked)
            if repeated or (_ASKS.search(question) and _answered(question, words, told)):
                yield Finding(message=message.number, excerpt=excerpt(question))
            asked.append((words, len(told)))
            del asked[:-MOST_REMEMBERED]


def _answered(question: str, words: frozenset[str], told: list[tuple[str, frozenset[str]]]) -> bool:
    """Whether a statement of the user holds what is asked for."""
    if len(words) < LEAST_SHARED:
        return False
    known = set(_VALUE.findall(question))
    for statement, content in told[-MOST_REMEMBERED:]:
        shared = words & content
        if len(shared) < LEAST_SHARED or len(shared) < COVERED * len(words):
            continue
        values = set(_VALUE.findall(statement))
        if not values & known and (values or content - words):
            return True
    return False


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if min(len(one), len(other)) < LEAST_SHARED:
        return False
    return len(one & other) >= ALIKE * len(one | other)


def _redone(transcript: Transcript) -> Iterator[Finding]:
    """A change made again after it succeeded, or the same long text read for the third time."""
    done: dict[tuple[str, str], list[int]] = {}
    changed = -1  # the last step that changed something else
    for at, step in enumerate(transcript.steps):
        if step.result is None or failure(step) or pending(step) or tests(step):
            continue
        earlier = done.get(step.call.same, [])
        if _is_change(step):
            if earlier and at - earlier[-1] > APART and not _undone(transcript, earlier[-1], at):
                yield _found(step, "done before")
            changed = at
        elif len(step.text) >= LONG_ANSWER and len(earlier) >= 2:
            apart = earlier[-1] > changed and at - earlier[-1] > 1
            if apart and _answer_of(transcript, earlier[-1]) == step.text:
                yield _found(step, "read before")
        done[step.call.same] = [*earlier, at]


def _is_change(step: Step) -> bool:
    words = step.call.tool if reads(step) else f"{step.call.tool} {step.call.arguments[:200]}"
    return not reads(step) and bool(_CHANGES.search(words))


def _undone(transcript: Transcript, first: int, last: int) -> bool:
    """Whether something failed or touched the same thing in between: then again may be right."""
    subject = _subject(transcript.steps[first])
    between = transcript.steps[first + 1 : last]
    return any(
        _is_change(step) and (subject is None or subject in step.call.arguments) for step in between
    )


def _subject(step: Step) -> str | None:
    found = re.search(r'"(?:file_path|path|filename|file)":"([^"]+)"', step.call.arguments)
    return found[1] if found else None


def _answer_of(transcript: Transcript, at: int) -> str:
    return transcript.steps[at].text


def _admitted(transcript: Transcript) -> Iterator[Finding]:
    for message in transcript.of("assistant"):
        words = own_words(message.text)
        found = meant(_FORGOT, words) or (_SORRY.search(words) and meant(_TOLD, words))
        if found:
            yield Finding(message=message.number, excerpt=excerpt(found[0]))


def _found(step: Step, what: str) -> Finding:
    shown = f"{what}: {step.call.tool} {step.call.arguments}"
    return Finding(message=step.number, excerpt=excerpt(shown), tool=step.call.tool)


def _sentences(text: str) -> list[str]:
    return [found.strip() for found in _SENTENCE.findall(text[:8000]) if found.strip()]


def _content(text: str) -> frozenset[str]:
    """The words that carry meaning, without their endings."""
    words = (word.lower() for word in _WORD.findall(text))
    return frozenset(_stem(word) for word in words if word not in _STOP and len(word) > 2)


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
