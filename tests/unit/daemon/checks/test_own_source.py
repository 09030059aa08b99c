"""mendd's own running code changes only after a person looked, whatever is set."""

from collections.abc import Callable
from pathlib import Path

import pytest

import daemon
from daemon.checks import own_source
from daemon.checks.own_source import holds_own_source, review_reason
from daemon.engines import BugReport
from reflections.store import State
from tests.fakes import ScriptedEngine
from tests.place import CODE, FIXED, REPORT, RIGHT, Place

OWN = Path(str(daemon.__file__)).resolve().parent


@pytest.fixture
def running_from(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Lets the process look as if its packages lay in a folder."""

    def run(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(own_source, "own_folders", lambda: (folder.resolve(),))
        return folder

    return run


@pytest.mark.parametrize("target", [OWN, OWN.parent, OWN / "engines", OWN.parents[1]])
def test_the_folder_itself_what_is_around_it_and_what_is_in_it(target: Path) -> None:
    """A checkout, its parent, one package, a part of a package: all of it is our own."""
    assert holds_own_source(target) == OWN


def test_another_code_base_is_free(tmp_path: Path) -> None:
    """Also one that does not exist (any more), and one with a package of our name."""
    (tmp_path / "daemon").mkdir()

    assert holds_own_source(tmp_path) is None
    assert holds_own_source(tmp_path / "gone") is None


def test_a_link_to_it_is_the_same_code(tmp_path: Path) -> None:
    """Another name for the folder is no way round."""
    (tmp_path / "other").symlink_to(OWN.parent)

    assert holds_own_source(tmp_path / "other") is not None
    assert holds_own_source(tmp_path / "other" / "daemon" / "engines") is not None


@pytest.mark.parametrize(
    "below", [".venv/lib/python3.12/site-packages/daemon", "env/lib/site-packages/daemon"]
)
def test_an_installation_inside_a_project_binds_nobody(
    tmp_path: Path, running_from: Callable[[Path], Path], below: str
) -> None:
    """A project whose virtual environment has mendd in it: no patch reaches that."""
    running_from(tmp_path / below)

    assert holds_own_source(tmp_path) is None
    assert holds_own_source(tmp_path / below) is not None


@pytest.mark.parametrize("autonomy", ["apply-proven", "apply-any", "propose"])
def test_a_patch_to_our_own_code_is_held_whatever_the_autonomy(
    place: Callable[..., Place], running_from: Callable[[Path], Path], autonomy: str
) -> None:
    """Proven as it is; a person who approves it gets it applied."""
    here = place(f'autonomy = "{autonomy}"')
    running_from(here.module / "daemon")

    here.mend(ScriptedEngine(REPORT, [RIGHT]))

    (held,) = here.shop.store.all()
    assert here.file.read_text() == CODE
    assert held.state is State.HELD
    assert "own running code" in here.last("held")["reason"]
    assert here.last("held")["evidence"] == "proven"

    here.order("approve", held.id)
    assert here.file.read_text() == FIXED


def test_explain_stays_explain(
    place: Callable[..., Place], running_from: Callable[[Path], Path]
) -> None:
    """Where nothing is ever applied, nothing waits."""
    here = place('autonomy = "explain"')
    running_from(here.module)

    here.mend(ScriptedEngine(BugReport(filename="shop.py", function="total", summary="s"), [RIGHT]))

    assert here.shop.store.all() == []
    assert here.file.read_text() == CODE


def test_the_reason_names_the_target_and_the_folder() -> None:
    """What a person reads in `mendd status`."""
    reason = review_reason("self", OWN.parent) or ""

    assert reason.startswith("self holds mendd's own running code")
    assert str(OWN) in reason
