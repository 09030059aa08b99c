"""The six tools: schemas every strict server compiles, and the same fields in our own check."""

import json

from daemon.engines.dialogue.tools import KINDS, definitions
from daemon.engines.prompts import ARGUMENTS, TOOLS


def test_there_are_six_tools_with_words_for_everything() -> None:
    """Schema, own check and prompt speak of the same arguments."""
    tools = {each["name"]: each for each in definitions(strict=True)}

    assert list(tools) == list(KINDS) == list(TOOLS)
    for name, tool in tools.items():
        properties = tool["input_schema"]["properties"]
        assert list(properties) == list(KINDS[name].model_fields) == list(ARGUMENTS[name])
        assert tool["input_schema"]["required"] == list(properties)
        assert tool["input_schema"]["additionalProperties"] is False
        assert tool["strict"] is True


def test_the_schemas_stay_small_and_the_same() -> None:
    """Strict schemas compile into one grammar of limited size; a changed list loses the cache."""
    assert len(json.dumps(definitions(strict=True))) < 6000
    assert definitions(strict=True) == definitions(strict=True)


def test_strict_can_be_left_out() -> None:
    """For servers that refuse what they do not know."""
    assert all("strict" not in each for each in definitions(strict=False))
