"""docs/commands.md and the commands are one thing."""

import re

import pytest

from daemon import cli
from tests.terminal import ROOT, Home

PAGE = (ROOT / "docs" / "commands.md").read_text("utf-8")


def promised(command: str) -> set[str]:
    """The top-level keys the page promises for a command's JSON."""
    section = PAGE.partition("## JSON")[2].splitlines()
    row = next(line for line in section if line.startswith(f"| {command} |"))
    keys = row.split("|")[2].split("`")[1]
    return set(re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", keys).split())


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if name != "demo"])
def test_every_command_is_on_the_page(name: str) -> None:
    """The table of commands is complete."""
    assert f"`{name}" in PAGE


@pytest.mark.parametrize(
    ("row", "arguments"),
    [
        ("`status`", ["status"]),
        ("`audit list` `audit show`", ["audit", "list"]),
        ("`audit verify`", ["audit", "verify"]),
        ("`audit report`", ["audit", "report", "20261120T08"]),
        ("`off` `on`", ["on"]),
        ("`reflect`", ["reflect", "it fails"]),
    ],
)
def test_json_has_the_keys_the_page_promises(
    row: str, arguments: list[str], recorded: Home
) -> None:
    """No more and no less."""
    found = recorded.json(*arguments)

    assert set(found) == promised(row)
