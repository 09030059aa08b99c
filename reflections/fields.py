"""From the keys strangers use to the fields of a reflection; the only place that knows both.

The first name that says something gives the field; what stands under a further name for the same
field is not dropped but added to the text of the reflection.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from reflections.secrets import redact
from reflections.timestamps import read_time

NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "note_id", "reflection_id", "uuid"),
    "timestamp": ("timestamp", "time", "date", "datetime", "created_at", "created", "ts", "when"),
    "task_summary": ("task_summary", "task", "title", "goal", "task_description", "objective",
                     "summary"),
    "outcome": ("outcome", "result", "status", "success", "succeeded", "passed", "failed"),
    "reflection": ("reflection", "note", "notes", "text", "message", "body", "description",
                   "details", "detail", "analysis", "what_went_wrong", "what_happened", "lesson",
                   "lessons", "lessons_learned", "observation", "comment", "content", "insight"),
    "error": ("error", "errors", "error_message", "exception", "failure"),
    "traceback": ("traceback", "stack_trace", "stacktrace", "trace", "stack"),
    "test": ("test", "failing_test", "test_id", "nodeid", "test_name"),
    "target": ("target", "repo", "repository", "project", "codebase"),
    "labels": ("labels", "tags", "label", "tag"),
}  # fmt: skip
"""Each field with the keys it is read from, best first; spelling and case of keys do not matter."""
_FIELD_OF = {key: field for field, keys in NAMES.items() for key in keys}
HEADINGS = {key: key for key in _FIELD_OF if key not in ("id", "success", "passed", "failed")}
"""Markdown headings (small letters, underscores) that name a part of the note."""

TERMINAL_CODE = re.compile(
    r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|[@-Z\\-_])"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def clean(text: str) -> str:
    """Text fit to store and show: plain newlines, no terminal codes, no control signs, redacted."""
    text = TERMINAL_CODE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return redact(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)).strip()


def words(value: Any) -> str:
    """Any JSON value as text: lists one item a line, objects as `key: value` lines."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(filter(None, map(words, value)))
    if isinstance(value, dict):
        return "\n".join(f"{key}: {said}" for key, item in value.items() if (said := words(item)))
    return str(value)


class Fields(BaseModel):
    """One record from outside, sorted into our fields and within our limits (characters)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timestamp: datetime
    id: Annotated[str, StringConstraints(max_length=300)] = ""
    task_summary: Annotated[str, StringConstraints(max_length=10_000)] = ""
    outcome: Annotated[str, StringConstraints(max_length=20_000)] = ""
    reflection: Annotated[str, StringConstraints(max_length=100_000)] = ""
    traceback: Annotated[str, StringConstraints(max_length=200_000)] = ""
    test: Annotated[str, StringConstraints(max_length=1_000)] = ""
    target: Annotated[str, StringConstraints(max_length=300)] = ""
    labels: tuple[Annotated[str, StringConstraints(max_length=100)], ...] = ()


def read_fields(record: Mapping[str, Any], *, received: datetime) -> Fields:
    """One record as fields; ValueError, fit to be shown, when it is too large or says nothing."""
    said = _sorted_out(record)
    extra = list[str]()
    values: dict[str, Any] = {
        field: _first(said, field, extra) for field in ("task_summary", "outcome", "reflection")
    }
    values |= {field: _only(said, field) for field in ("id", "traceback", "test", "target")}
    _place_errors(said, values, extra)
    values["reflection"] = "\n\n".join(filter(None, [values["reflection"], *extra]))
    values["labels"] = _labels(said.get("labels", []))
    times = [value for _, value in said.get("timestamp", []) if value not in (None, "")]
    values["timestamp"] = read_time(times[0] if times else None, received=received)
    try:
        return Fields(**values)
    except ValidationError as error:
        raise ValueError(_in_words(error)) from None


def _sorted_out(record: Mapping[str, Any]) -> dict[str, list[tuple[str, Any]]]:
    """Field -> the (key, value) pairs that speak about it, best key first."""
    said: dict[str, list[tuple[str, Any]]] = {}
    for key, value in record.items():
        if field := _FIELD_OF.get(_plain_key(key)):
            said.setdefault(field, []).append((_plain_key(key), value))
    for field, pairs in said.items():
        pairs.sort(key=lambda pair: NAMES[field].index(pair[0]))
    return said


def _plain_key(key: str) -> str:
    """`taskSummary`, `Task-Summary` and `task summary` are all `task_summary`."""
    return re.sub(r"[\s-]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key[:80]).strip()).lower()


def _texts(said: Mapping[str, list[tuple[str, Any]]], field: str) -> Iterator[str]:
    for key, value in said.get(field, []):
        text = _yes_or_no(key, value) if isinstance(value, bool) else words(value).strip()
        if text:
            yield text


def _yes_or_no(key: str, value: bool) -> str:
    """`success: false` and `failed: true` both mean failed."""
    if _FIELD_OF.get(key) != "outcome":
        return words(value)
    return "failed" if value == (key == "failed") else "success"


def _first(said: Mapping[str, list[tuple[str, Any]]], field: str, extra: list[str]) -> str:
    """What the best key says; the others' words go to `extra`."""
    texts = list(_texts(said, field))
    extra.extend(text for text in dict.fromkeys(texts[1:]) if text != texts[0])
    return texts[0] if texts else ""


def _only(said: Mapping[str, list[tuple[str, Any]]], field: str) -> str:
    return next(_texts(said, field), "")


def _place_errors(
    said: Mapping[str, list[tuple[str, Any]]], values: dict[str, Any], extra: list[str]
) -> None:
    """An error is a traceback if it is one, the outcome if there is none, else more text."""
    for key, value in said.get("error", []):
        text = words(value).strip()
        if value in (False, 0) or not text:
            continue
        if "Traceback (most recent call last)" in text and not values["traceback"]:
            values["traceback"] = text
        elif not values["outcome"]:
            values["outcome"] = f"{key.removesuffix('_message')}: {text}"
        else:
            extra.append(f"{key.removesuffix('_message')}: {text}")


def _labels(pairs: list[tuple[str, Any]]) -> tuple[str, ...]:
    """Labels from a list or from `a, b`; empty ones and repetitions left out, 50 at most."""
    found = list[str]()
    for _, value in pairs:
        items = value if isinstance(value, list) else words(value).split(",")
        found += [clean(words(item)) for item in items]
    return tuple(dict.fromkeys(label for label in found if label))[:50]


def _in_words(error: ValidationError) -> str:
    """Pydantic's first complaint as a short sentence."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    limit = first.get("ctx", {}).get("max_length")
    return f"{field} is longer than {limit} characters" if limit else f"{field}: {first['msg']}"
