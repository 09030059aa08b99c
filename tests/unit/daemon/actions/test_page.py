"""docs/actions.md and the actions are one thing."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon.actions.action import Action
from daemon.actions.caller import Caller
from daemon.actions.catalogue import agents_actions
from daemon.config.config_file import load_settings

PAGE = (Path(__file__).parents[4] / "docs" / "actions.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The page's code blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def test_every_tool_is_on_the_page_with_what_it_needs() -> None:
    """The table says of each whether it needs the flag."""
    table = PAGE.partition("| tool | does |")[2].partition("\n\n")[0]
    promised = {
        name: row.rstrip().endswith("yes |")
        for row in table.splitlines()
        for name in re.findall(r"`([a-z_]+)`", row.split("|")[1] if "|" in row else "")
    }

    assert promised == {each.name: each.changes_code for each in agents_actions()}


def test_the_example_of_an_action_works(tmp_path: Path) -> None:
    """As it stands there."""
    (tmp_path / "mendd.toml").write_text('state = "s"\n[[target]]\nname = "a"\npath = "."\n')
    caller = Caller(settings=load_settings(tmp_path / "mendd.toml"), by="ada")
    names: dict[str, Any] = {}

    exec(blocks("python")[0], names)  # noqa: S102 - our own page

    action = names["LARGEST"]
    assert isinstance(action, Action)
    assert action.call({}, caller) == {"reports": []}


def test_the_clients_settings_are_json() -> None:
    """What a person copies into a client."""
    (text,) = blocks("json")

    assert json.loads(text)["mcpServers"]["mendd"]["args"][-1] == "mcp"


def test_the_example_of_a_target_fits_its_own_rules() -> None:
    """The contract's example is one."""
    names: dict[str, Any] = {"add": lambda a, b: a + b}

    exec(blocks("python")[1], names)  # noqa: S102 - our own page

    (action,) = names["ACTIONS"]
    assert set(action) == {"name", "description", "parameters", "execute", "example"}
    assert action["execute"](**action["example"]) == 3


def test_every_text_list_and_number_has_its_cap() -> None:
    """As the page says; a longer file name was "Argument list too long"."""
    missing = {
        "string": "maxLength",
        "array": "maxItems",
        "integer": "maximum",
        "number": "maximum",
    }

    def uncapped(node: Any, where: str) -> Iterator[str]:
        if isinstance(node, dict):
            wanted = missing.get(node["type"]) if isinstance(node.get("type"), str) else None
            if wanted and not {wanted, "enum", "const"} & node.keys():
                yield where
            for name, each in node.items():
                yield from uncapped(each, f"{where}.{name}")
        elif isinstance(node, list):
            for each in node:
                yield from uncapped(each, where)

    for action in agents_actions():
        assert list(uncapped(action.parameters, action.name)) == []
