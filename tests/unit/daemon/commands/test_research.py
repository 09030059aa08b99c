"""`mendd research` as it is typed: what is refused before anything is ordered."""

from pathlib import Path

import pytest

from daemon.actions.action import Action
from daemon.cli import main
from daemon.experiment.asking import STATUS, STEPS


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    file = tmp_path / "mendd.toml"
    file.write_text('state = "state"\n[[target]]\nname = "shop"\npath = "shop"\n')
    return file


def said(config: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and what was said on stderr."""
    code = main(["--config", str(config), "research", *arguments])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["setup", "--iterations", "0"], "greater than or equal to 1"),
        (["setup", "--epsilon", "7"], "less than or equal to 1"),
        (["setup", "--run", "python 'bench.py"], "No closing quotation"),
        (["setup", "--arguments", "gone.json"], "cannot be read"),
        (["edit", "--patch", "x.diff"], "--hypothesis"),
        (["edit", "--hypothesis", "y", "--patch", "gone.diff"], "cannot be read"),
        (["run"], "no session is open"),
        (["decide", "nope"], "no session is called 'nope'"),
        (["status"], "no session is open"),
        (["dance"], "invalid choice"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_do(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    """Wrong usage is exit code 2, and nothing is ordered."""
    code, error = said(config, capsys, *arguments)

    assert code == 2
    assert why in error
    assert "Send research_" not in error, "that is for agents"
    assert not (config.parent / "state" / "orders").exists()


def test_arguments_may_come_as_an_agent_sends_them(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Checked by the same schema."""
    file = tmp_path / "arguments.json"
    file.write_text('{"iterations": 3, "surprise": true}')

    code, error = said(config, capsys, "setup", "--arguments", str(file))

    assert code == 2
    assert "surprise" in error


@pytest.mark.parametrize("action", [*STEPS, STATUS], ids=lambda action: action.name)
def test_every_step_has_a_schema_without_surprises(action: Action[None]) -> None:
    """So an agent knows what to send; unknown members are refused."""
    assert action.parameters["additionalProperties"] is False
    assert all(each.get("description") for each in action.parameters["properties"].values())


def test_what_may_land_a_commit_needs_leave() -> None:
    """The others change nothing in the target."""
    lands = {action.name.removeprefix("research_") for action in STEPS if action.changes_code}

    assert lands == {"decide", "finalize", "loop", "stop"}
