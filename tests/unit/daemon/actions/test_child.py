"""A command as a process of its own: its document, its progress, its complaints."""

import sys
from pathlib import Path

import pytest

from daemon.actions import child
from daemon.actions.action import ActionError
from daemon.actions.caller import Caller
from daemon.actions.child import run_command
from daemon.config.config_file import load_settings


@pytest.fixture
def heard() -> list[str]:
    """What was told meanwhile."""
    return []


@pytest.fixture
def caller(tmp_path: Path, heard: list[str]) -> Caller:
    """Somebody with a project, who listens."""
    config = tmp_path / "mendd.toml"
    config.write_text('state = "s"\n[[target]]\nname = "a"\npath = "."\n')
    return Caller(settings=load_settings(config), by="ada", progress=heard.append)


def pretend(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Run this instead of mendd."""
    monkeypatch.setattr(child, "program", lambda: [sys.executable, "-c", code])


def test_a_commands_document_is_the_answer(caller: Caller) -> None:
    """With the caller's own configuration."""
    found = run_command(["status", "--json"], caller)

    assert found["config"] == str(caller.settings.file)


def test_a_commands_complaint_is_raised(caller: Caller) -> None:
    """In its own words."""
    with pytest.raises(ActionError, match="no held patch is called 'x'"):
        run_command(["approve", "--json", "--", "x"], caller)


def test_a_text_that_no_command_can_take_is_told(caller: Caller) -> None:
    """It was called a fault in mendd itself."""
    with pytest.raises(ActionError, match="NUL"):
        run_command(["approve", "--json", "--", "a\0b"], caller)


def test_what_it_says_meanwhile_is_progress(
    caller: Caller, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line by line, bounded."""
    said = "sys.stderr.write('one\\n\\n' + 'x' * 200_000 + '\\nlast')"
    pretend(monkeypatch, f"import sys; {said}; print('[1]')")

    assert run_command([], caller) == [1]
    assert (heard[0], heard[-1]) == ("one", "last")
    assert max(map(len, heard)) <= 500


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit(3)", "exit code 3 and no answer"),
        ("print('hello')", "exit code 0 and no answer"),
        ("import sys; sys.stderr.write('why'); sys.exit(1)", "why"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
    ],
)
def test_without_a_document_it_is_no_answer(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    """Whatever it ended with."""
    pretend(monkeypatch, code)

    with pytest.raises(ActionError, match=told):
        run_command([], caller)


def test_it_reads_nothing_and_outlives_a_signal_to_our_group(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard input is the agent's protocol; Ctrl-C is the server's."""
    found = "[sys.stdin.read() == '', os.getsid(0) == os.getpid()]"
    pretend(monkeypatch, f"import json, os, sys; print(json.dumps({found}))")

    assert run_command([], caller) == [True, True]
