"""Every kind of work on mendd's own running code ends with a person."""

from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.checks import own_source
from reflections.store import State
from tests.fakes import ScriptedEngine
from tests.place import CODE, REPORT, TESTS, Place
from tests.unit.daemon.experiment.conftest import Researching, change, researching
from tests.unit.daemon.test_learn import LINE, PROMPT, give, loop
from tests.unit.daemon.test_modify import ENABLED, GOOD, ID, WORDS, git
from tests.unit.daemon.test_promote import STAGE, later, mended, prod

__all__ = ["researching"]  # the fixture of the folder beside


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Callable[[Place], Place]:
    """Lets a place's module be what this process runs."""

    def own_it(here: Place) -> Place:
        monkeypatch.setattr(own_source, "own_folders", lambda: (here.module.resolve(),))
        return here

    return own_it


def waits(here: Place) -> str:
    """The id of the one work, held for this reason, with its patch."""
    (held,) = here.shop.store.all()
    assert held.state is State.HELD, (held.state, held.data.get("reason"))
    assert "own running code" in held.data["reason"] or held.kind == "experiment"
    assert held.data["patch"]
    assert "applied" not in here.events()
    return held.id


def test_an_instruction_makes_no_branch_by_itself(
    place: Callable[..., Place], own: Callable[[Place], Place]
) -> None:
    """Approved, the branch is made."""
    here = own(place(ENABLED))
    git(here, "init", "-q", "-b", "main")
    git(here, "add", "-A")
    git(here, "commit", "-qm", "as it is")
    here.engines = [ScriptedEngine(REPORT, [GOOD], name="local")]

    here.order("modify", ID, data={"words": WORDS})

    id_ = waits(here)
    assert git(here, "branch", "--format=%(refname:short)") == "main\n"
    here.order("approve", id_)
    assert here.last("applied")["branch"].startswith("refs/heads/mendd/")
    assert here.file.read_text() == CODE


def test_an_experiment_commits_nothing(
    researching: Callable[..., Researching], own: Callable[[Place], Place]
) -> None:
    """Its winning edits wait for its end as one patch, as where there is no git."""
    here = researching()
    own(here)
    here.script(change("COST = 100", "COST = 90"), change("COST = 90", "COST = 95"),
                change("COST = 90", "COST = 99"))  # fmt: skip

    here.step("setup")
    here.step("loop")

    waits(here)
    assert here.commits() == []
    assert "COST = 100" in here.file.read_text()


def test_a_learned_rule_waits(place: Callable[..., Place], own: Callable[[Place], Place]) -> None:
    """Whose agents work on mendd, a person reads what they are told."""
    here = place(LINE)
    (here.module / "AGENTS.md").write_text(PROMPT)
    own(here)

    give(here, loop())

    waits(here)
    assert (here.module / "AGENTS.md").read_text() == PROMPT


def test_a_promotion_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It held on the stage, and the target behind the stage is what runs here."""
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / "shop.py").write_text(CODE)
    (tmp_path / "prod" / "test_shop.py").write_text(TESTS)
    here = Place(tmp_path, STAGE, monkeypatch)
    monkeypatch.setattr(own_source, "own_folders", lambda: ((tmp_path / "prod").resolve(),))

    mended(here)
    later(here, 73)

    (held,) = here.shop.store.all()
    assert held.state is State.HELD and "own running code" in held.data["reason"]
    assert prod(here) == CODE
    here.shop.store.close()
