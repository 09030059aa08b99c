"""docs/commands.md and the commands are one thing."""

import re
import shlex
from collections.abc import Iterator

import pytest

from daemon import cli
from tests.terminal import ROOT, Home

PAGE = (ROOT / "docs" / "commands.md").read_text("utf-8")


COMMAND = re.compile(r"^ *(?:[$#] |sudo (?:-u \w+ )?)?(?:/opt/mendd/bin/)?mendd ([a-z-].*)$")


def written_commands() -> Iterator[tuple[str, str]]:
    """Every command line in the code blocks of the README and the docs, and where it stands."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        blocks = re.findall(
            r"^```\w*\n(.*?)^```|((?:^ {4}.*\n)+)", page.read_text("utf-8"), re.M | re.S
        )
        for line in "\n".join(a or b for a, b in blocks).splitlines():
            found = COMMAND.match(line)
            if found:
                yield page.name, re.split(r"\s+#\s|;|&&", found[1])[0]


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


def test_every_command_line_in_the_documentation_is_understood() -> None:
    """What a newcomer copies has the arguments that the command wants."""
    lines = list(written_commands())

    assert len(lines) > 15
    for page, line in lines:
        try:
            cli.parser().parse_args(shlex.split(line))
        except SystemExit as end:
            assert end.code == 0, f"{page}: mendd {line}"
