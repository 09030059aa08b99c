"""The six tools: their strict schemas, and our own check of what arrives.

Schemas hold only what every strict server compiles (no ranges, no patterns); local servers do not
even hold to those. So every call is checked again here, and what does not fit is said in words.
"""

import json
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from daemon.engines import DeclineCategory, Severity
from daemon.engines.dialogue.conversation import Reply, ToolCall
from daemon.engines.prompts import ARGUMENTS, TOOLS

MOST_CODE = 40_000  # characters of one piece of code
MOST_WORDS = 4_000  # characters of a summary, a reason, a rationale

Schema = dict[str, Any]


class Arguments(BaseModel):
    """Checked arguments of one call."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LogBugReport(Arguments):
    """`log_bug_report`"""

    filename: str = Field(min_length=1, max_length=1000)
    function: str | None = Field(None, max_length=1000)
    summary: str = Field(min_length=1, max_length=MOST_WORDS)
    severity: Severity
    failing_test: str | None = Field(None, max_length=2000)


class ProposeCodePatch(Arguments):
    """`propose_code_patch`: one hunk; `end_line == start_line - 1` inserts."""

    filename: str = Field(min_length=1, max_length=1000)
    start_line: int = Field(ge=1, le=10_000_000)
    end_line: int = Field(ge=0, le=10_000_000)
    original_code: str = Field(max_length=MOST_CODE)
    new_code: str = Field(max_length=MOST_CODE)
    rationale: str = Field(max_length=MOST_WORDS)

    @model_validator(mode="after")
    def _range_is_one(self) -> "ProposeCodePatch":
        if self.end_line < self.start_line - 1:
            raise ValueError("end_line must be at least start_line - 1 (which inserts)")
        return self


class WriteReproductionTest(Arguments):
    """`write_reproduction_test`"""

    test_code: str = Field(min_length=1, max_length=MOST_CODE)
    explanation: str = Field(max_length=MOST_WORDS)


class ViewCode(Arguments):
    """`view_code`"""

    filename: str = Field(min_length=1, max_length=1000)
    start_line: int | None = Field(None, ge=1, le=10_000_000)
    end_line: int | None = Field(None, ge=1, le=10_000_000)


class SearchCode(Arguments):
    """`search_code`"""

    text: str = Field(min_length=1, max_length=200)
    filename: str | None = Field(None, max_length=1000)


class Decline(Arguments):
    """`decline`"""

    category: DeclineCategory
    reason: str = Field(min_length=1, max_length=MOST_WORDS)


KINDS: dict[str, type[Arguments]] = {
    "log_bug_report": LogBugReport,
    "propose_code_patch": ProposeCodePatch,
    "write_reproduction_test": WriteReproductionTest,
    "view_code": ViewCode,
    "search_code": SearchCode,
    "decline": Decline,
}
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_MAYBE_TEXT: Schema = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_MAYBE_NUMBER: Schema = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
_SHAPES: dict[str, dict[str, Schema]] = {
    "log_bug_report": {
        "filename": _TEXT,
        "function": _MAYBE_TEXT,
        "summary": _TEXT,
        "severity": {"type": "string", "enum": list(get_args(Severity))},
        "failing_test": _MAYBE_TEXT,
    },
    "propose_code_patch": {
        "filename": _TEXT,
        "start_line": _NUMBER,
        "end_line": _NUMBER,
        "original_code": _TEXT,
        "new_code": _TEXT,
        "rationale": _TEXT,
    },
    "write_reproduction_test": {"test_code": _TEXT, "explanation": _TEXT},
    "view_code": {"filename": _TEXT, "start_line": _MAYBE_NUMBER, "end_line": _MAYBE_NUMBER},
    "search_code": {"text": _TEXT, "filename": _MAYBE_TEXT},
    "decline": {
        "category": {"type": "string", "enum": list(get_args(DeclineCategory))},
        "reason": _TEXT,
    },
}


def definitions(*, strict: bool) -> list[dict[str, Any]]:
    """The tools as the API wants them, always all of them: a changed list would lose the cache."""
    return [_definition(name, strict) for name in _SHAPES]


def checked(call: ToolCall) -> Arguments | Reply:
    """The call's arguments, or the reply that says what did not fit and what to send."""
    kind = KINDS.get(call.name)
    if kind is None:
        return Reply(text=f"There is no tool {call.name!r}. {_known()}", wrong=True)
    try:
        return kind.model_validate(_decoded(call.arguments))
    except ValidationError as error:
        faults = "\n".join(_fault(fault) for fault in error.errors()[:6])
        return Reply(text=f"{call.name} was not carried out:\n{faults}\n{_usage(call)}", wrong=True)


def _definition(name: str, strict: bool) -> dict[str, Any]:
    properties = {
        argument: {**shape, "description": ARGUMENTS[name][argument]}
        for argument, shape in _SHAPES[name].items()
    }
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    tool = {"name": name, "description": TOOLS[name], "input_schema": schema}
    return {**tool, "strict": True} if strict else tool


def _decoded(arguments: Any) -> Any:
    """Some local servers send the arguments as JSON text."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _fault(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "arguments"
    message = str(fault["msg"]).removeprefix("Value error, ")
    sent = "" if fault["type"] in {"missing", "value_error"} else f" (you sent {_sent(fault)})"
    return f"- {where}: {message}{sent}"


def _sent(fault: Any) -> str:
    shown = repr(fault["input"])
    return shown if len(shown) <= 80 else f"{shown[:80]}…"


def _usage(call: ToolCall) -> str:
    wanted = (f"{name}: {words}" for name, words in ARGUMENTS[call.name].items())
    return f"Send {call.name} again with exactly these arguments:\n" + "\n".join(wanted)


def _known() -> str:
    return f"The tools are: {', '.join(KINDS)}."
