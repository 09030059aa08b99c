"""`mendd verify`: verified, differs or unverified, and never the first without a replay."""

import io
import json
import subprocess
from pathlib import Path

import pytest

from audit.certificate import load
from daemon.commands import Exit
from sandbox.errors import EngineUnavailable
from tests.fakes import LocalSandbox
from tests.terminal import Home

GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "PATH": "/usr/bin:/bin",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@localhost",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@localhost",
}


def mend(home: Home, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have the shop mended; the reflection's id."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    id_ = home.mendd("reflect", "--outcome", "failed: total([5]) gave 0").strip()
    home.mendd("run", "--once")
    return id_


@pytest.fixture
def mended(mending: Home, monkeypatch: pytest.MonkeyPatch) -> tuple[Home, str]:
    """A plain folder whose bug was mended."""
    return mending, mend(mending, monkeypatch)


def certificate(home: Home, id_: str) -> Path:
    """Where the certificate stands."""
    return home.state / "audit" / "certificates" / f"{id_}.json"


def change(home: Home, old: str, new: str, name: str = "shop.py") -> None:
    """A person edits a file."""
    file = home.folder / "shop" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_a_mended_module_is_verified_by_taking_the_patch_out(mended: tuple[Home, str]) -> None:
    """Exit code 0, and every comparison told."""
    home, id_ = mended

    found = home.json("verify", id_[:14])

    assert found["verdict"] == "verified"
    checks = {check["name"]: check for check in found["checks"]}
    assert "patch taken out" in checks["base tree"]["detail"]
    assert checks["trail"]["ok"] is True
    assert checks["tests with the patch"]["ok"] is True
    assert "verified" in home.mendd("verify", id_)
    assert not (home.state / "replay" / "tree").exists()


def test_a_reverted_module_is_verified_as_it_is(mended: tuple[Home, str]) -> None:
    """The tree's hash is the certificate's."""
    home, id_ = mended
    home.mendd("revert", id_)

    checks = {check["name"]: check for check in home.json("verify", id_)["checks"]}

    assert checks["base tree"]["detail"] == "the target as it is now"


def test_without_its_tree_it_is_unverified(mended: tuple[Home, str]) -> None:
    """Something else changed since and there is no git: exit code 3, nothing is claimed."""
    home, id_ = mended
    change(home, "def total", "# new\ndef total")

    found = home.json("verify", id_, code=Exit.WORLD)

    assert found["verdict"] == "unverified"
    assert "cannot be had again" in found["reason"]


def test_git_gives_the_tree_back(mending: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit before the patch, files that git does not know as they are."""
    shop = mending.folder / "shop"
    (shop / "untracked.txt").write_text("data")
    (shop / ".gitignore").write_text("*.txt\n")
    (shop / "run.sh").write_text("true\n")
    (shop / "run.sh").chmod(0o755)
    (shop / "link").symlink_to("shop.py")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(shop), *command], check=True, env=GIT)
    id_ = mend(mending, monkeypatch)
    change(mending, "def total", "# later work\ndef total")
    (shop / "new.py").write_text("")
    (shop / "run.sh").unlink()
    for command in (["add", "-A"], ["commit", "-qm", "later"]):
        subprocess.run(["git", "-C", str(shop), *command], check=True, env=GIT)

    found = mending.json("verify", id_)

    assert found["verdict"] == "verified"
    assert "git, as it was before commit" in str(found["checks"])


def test_a_certificate_that_lies_differs(mended: tuple[Home, str]) -> None:
    """A sealed certificate with other outcomes is not what the trail names."""
    home, id_ = mended
    forged = load(certificate(home, id_)).to_json()
    forged["after"] = {"test_shop.py::test_total": "failed"}
    path = resealed(forged, home.folder / "forged.json")

    found = home.json("verify", str(path), code=Exit.NO)

    assert found["verdict"] == "differs"
    assert "replaced" in found["reason"]


def test_other_outcomes_than_certified_differ(mended: tuple[Home, str]) -> None:
    """Without a trail to contradict it, the replay itself does."""
    home, id_ = mended
    forged = load(certificate(home, id_)).to_json()
    forged |= {"id": "elsewhere", "after": {"test_shop.py::test_total": "skipped"}}
    path = resealed(forged, home.folder / "forged.json")

    found = home.json("verify", str(path), code=Exit.NO)

    assert "test_total was skipped, is passed" in found["reason"]


def test_a_patch_that_leads_elsewhere_differs(mended: tuple[Home, str]) -> None:
    """The certified result is not what this patch makes."""
    home, id_ = mended
    home.mendd("revert", id_)
    forged = load(certificate(home, id_)).to_json()
    forged |= {"id": "elsewhere", "result_tree": "0" * 64}

    home.json("verify", str(resealed(forged, home.folder / "f.json")), code=Exit.NO)


def test_a_changed_certificate_is_not_believed(mended: tuple[Home, str]) -> None:
    """Its seal is broken: exit code 3 before anything runs."""
    home, id_ = mended
    path = certificate(home, id_)
    path.write_text(path.read_text().replace("proven", "reproduced"))

    home.mendd("verify", id_, code=Exit.WORLD)
    assert "was changed" in home.said


def test_no_engine_is_unverified(mended: tuple[Home, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker away says nothing about the patch."""
    home, id_ = mended
    broken = LocalSandbox(home.folder / "c")
    broken.broken = EngineUnavailable("no Docker")
    monkeypatch.setattr("daemon.desk.workshop.open_sandbox", lambda *_: broken)

    assert home.json("verify", id_, code=Exit.WORLD)["verdict"] == "unverified"


def test_a_target_that_is_gone_is_unverified(mended: tuple[Home, str]) -> None:
    """The configuration no longer names it."""
    home, id_ = mended
    home.config.write_text(home.config.read_text().replace('"shop"\npath', '"other"\npath'))

    assert home.json("verify", id_, code=Exit.WORLD)["verdict"] == "unverified"
    assert home.json("verify", id_, "--target", "other")["verdict"] == "verified"


def test_the_kill_switch_keeps_it_from_starting(mended: tuple[Home, str]) -> None:
    """Nothing is started while it is on."""
    home, id_ = mended
    home.mendd("off")

    home.mendd("verify", id_, code=Exit.STOPPED)


def test_unknown_ids_and_files_are_wrong_usage(mended: tuple[Home, str]) -> None:
    """With the certificates there are."""
    home, id_ = mended

    home.mendd("verify", "nonsense", code=Exit.USAGE)
    assert id_ in home.said
    home.mendd("verify", "./nothing.json", code=Exit.USAGE)


def resealed(value: dict[str, object], path: Path) -> Path:
    """A forger can seal too: the hash is no secret."""
    from audit.certificate import _seal

    body = {name: item for name, item in value.items() if name != "hash"}
    path.write_text(json.dumps({**body, "hash": _seal(body)}))
    return path
