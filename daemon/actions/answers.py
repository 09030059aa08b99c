"""Makes an action's answer fit for an agent: JSON, secrets hidden, never longer than a cap."""

import json
from collections.abc import Mapping
from typing import Any

from daemon.actions.action import ActionError
from reflections.secrets import redact

MOST_ANSWER = 100_000
"""Characters of one answer: about a sixth of what the smallest current models can hold."""

TEXTS = (20_000, 4_000, 1_000, 300, 80)
"""Long texts (diffs, outputs) are cut to the first of these at which the answer fits."""


def answer_text(answer: Any, *, most: int = MOST_ANSWER) -> str:
    """The answer as JSON text. Raises ActionError when even cut texts do not make it fit."""
    answer = _hidden(answer)  # first: what is cut through, or escaped, is not known for a secret
    text = _json(answer)
    for longest in TEXTS:
        if len(text) <= most:
            break
        text = _json(_cut(answer, longest))
    if len(text) > most:
        raise ActionError(f"the answer is longer than {most} characters; ask for less of it")
    return redact(text)


def plain_text(text: str, *, most: int = MOST_ANSWER) -> str:
    """A text that is no JSON, with its secrets hidden, within the cap."""
    return cut(redact(text), most)


def cut(text: str, most: int) -> str:
    """A text's beginning and end, with what is missing between them said."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: _hidden(each) for name, each in value.items()}
    return [_hidden(each) for each in value] if isinstance(value, list | tuple) else value


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return cut(value, longest)
    if isinstance(value, Mapping):
        return {name: _cut(each, longest) for name, each in value.items()}
    return [_cut(each, longest) for each in value] if isinstance(value, list | tuple) else value


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    return text.encode("utf-8", "replace").decode()  # lone surrogates are no UTF-8
