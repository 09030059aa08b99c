"""An action: a name, words, arguments with a schema, and what is done with them.

    class Look(Arguments):
        filename: str = Field(description="which file", max_length=1000)

    def look(arguments: Look, caller: Caller) -> dict[str, str]: ...

    LOOK = Action(name="look", description="See a file.", arguments=Look, execute=look)

The arguments are a model, so that one declaration is the schema, the check and the type. Models
and agents send whatever they like: `checked` is the only way from what they sent to `execute`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_FAULTS = 6
MOST_SHOWN = 80  # characters of a wrong value quoted back

Schema = dict[str, Any]
C = TypeVar("C")  # with what an action works: the caller, a conversation's views


class ActionError(Exception):
    """An action cannot do what was asked; says why and what to do next.

    Below it: `BadArguments` and `UnknownAction`, for calls that never reached an action.
    """


class BadArguments(ActionError):
    """What was sent does not fit the action's parameters; nothing was done.

    `faults` says only what did not fit; the message also says, for a model, what to send.
    """

    def __init__(self, message: str, faults: str) -> None:
        super().__init__(message)
        self.faults = faults


class Arguments(BaseModel):
    """Checked arguments of one call; nothing beside them is accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, kw_only=True)
class Action(Generic[C]):
    """One thing that can be asked for.

    `execute` gets checked arguments and the context `C`; its answer is plain JSON values where an
    agent may call it. `reads_only`: nothing is different afterwards. `changes_code`: it may change
    a target's files or decide about a patch, so an agent needs leave for it.
    Raises ValueError for a name that is not a-z, 0-9 and _ (at most 64 characters), or no words.
    """

    name: str
    description: str
    arguments: type[Arguments]
    execute: Callable[[Any, C], Any]
    reads_only: bool = False
    changes_code: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of an action (a-z, 0-9 and _)")
        if not isinstance(self.description, str) or not self.description.strip():
            raise ValueError(f"action {self.name} has no description")
        if not (isinstance(self.arguments, type) and issubclass(self.arguments, Arguments)):
            raise ValueError(f"action {self.name}: arguments must be a class of Arguments")
        if not callable(self.execute):
            raise ValueError(f"action {self.name} has nothing to execute")

    @property
    def parameters(self) -> Schema:
        """The arguments as a JSON Schema object (draft 2020-12), with their limits."""
        schema = self.arguments.model_json_schema()
        schema.pop("description", None)  # the class's docstring, which is for us
        return {name: value for name, value in _untitled(schema).items() if name != "title"}

    def checked(self, sent: Any) -> Arguments:
        """What was sent as arguments that fit. Raises BadArguments: what is wrong, what to send."""
        try:
            return self.arguments.model_validate(_decoded(sent))
        except ValidationError as error:
            faults = "\n".join(_fault(fault) for fault in error.errors()[:MOST_FAULTS])
            message = f"{self.name} was not carried out:\n{faults}\n{self._usage()}"
            raise BadArguments(message, faults) from None

    def call(self, sent: Any, context: C) -> Any:
        """Check what was sent, then execute. Raises BadArguments, and what `execute` raises."""
        return self.execute(self.checked(sent), context)

    def _usage(self) -> str:
        fields = self.arguments.model_fields.items()
        wanted = [f"{name}: {field.description or 'see its schema'}" for name, field in fields]
        if not wanted:
            return f"Send {self.name} again without arguments."
        return "\n".join([f"Send {self.name} again with exactly these arguments:", *wanted])


def _untitled(node: Any) -> Any:
    """A schema without the titles that pydantic makes up from names."""
    if isinstance(node, Mapping):
        return {
            name: _properties(value) if name in ("properties", "$defs") else _untitled(value)
            for name, value in node.items()
            if name != "title"
        }
    return [_untitled(each) for each in node] if isinstance(node, list) else node


def _properties(found: Mapping[str, Any]) -> Schema:
    """Named schemas: an argument may itself be called "title"."""
    return {name: _untitled(schema) for name, schema in found.items()}


def _decoded(arguments: Any) -> Any:
    """Some local servers send the arguments as JSON text."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _fault(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "arguments"
    message = str(fault["msg"]).removeprefix("Value error, ")
    sent = "" if fault["type"] in {"missing", "value_error"} else f" (you sent {_sent(fault)})"
    return f"- {where}: {message}{sent}"


def _sent(fault: Any) -> str:
    shown = repr(fault["input"])
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…"
