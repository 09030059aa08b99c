"""The command line itself: help, exit codes, errors, pipes."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon import cli
from daemon.commands import CommandError, Exit
from daemon.config.toml_reader import Fault, SettingsError

ROOT = Path(__file__).parents[3]


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """`python -m daemon.cli` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "daemon.cli", *arguments],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        **{"cwd": ROOT, **options},  # type: ignore[call-overload]
    )  # fmt: skip


def test_help_names_every_command() -> None:
    """The overview groups all commands and says what the exit codes mean."""
    done = run("--help")

    assert done.returncode == 0
    for name, line in cli.COMMANDS.items():
        assert name in done.stdout
        assert line in done.stdout
    assert "example:" in done.stdout


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_commands_help_shows_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`mendd COMMAND --help` ends with something to copy."""
    code = cli.main([name, "--help"])

    shown = capsys.readouterr().out
    assert code == 0
    assert "example:" in shown
    assert f"mendd {name}" in shown.split("example:")[1]


def test_help_loads_nothing_heavy() -> None:
    """What makes `--help` quick: only argparse and our own few lines are imported."""
    code = (
        "import sys; from daemon import cli; cli.main(['--help']); "
        "print([m for m in ('pydantic', 'rich', 'docker', 'tinydb', 'anthropic', 'tomllib', "
        "'dataclasses', 'json') if m in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert done.stderr.strip() == "[]"


def test_an_unknown_command_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A slip of the finger gets one line and exit code 2."""
    assert cli.main(["stauts"]) == Exit.USAGE
    said = capsys.readouterr().err
    assert "did you mean 'status'?" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["run", "--sideways"], ["approve"], ["audit"]])
def test_wrong_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """No usage dump: what is wrong, and where help is."""
    assert cli.main(arguments) == Exit.USAGE
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--help" in said


def test_hostile_arguments_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in a mistyped command are written as escapes."""
    assert cli.main(["\x1b[31mred"]) == Exit.USAGE
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_configuration_may_be_named_before_or_after(
    order: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--config` belongs to every command."""
    file = tmp_path / "mendd.toml"
    file.write_text('state = "s"\n[[target]]\nname = "a"\npath = "."\n')
    config = ["--config", str(file)]

    code = cli.main([*config, "status"] if order == "before" else ["status", *config])

    assert code == Exit.DONE
    assert str(tmp_path / "s") in capsys.readouterr().out


def test_all_faults_of_a_configuration_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and every fault with its line, for every command that needs settings."""
    file = tmp_path / "mendd.toml"
    file.write_text('stat = "s"\n[[target]]\nname = "a"\npath = "."\nattempts = 0\ncolour = 1\n')

    code = cli.main(["--config", str(file), "status"])

    said = capsys.readouterr().err
    assert code == Exit.USAGE
    assert "line 1: stat" in said
    assert "line 5" in said
    assert "line 6" in said


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("no", Exit.NO), Exit.NO),
        (SettingsError(None, [Fault(1, "x", "y")]), Exit.USAGE),
        (PermissionError(13, "Permission denied", "/state"), Exit.WORLD),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
    ],
)
def test_expected_ends_are_messages(
    error: BaseException,
    code: Exit,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each kind of failure has its exit code and no traceback."""
    monkeypatch.setattr(cli, "parser", lambda: _raising(error))

    assert cli.main([]) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_fault_of_ours_does_not_look_like_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What nobody expected shows its traceback and ends with 70, never with 1."""
    monkeypatch.setattr(cli, "parser", lambda: _raising(ZeroDivisionError("x")))

    assert cli.main([]) == Exit.OUR_FAULT
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    """`mendd … | head` ends without a complaint."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "daemon.cli", "init", str(tmp_path), "--dry-run"],
            stdout=writer, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
    finally:
        os.close(writer)

    assert done.returncode == Exit.PIPE_CLOSED
    assert done.stderr == ""


def test_help_into_a_closed_pipe_is_quiet_too() -> None:
    """`mendd --help | true`: what argparse prints is flushed by us as well."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "daemon.cli", "--help"],
            stdout=writer, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
    finally:
        os.close(writer)

    assert done.stderr == ""


def test_output_survives_a_narrow_encoding(tmp_path: Path) -> None:
    """A terminal that knows only ASCII gets escapes, not a crash."""
    (tmp_path / "ümlaut").mkdir()

    done = run(
        "init", str(tmp_path / "ümlaut"), "--dry-run",
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip

    assert done.returncode == 0
    assert "\\xfcmlaut" in done.stdout


def test_streams_without_reconfigure_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller may have put a plain StringIO in the place of stdout."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)

    assert cli.main(["--version"]) == 0
    assert out.getvalue().startswith("mendd ")


class _raising:
    """A parser whose use raises."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def parse_args(self, _: object) -> None:
        raise self._error


@pytest.mark.parametrize(
    "arguments",
    [
        ["cap it", "a.py", "b.py", "--dry-run"],
        ["cap it", "--dry-run", "a.py", "b.py"],
        ["--dry-run", "cap it", "a.py", "b.py"],
        ["--dry-run", "--", "cap it", "a.py", "b.py"],
    ],
)
def test_files_may_stand_before_and_after_options(arguments: list[str]) -> None:
    """Where a command takes a list of them."""
    options = cli.parser().parse_args(["modify", *arguments])

    assert (options.text, options.file, options.dry_run) == ("cap it", ["a.py", "b.py"], True)


def test_what_stands_after_two_dashes_is_no_option() -> None:
    """A text may begin with a dash."""
    options = cli.parser().parse_args(["modify", "--dry-run", "--", "-1 is allowed", "--x.py"])

    assert (options.text, options.file) == ("-1 is allowed", ["--x.py"])
