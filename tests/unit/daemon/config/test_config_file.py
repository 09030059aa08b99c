"""The configuration is read whole, and every fault is reported with its line."""

from pathlib import Path

import pytest

from daemon.config.config_file import TOP_KEYS, find_config, load_settings
from daemon.config.toml_reader import SettingsError

SMALL = '[[target]]\nname = "app"\npath = "src"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "mendd.toml"
    file.write_text(text, "utf-8")
    return file


def faults_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(written(folder, text))
    return [str(fault) for fault in caught.value.faults]


def test_a_name_and_a_path_are_enough(tmp_path: Path) -> None:
    """Everything else has a default; relative paths count from the file."""
    settings = load_settings(written(tmp_path, SMALL))

    assert settings.target("app") is not None
    assert settings.targets[0].path == tmp_path / "src"
    assert settings.kill_switch == settings.state / "KILL"
    assert settings.inbox_path == settings.state / "inbox"


def test_all_faults_are_reported_together_with_their_lines(tmp_path: Path) -> None:
    """One reading names every fault, in the order of the file."""
    text = 'zzz = 1\n[[target]]\nname = "A b"\npath = "x"\natempts = 2\n[inbox]\nscan_s = "no"\n'

    found = faults_of(tmp_path, text)

    assert found == [
        f"line 1: zzz: unknown key; known are {', '.join(TOP_KEYS)}",
        "line 5: target 1.atempts: unknown key; did you mean 'attempts'?",
        "line 7: inbox.scan_s: must be a number, not 'no'",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("timeout_s = inf", "must be a finite number"),
        ("timeout_s = true", "must be a number"),
        ("attempts = 0", "must be at least 1"),
        ("attempts = 1.5", "must be a whole number"),
        ('autonomy = "always"', "must be one of 'explain', 'propose'"),
        ("edit = [1]", "must be a list of texts"),
        ("env = { A = 1 }", "must be a table of texts"),
        ('junit_xml = "a\\u0000b"', "must not hold a NUL"),
        ("tests = []", "is empty"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(tmp_path: Path, line: str, said: str) -> None:
    """Each setting accepts its own kind and range only."""
    assert any(said in fault for fault in faults_of(tmp_path, SMALL + line + "\n"))


def test_two_targets_of_one_name_are_refused(tmp_path: Path) -> None:
    """A name means one target; the fault stands at the second."""
    assert faults_of(tmp_path, SMALL + SMALL) == ["line 5: target name: 'app' stands twice"]


def test_a_target_needs_name_and_path(tmp_path: Path) -> None:
    """What is missing is named."""
    assert faults_of(tmp_path, "[[target]]\n") == [
        "line 1: target 1.name: is missing",
        "line 1: target 1.path: is missing",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[[target]\n", "not TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"", "at least one [[target]]"),
        (b"inbox = 3\n", "must be a table"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    """Broken files end in a fault, never in a traceback."""
    file = tmp_path / "mendd.toml"
    file.write_bytes(content)

    with pytest.raises(SettingsError, match=said.replace("[", r"\[")):
        load_settings(file)


def test_a_missing_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any file the message names the command that writes one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("daemon.config.config_file.CONFIG_PLACES", (Path("mendd.toml"),))

    with pytest.raises(SettingsError, match="mendd init"):
        find_config(None)


def test_the_named_file_wins_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--config` first, then $MENDD_CONFIG."""
    monkeypatch.setenv("MENDD_CONFIG", "/from/environment.toml")

    assert find_config("/given.toml") == Path("/given.toml")
    assert find_config(None) == Path("/from/environment.toml")


def test_limits_that_do_not_fit_together_are_a_fault_with_its_line(tmp_path: Path) -> None:
    """The sandbox would refuse them later; the person who writes the file is told now."""
    found = faults_of(tmp_path, SMALL + "[sandbox]\ntmpfs_mib = 480\nmemory_mib = 512\n")

    assert len(found) == 1
    assert found[0].startswith("line 6: sandbox.memory_mib: memory_mib is 512, but tmpfs_mib (480)")
    assert found[0].endswith("raise it or lower tmpfs_mib")


def test_a_crontab_line_that_is_none_is_a_fault_for_every_command(tmp_path: Path) -> None:
    """`mendd check` finds it, not only the service at its start."""
    found = faults_of(tmp_path, SMALL + '[service]\nevery = "0 25 * * *"\n')

    assert len(found) == 1
    assert found[0].startswith("line 5: service.every: ")


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (("", "prood"), "no target is called 'prood'; known are prod, stage"),
        (("stage", "prod"), "stands before a target that is no stage itself"),
        (("", "stage"), "stands before a target that is no stage itself"),
    ],
)
def test_a_stage_stands_before_a_real_target(
    tmp_path: Path, stages: tuple[str, str], said: str
) -> None:
    """No unknown target, no circle, no chain."""
    tables = [
        f'[[target]]\nname = "{name}"\npath = "{name}"\nstage_of = "{of}"\n'
        for name, of in zip(("prod", "stage"), stages, strict=True)
    ]

    assert any(said in fault for fault in faults_of(tmp_path, "".join(tables)))


METRIC = '[[target.metric]]\nname = "steps"\ncommand = "python bench.py"\npattern = "steps: (.+)"\n'


def test_a_target_defines_its_metrics_in_tables_of_its_own(tmp_path: Path) -> None:
    """The tables stand below their target, in their order."""
    settings = load_settings(written(tmp_path, SMALL + METRIC + METRIC.replace("steps", "size")))

    assert [metric.name for metric in settings.targets[0].metric] == ["steps", "size"]
    assert settings.targets[0].metric[0].command == ("python", "bench.py")
    assert settings.research.iterations == 10


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("(.+)", "x", "line 7: target.metric.pattern: must have one group"),
        ("(.+)", "(x", "line 7: target.metric.pattern: is no regular expression"),
        ('"python bench.py"', "[]", "line 6: target.metric.command: is empty"),
        ("pattern", "patern", "line 7: target.metric.patern: unknown key"),
    ],
)
def test_a_faulty_metric_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    """The line is the one of the key in its own table."""
    found = faults_of(tmp_path, SMALL + METRIC.replace(old, new))

    assert any(each.startswith(fault) for each in found), found
