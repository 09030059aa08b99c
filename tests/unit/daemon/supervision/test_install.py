"""The unit as systemd judges it, and the installer's steps below another root."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.config.config_file import load_settings
from daemon.supervision import install
from daemon.supervision.install import CannotInstall, plan, unit_file

SYSTEMD = Path(__file__).parents[4] / "systemd"


@pytest.fixture
def analyze() -> str:
    """systemd-analyze; its absence is a failure under CI and a reasoned skip on a laptop."""
    found = shutil.which("systemd-analyze")
    if found is None and os.environ.get("CI"):
        pytest.fail("systemd-analyze is missing (package systemd): the unit was not checked")
    if found is None:
        pytest.skip("systemd-analyze is missing: install the package systemd to check the unit")
    return found


@pytest.fixture
def project() -> Path:
    """A folder that is no temporary one, as far as the installer knows."""
    return Path("/srv")


def installed(root: Path, project: Path) -> Path:
    """The folder of units after an installation below `root`."""
    said: list[str] = []
    assert install.install(project, root=root, say=said.append) == 0
    assert "nothing was started" in said[-1]
    return root / "etc" / "systemd" / "system"


def run_in(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The command's output, errors included."""
    return subprocess.run(
        command,
        cwd=folder,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_systemd_accepts_the_installed_unit_without_a_word(
    analyze: str, tmp_path: Path, project: Path
) -> None:
    """Every line is known to this systemd, the interpreter is there, the drop-in fits."""
    units = installed(tmp_path, project)

    verified = run_in(units, analyze, "verify", "--man=no", "./mendd.service")

    assert verified.returncode == 0, verified.stdout
    assert "mendd.service" not in verified.stdout


@pytest.mark.parametrize(
    "drop_ins",
    [[], ["20-target.conf"], ["10-rootless.conf"], ["10-rootless.conf", "20-target.conf"]],
)
def test_the_exposure_is_1_5_or_better(analyze: str, tmp_path: Path, drop_ins: list[str]) -> None:
    """systemd's own score, offline; 15 means 1.5. It does not see what a docker group is worth."""
    shutil.copy(SYSTEMD / "mendd.service", tmp_path)
    (tmp_path / "mendd.service.d").mkdir()
    for name in drop_ins:
        shutil.copy(SYSTEMD / name, tmp_path / "mendd.service.d")

    judged = run_in(
        tmp_path, analyze, "security", "--offline=true", "--threshold=15", "./mendd.service"
    )

    assert judged.returncode == 0, judged.stdout
    assert "Overall exposure level" in judged.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may own files as somebody else")
def test_systemd_makes_the_user_and_the_folders(analyze: str, tmp_path: Path) -> None:
    """Below another root; notes dropped into the inbox belong to the service's group."""
    (tmp_path / "etc").mkdir()
    for tool, options in (("sysusers", []), ("tmpfiles", ["--create"])):
        made = run_in(
            tmp_path,
            f"systemd-{tool}",
            f"--root={tmp_path}",
            *options,
            str(SYSTEMD / f"mendd.{tool}"),
        )
        assert made.returncode == 0, made.stdout

    assert "mendd" in (tmp_path / "etc" / "passwd").read_text()
    assert "docker" in (tmp_path / "etc" / "group").read_text()
    inbox = (tmp_path / "var" / "lib" / "mendd" / "inbox").stat()
    assert inbox.st_mode & 0o7777 == 0o2770
    assert inbox.st_uid != 0
    assert (tmp_path / "etc" / "mendd").stat().st_uid == 0


def test_every_group_of_hardening_lines_says_why() -> None:
    """A comment stands above each block; a block is what stands between comments."""
    lines = unit_file("mendd.service").splitlines()
    service = lines[lines.index("[Service]") + 1 : lines.index("[Install]")]

    assert service[0].startswith("#")
    for before, line in itertools.pairwise(service):
        assert before or not line or line.startswith("#"), f"{line} begins a block without a reason"


def test_no_file_of_systemd_names_this_machine() -> None:
    """They are templates for everybody's machine."""
    for path in SYSTEMD.iterdir():
        text = path.read_text()
        assert str(Path.cwd()) not in text
        assert str(Path.home()) not in text.replace("/root or /run/user", "")


def test_the_installed_unit_runs_this_interpreter_and_opens_the_project(
    tmp_path: Path, project: Path
) -> None:
    """And the configuration names both folders."""
    units = installed(tmp_path, project)
    settings = load_settings(tmp_path / "etc" / "mendd" / "mendd.toml")

    assert f"ExecStart={sys.executable} -P -m daemon.cli" in (units / "mendd.service").read_text()
    drop_in = (units / "mendd.service.d" / "20-target.conf").read_text()
    assert f"\nReadWritePaths={project}\n" in drop_in
    assert settings.state == Path("/var/lib/mendd")
    assert settings.targets[0].path == project
    assert (tmp_path / "etc" / "mendd" / "mendd.toml").stat().st_mode & 0o777 == 0o640


def test_a_second_installation_keeps_what_a_person_wrote(tmp_path: Path, project: Path) -> None:
    """Configuration and drop-in stay, the unit is brought up to date."""
    units = installed(tmp_path, project)
    config = tmp_path / "etc" / "mendd" / "mendd.toml"
    config.write_text("mine")
    (units / "mendd.service").write_text("old")
    (units / "mendd.service.d" / "20-target.conf").write_text("mine too")

    installed(tmp_path, project)

    assert config.read_text() == "mine"
    assert (units / "mendd.service.d" / "20-target.conf").read_text() == "mine too"
    assert (units / "mendd.service").read_text() != "old"


def test_a_dry_run_changes_nothing_and_says_everything(project: Path) -> None:
    """On the real root: users, folders and files are only named."""
    unit = Path("/etc/systemd/system/mendd.service")
    there_before = unit.exists()
    said: list[str] = []

    assert install.install(project, dry_run=True, say=said.append) == 0

    text = "\n".join(said)
    for words in (
        "would create the user mendd",
        "would install the unit",
        "ReadWritePaths=/srv",
        "systemctl start mendd",
    ):
        assert words in text
    assert unit.exists() == there_before


def test_a_project_in_a_home_is_shown_to_the_service(tmp_path: Path) -> None:
    """Homes are hidden from it otherwise."""
    steps = plan(Path("/home/alice/app"), tmp_path)

    (drop_in,) = (step for step in steps if step.file and step.file.name == "20-target.conf")
    assert "\nProtectHome=tmpfs\nBindPaths=/home/alice/app\n" in drop_in.content


@pytest.mark.parametrize(
    ("folder", "words"),
    [("missing", "is no folder"), ("with space", "cannot name plainly"), ("plain", "temporary")],
)
def test_a_project_that_cannot_be_served_is_refused_before_anything_changes(
    tmp_path: Path, folder: str, words: str
) -> None:
    """With what to do instead."""
    root = tmp_path / "root"
    if folder != "missing":
        (tmp_path / folder).mkdir()

    with pytest.raises(CannotInstall, match=words):
        install.install(tmp_path / folder, root=root)

    assert not root.exists()


def test_an_interpreter_that_the_service_cannot_see_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment in somebody's home would fail at the first start."""
    monkeypatch.setattr(sys, "executable", "/home/alice/venv/bin/python")
    monkeypatch.setattr(install, "_importable", lambda: True)

    with pytest.raises(CannotInstall, match="/opt/mendd"):
        install.install(project)


def test_every_secret_may_come_as_a_credential() -> None:
    """None of them has to stand in a file that the service can write, or in its environment."""
    unit = unit_file("mendd.service").splitlines()
    loaded = {line.partition("=")[2] for line in unit if line.startswith("LoadCredential=")}

    assert loaded == {
        "anthropic_api_key", "local_key", "audit_key", "webhook_token", "smtp_login",
    }  # fmt: skip
