"""`mendd check`: every trouble is found, named and comes with a remedy."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.commands import Exit
from sandbox.errors import EngineUnavailable
from sandbox.trial import Finding
from tests.fakes import LocalSandbox
from tests.terminal import Home


class Checked(LocalSandbox):
    """A sandbox whose engine says what a test wants."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.findings = [Finding(name="engine", ok=True, detail="Docker 20.10")]

    def check(self) -> list[Finding]:
        """The findings."""
        return self.findings


@pytest.fixture
def sandbox(mending: Home, monkeypatch: pytest.MonkeyPatch) -> Checked:
    """The sandbox that check will ask."""
    made = Checked(mending.folder / "copies2")
    monkeypatch.setattr("daemon.desk.workshop.open_sandbox", lambda *_: made)
    return made


Find = Callable[..., dict[str, Any]]


@pytest.fixture
def find(mending: Home, sandbox: Checked) -> Find:
    """One finding by area and name, after the whole check."""

    def found(area: str, name: str, *arguments: str, code: int = 0) -> dict[str, Any]:
        document = mending.json("check", *arguments, code=code)
        assert document["counts"]["bad"] == sum(
            each["level"] == "bad" for each in document["findings"]
        )
        matching = [f for f in document["findings"] if (f["area"], f["name"]) == (area, name)]
        assert len(matching) >= 1, document
        return dict(matching[-1])

    return found


def test_a_good_installation_is_good(mending: Home, sandbox: Checked) -> None:
    """Exit code 0; only the missing service, key and alerts are weak."""
    shown = mending.mendd("check")

    assert ", 3 weak, 0 bad" in shown
    assert "tests in test_shop.py" in shown


def test_every_weak_or_bad_finding_has_a_remedy(mending: Home, sandbox: Checked) -> None:
    """A doctor who only frightens is none."""
    (mending.folder / "shop" / "test_shop.py").unlink()
    mending.state.chmod(0o777)
    mending.mendd("off")
    document = mending.json("check")

    assert all(each["remedy"] for each in document["findings"] if each["level"] != "ok")


def test_a_faulty_configuration_is_a_finding(home: Home) -> None:
    """Exit code 2 and every fault, each a finding of its own."""
    home.config.write_text("x = 1\ny = 2\n")

    document = home.json("check", code=Exit.USAGE)

    assert document["ok"] is False
    assert document["counts"]["bad"] == len(document["findings"]) == 3
    assert "line 1: x" in document["findings"][1]["detail"]
    assert "line 2: y" in document["findings"][2]["detail"]


def test_a_missing_engine_is_exit_code_3(find: Find, sandbox: Checked) -> None:
    """The world is not as needed."""
    sandbox.findings = [Finding(name="engine", ok=False, detail="no answer", remedy="start it")]

    assert find("sandbox", "engine", "--baseline", code=Exit.WORLD)["remedy"] == "start it"


def test_a_weak_engine_is_weak(find: Find, sandbox: Checked) -> None:
    """`ok` None becomes weak."""
    sandbox.findings.append(Finding(name="runc", ok=None, detail="old", remedy="update runc"))

    assert find("sandbox", "runc")["level"] == "weak"


def test_a_missing_target_is_bad(find: Find, mending: Home) -> None:
    """Exit code 1."""
    mending.config.write_text('state = ".mendd"\n[[target]]\nname = "shop"\npath = "gone"\n')

    assert find("target shop", "folder", code=Exit.NO)["level"] == "bad"


def test_a_linked_target_is_bad(find: Find, mending: Home) -> None:
    """A link would let somebody else choose what is mended."""
    (mending.folder / "link").symlink_to("shop")
    mending.config.write_text('state = ".mendd"\n[[target]]\nname = "shop"\npath = "link"\n')

    assert "symbolic link" in find("target shop", "folder", code=Exit.NO)["detail"]


def test_a_target_without_tests_is_weak(find: Find, mending: Home) -> None:
    """Its patches can only be held."""
    (mending.folder / "shop" / "test_shop.py").unlink()

    assert find("target shop", "tests")["level"] == "weak"


def test_state_inside_a_target_is_bad(find: Find, mending: Home) -> None:
    """Every record would change the snapshot."""
    mending.config.write_text('state = "shop/state"\n[[target]]\nname = "shop"\npath = "shop"\n')

    assert "inside the target" in find("state", "folder", code=Exit.NO)["detail"]


def test_git_is_looked_at(find: Find, mending: Home) -> None:
    """How a patch would be applied."""
    assert "no repository" in find("target shop", "git")["detail"]
    subprocess.run(
        ["git", "init", "-qb", "trunk", str(mending.folder / "shop")],
        check=True, env={"GIT_CONFIG_GLOBAL": "/dev/null", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "on trunk" in find("target shop", "git")["detail"]


def test_git_where_there_is_none_is_bad_if_asked_for(find: Find, mending: Home) -> None:
    """`git = "branch"` needs a repository."""
    with mending.config.open("a") as file:
        file.write('git = "branch"\n')

    assert find("target shop", "git", code=Exit.NO)["level"] == "bad"


def test_a_key_is_needed_only_by_the_model(
    find: Find, mending: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """auto: weak; claude: bad; search: fine; with a key: fine."""
    assert find("model", "key")["level"] == "weak"
    text = mending.config.read_text()
    mending.config.write_text(text + 'engine = "search"\n')
    assert find("model", "key")["level"] == "ok"
    mending.config.write_text(text + 'engine = "claude"\n')
    assert find("model", "key", code=Exit.NO)["level"] == "bad"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret-key")
    assert "secret-key" not in str(find("model", "key"))


def test_a_local_server_is_looked_at_where_one_is_wanted(find: Find, mending: Home) -> None:
    """Its address and its model have to be set; with --online it has to answer."""
    text = mending.config.read_text()
    mending.config.write_text(text + 'engine = "local"\n')
    assert "base_url" in find("model", "local", code=Exit.NO)["detail"]
    mending.config.write_text(text + '[local]\nbase_url = "http://127.0.0.1:9"\n')
    assert "model" in find("model", "local", code=Exit.NO)["detail"]
    mending.config.write_text(text + '[local]\nbase_url = "http://127.0.0.1:9"\nmodel = "m"\n')
    assert find("model", "local")["level"] == "ok"
    assert find("model", "server", "--online", code=Exit.NO)["level"] == "bad"


def test_an_unreachable_model_is_bad_when_asked(find: Find, mending: Home) -> None:
    """Only with --online; the address is one nobody listens at."""
    with mending.config.open("a") as file:
        file.write('[claude]\nbase_url = "http://127.0.0.1:9"\n')

    assert find("model", "key")["level"] == "ok"
    assert find("model", "server", "--online", code=Exit.NO)["level"] == "bad"


def test_the_kill_switch_and_broken_files_are_found(find: Find, mending: Home) -> None:
    """State on disk, each file by itself."""
    mending.mendd("off", "noon")
    assert "noon" in find("state", "kill switch")["detail"]
    mending.trail.append("started")
    mending.trail.path.write_bytes(mending.trail.path.read_bytes() + b"nonsense\n")
    assert find("state", "trail", code=Exit.NO)["level"] == "bad"
    (mending.state / "store.json").write_text("{{{")
    assert find("state", "store", code=Exit.NO)["level"] == "bad"


def test_a_baseline_names_what_fails_now(find: Find) -> None:
    """A red test is what mendd is for."""
    found = find("target shop", "baseline", "--baseline")

    assert found["level"] == "ok"
    assert "1 fail now: test_shop.py::test_total" in found["detail"]


def test_a_baseline_that_cannot_be_had_is_bad(find: Find, sandbox: Checked) -> None:
    """With the sandbox's own words."""
    sandbox.broken = EngineUnavailable("Docker went away")

    found = find("target shop", "baseline", "--baseline", code=Exit.NO)
    assert "went away" in found["detail"]


def test_an_empty_suite_is_bad(find: Find, mending: Home) -> None:
    """There is nothing to judge a patch by."""
    (mending.folder / "shop" / "test_shop.py").write_text("")

    assert find("target shop", "baseline", "--baseline", code=Exit.NO)["level"] == "bad"


def test_alerts_are_tried_when_asked_for(
    mending: Home, find: Find, sandbox: Checked, tmp_path: Path
) -> None:
    """Named: ok. With --alerts the command really runs; one that fails is bad and says why."""
    out = tmp_path / "alert.json"
    config = mending.folder / "mendd.toml"
    before = config.read_text()
    config.write_text(f'{before}\n[alerts]\ncommand = ["tee", "{out}"]\n')
    assert find("alerts", "command")["level"] == "ok"
    assert not out.exists()
    assert find("alerts", "command", "--alerts")["level"] == "ok"
    assert '"kind": "test"' in out.read_text()
    config.write_text(f'{before}\n[alerts]\ncommand = ["false"]\n')
    assert "ended with 1" in find("alerts", "command", "--alerts", code=1)["detail"]
