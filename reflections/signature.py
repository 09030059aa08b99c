"""One failure, one signature: what makes two notes be about the same thing."""

import hashlib
import re
from pathlib import PurePosixPath

from reflections.reflection import Reflection
from reflections.tracebacks import Failure, Frame, parse_traceback

_NOT_OURS = re.compile(r"(?:^|/)(?:site-packages|dist-packages|lib/python3[^/]*|importlib)/|^<")
_VARIABLE = (
    (re.compile(r"'[^'\n]{0,500}'|\"[^\"\n]{0,500}\"|`[^`\n]{0,500}`"), "'…'"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "ID"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "ADDRESS"),
    (re.compile(r"\b[0-9a-f]{12,}\b", re.IGNORECASE), "ID"),
    (re.compile(r"(?<![\w.~-])(?:[A-Za-z]:)?[\w.~-]*(?:[/\\][\w.~-]+){2,}"), "PATH"),
    (re.compile(r"\d+(?:\.\d+)*"), "N"),
)
_WORD = re.compile(r"[^\W\d_]+(?:_[^\W\d_]+)*")
_MOST_WORDS = 60


def signature(
    reflection: Reflection, *, file: str | None = None, function: str | None = None
) -> str:
    """64 hex digits, the same for two notes about the same failure of the same target.

    From a traceback: the error's type, its message without values, and the innermost frame of the
    target's own code, by file name and function; no line numbers, addresses or path prefixes. So
    a test and a script that run into the same fault agree. Without one: the file and function of
    the bug report if given, the test, and the note's words without numbers and values.
    """
    failure = _failure(reflection)
    if failure is not None:
        marks = ["traceback", *_of_failure(failure)]
    else:
        marks = ["words", file or "", function or "", reflection.test or "", _words_of(reflection)]
    return hashlib.sha256("\0".join([reflection.target or "", *marks]).encode()).hexdigest()


def normalised(message: str) -> str:
    """A message without what differs between two runs: values, ids, addresses, paths, numbers."""
    for pattern, instead in _VARIABLE:
        message = pattern.sub(instead, message)
    return " ".join(message.split())


def _failure(reflection: Reflection) -> Failure | None:
    texts = (reflection.traceback, reflection.reflection, reflection.outcome)
    return next((found for text in texts if text and (found := parse_traceback(text))), None)


def _of_failure(failure: Failure) -> list[str]:
    error = failure.error.rpartition(".")[2]
    ours = [frame for frame in failure.frames if not _NOT_OURS.search(_slashed(frame.file))]
    innermost = (ours or list(failure.frames))[-1:]
    return [error, normalised(failure.message), *(part for f in innermost for part in _of_frame(f))]


def _of_frame(frame: Frame) -> list[str]:
    """File name and function; a name that every package has is told apart by its folder."""
    path = PurePosixPath(_slashed(frame.file))
    named = path.name if not path.name.startswith("__") else f"{path.parent.name}/{path.name}"
    function = re.sub(
        r"<locals>\.|<(?:lambda|listcomp|dictcomp|setcomp|genexpr)>", "", frame.function
    )
    return [named, function.rpartition(".")[2]]


def _slashed(path: str) -> str:
    return path.replace("\\", "/")


def _words_of(reflection: Reflection) -> str:
    text = f"{reflection.outcome}\n{reflection.reflection}".strip() or reflection.task_summary
    found = _WORD.findall(normalised(text).lower())
    return " ".join(found[:_MOST_WORDS])
