"""The six tools: schemas every strict server compiles, made from the declaration that checks."""

import json

from daemon.engines.dialogue.tools import TOOLS, definitions


def test_there_are_six_tools_with_words_for_everything() -> None:
    """Each argument is described and required, and nothing beside them is allowed."""
    tools = {each["name"]: each for each in definitions(strict=True)}

    assert list(tools) == [
        "log_bug_report",
        "propose_code_patch",
        "write_reproduction_test",
        "view_code",
        "search_code",
        "decline",
    ]
    for name, tool in tools.items():
        properties = tool["input_schema"]["properties"]
        assert list(properties) == list(TOOLS.get(name).arguments.model_fields)
        assert all(each["description"] for each in properties.values())
        assert tool["input_schema"]["required"] == list(properties)
        assert tool["input_schema"]["additionalProperties"] is False
        assert tool["strict"] is True


def test_the_schemas_hold_only_what_strict_servers_compile() -> None:
    """Ranges and defaults are checked on arrival; sent along they are answered with a 400."""
    sent = json.dumps(definitions(strict=True))

    assert not any(f'"{word}"' in sent for word in ("maxLength", "minimum", "default", "title"))


def test_the_schemas_stay_small_and_the_same() -> None:
    """Strict schemas compile into one grammar of limited size; a changed list loses the cache."""
    assert len(json.dumps(definitions(strict=True))) < 6000
    assert definitions(strict=True) == definitions(strict=True)


def test_strict_can_be_left_out() -> None:
    """For servers that refuse what they do not know."""
    assert all("strict" not in each for each in definitions(strict=False))
