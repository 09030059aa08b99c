"""Actions as a model reads them: words of a prompt, or tools of the Messages API."""

from collections.abc import Iterable, Mapping
from typing import Any

from daemon.actions.action import Action, Schema

# what every server that compiles strict schemas knows: no ranges, no patterns, no defaults
# https://docs.claude.com/en/docs/build-with-claude/structured-outputs
COMPILED = frozenset(
    {"type", "anyOf", "enum", "const", "items", "properties", "required", "additionalProperties"}
    | {"description", "$defs", "$ref"}
)


def tools(actions: Iterable[Action[Any]], *, strict: bool) -> list[dict[str, Any]]:
    """The actions as `tools` of the Messages API; `strict` asks the server to hold to them."""
    return [_tool(action, strict) for action in actions]


def in_words(actions: Iterable[Action[Any]]) -> str:
    """The actions for a prompt, where the model's server knows no tools: one block each."""
    return "\n\n".join(_words(action) for action in actions)


def _tool(action: Action[Any], strict: bool) -> dict[str, Any]:
    schema = compiled(action.parameters)
    tool = {"name": action.name, "description": action.description, "input_schema": schema}
    return {**tool, "strict": True} if strict else tool


def compiled(schema: Mapping[str, Any]) -> Schema:
    """A schema of only what strict servers compile; every property is required, as they want it.

    What is left out here is still checked when the call arrives.
    """
    kept = {name: _part(name, value) for name, value in schema.items() if name in COMPILED}
    if schema.get("type") == "object":
        kept["properties"] = properties = kept.get("properties", {})
        kept = {**kept, "required": list(properties), "additionalProperties": False}
    return kept


def _part(keyword: str, value: Any) -> Any:
    if keyword in ("properties", "$defs"):
        return {name: compiled(each) for name, each in value.items()}
    if keyword == "anyOf":
        return [compiled(each) for each in value]
    return compiled(value) if keyword == "items" else value


def _words(action: Action[Any]) -> str:
    schema = action.parameters
    needed = set(schema.get("required", ()))
    lines = [f"{action.name}: {action.description}"]
    for name, shape in schema.get("properties", {}).items():
        optional = "" if name in needed else ", optional"
        lines.append(f"  {name} ({_kind(shape)}{optional}): {shape.get('description', '')}")
    return "\n".join(lines)


def _kind(shape: Mapping[str, Any]) -> str:
    if "enum" in shape:
        return " | ".join(map(str, shape["enum"]))
    if "anyOf" in shape:
        return " or ".join(_kind(each) for each in shape["anyOf"])
    return str(shape.get("type", "any"))
