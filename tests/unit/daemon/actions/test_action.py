"""One action: what is declared is the schema, the check and the words."""

from typing import Any, Literal

import pytest
from pydantic import Field, ValidationInfo, field_validator

from daemon.actions.action import Action, Arguments, BadArguments


class Look(Arguments):
    """For us, not for an agent."""

    filename: str = Field(min_length=1, max_length=20, description="which file")
    first: int | None = Field(None, ge=1, description="first line")
    kind: Literal["short", "long"] = Field("short", description="how much")
    title: str = Field("", description="an argument that is called like a keyword")

    @field_validator("title")
    @classmethod
    def _plain(cls, value: str, info: ValidationInfo) -> str:
        if "\n" in value:
            raise ValueError("one line only")
        return value


def look(sent: Look, context: str) -> dict[str, Any]:
    """What it got."""
    return {"context": context, **sent.model_dump()}


LOOK: Action[str] = Action(name="look", description="See it.", arguments=Look, execute=look)


def test_the_schema_is_made_from_the_arguments() -> None:
    """With limits and defaults, without the words that are only for us."""
    schema = LOOK.parameters

    assert schema["type"] == "object"
    assert schema["required"] == ["filename"]
    assert schema["additionalProperties"] is False
    assert set(schema) == {"type", "required", "additionalProperties", "properties"}
    assert schema["properties"]["filename"] == {
        "type": "string", "minLength": 1, "maxLength": 20, "description": "which file",
    }  # fmt: skip
    assert schema["properties"]["kind"]["enum"] == ["short", "long"]
    assert schema["properties"]["title"]["description"]


def test_what_fits_is_executed() -> None:
    """With the context, and with defaults filled in; JSON text will do (some servers send it)."""
    expected = {"context": "c", "filename": "a.py", "first": 2, "kind": "short", "title": ""}

    assert LOOK.call({"filename": "a.py", "first": 2}, "c") == expected
    assert LOOK.call('{"filename": "a.py", "first": 2}', "c") == expected


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, "filename: Field required"),
        ({"filename": "a.py", "first": 0}, "first: Input should be greater than or equal to 1"),
        ({"filename": "a.py", "colour": 1}, "colour: Extra inputs are not permitted"),
        ({"filename": "a.py", "kind": "tall"}, "kind: Input should be 'short' or 'long'"),
        ({"filename": "a.py", "title": "a\nb"}, "title: one line only"),
        ({"filename": "x" * 21}, "filename: String should have at most 20 characters"),
        ([], "arguments: Input should be a valid dictionary"),
        ("{", "arguments: Input should be a valid dictionary"),
        (None, "arguments: Input should be a valid dictionary"),
        ("[" * 100_000, "arguments: Input should be a valid dictionary"),
    ],
)
def test_what_does_not_fit_is_said(sent: Any, told: str) -> None:
    """What is wrong and what to send instead; nothing was executed."""
    with pytest.raises(BadArguments) as error:
        LOOK.call(sent, "c")

    words = str(error.value)
    assert words.startswith("look was not carried out:\n")
    assert told in words
    assert "filename: which file" in words
    assert len(words) < 1000


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Look"},
        {"name": "a b"},
        {"name": ""},
        {"name": "x" * 65},
        {"description": " "},
        {"arguments": dict},
        {"execute": None},
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused(wrong: dict[str, Any]) -> None:
    """When it is made, not when an agent calls it."""
    good: dict[str, Any] = {
        "name": "look", "description": "See it.", "arguments": Look, "execute": look,
    }  # fmt: skip

    with pytest.raises(ValueError):
        Action(**{**good, **wrong})
