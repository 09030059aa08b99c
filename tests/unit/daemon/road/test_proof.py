"""A proof holds only if the suite says so by itself, without help from the test an engine wrote."""

from collections.abc import Callable

import pytest

from daemon.engines import BugReport, Proposal, Reproduction
from sandbox.patch import Hunk, Patch
from tests.fakes import ScriptedEngine
from tests.place import CODE, RIGHT, Place
from tests.place import REPORT as SHOP_REPORT

REPORT = BugReport(filename="shop.py", function="total", summary="forgets the first price")
REAL = "from shop import total\n\n\ndef test_one():\n    assert total([7]) == 7\n"


def breaks_least() -> Proposal:
    """Mends `total`, and breaks `least`, which has a test."""
    new = CODE.replace("prices[1:]", "prices").replace("min(", "max(")
    hunk = Hunk(filename="shop.py", first_line=1, last_line=6, original=CODE, replacement=new)
    return Proposal(patch=Patch(hunks=(hunk,), rationale="all of it"))


@pytest.mark.parametrize(
    "help_",
    [
        "import test_shop\n\ntest_shop.test_least = lambda: None\n",
        "import shop\n\nshop.least = min\n",
    ],
)
def test_a_written_test_cannot_hide_what_the_patch_breaks(
    place: Callable[..., Place], help_: str
) -> None:
    """It runs in the suite's own process, and no gate has looked at it."""
    here = place()
    test = Reproduction(filename="x.py", code=f"{help_}{REAL}", explanation="")

    here.mend(ScriptedEngine(REPORT, [breaks_least()] * 3, tests=[test]))

    assert here.file.read_text() == CODE
    assert here.events()[-1] == "rejected"
    assert "without the written test" in here.last("trial")["reason"]


def test_an_honest_written_test_still_proves(place: Callable[..., Place]) -> None:
    """The suite by itself has nothing against the patch."""
    new = CODE.replace("prices[1:]", "prices")
    hunk = Hunk(filename="shop.py", first_line=1, last_line=6, original=CODE, replacement=new)
    here = place()
    test = Reproduction(filename="x.py", code=REAL, explanation="")

    answer = Proposal(patch=Patch(hunks=(hunk,), rationale="the slice"))
    here.mend(ScriptedEngine(REPORT, [answer], tests=[test]))

    assert here.last("applied")["evidence"] == "reproduced"


WAVERING = (
    "from shop import least, total\n\nSEEN = []\n\n\n"
    "def test_least():\n    SEEN.append(least([2, 1]))\n\n\n"
    "def test_total():\n    assert total([1, 2]) == 3 and SEEN\n"
)
"""Passes with the right patch in the whole suite and fails when run again by itself."""


def test_a_target_that_does_not_pass_twice_is_flaky_and_ends_the_work(
    place: Callable[..., Place],
) -> None:
    """Each further attempt would be one more chance for the coin, so there is none."""
    here = place()
    (here.module / "test_shop.py").write_text(WAVERING)

    here.mend(ScriptedEngine(SHOP_REPORT, [RIGHT] * 3))

    assert here.file.read_text() == CODE
    assert here.events()[-1] == "rejected" and here.events().count("trial") == 1
    assert here.last("rejected")["reason"].startswith("flaky: test_shop.py::test_total passed")


def test_a_target_that_fails_only_behind_another_test_ends_the_work(
    place: Callable[..., Place],
) -> None:
    """Without the patch it passes by itself: nothing can show that a patch helps."""
    here = place()
    (here.module / "test_shop.py").write_text(WAVERING.replace("== 3 and SEEN", "== 2 + len(SEEN)"))

    here.mend(ScriptedEngine(SHOP_REPORT, [RIGHT] * 3))

    assert here.file.read_text() == CODE
    assert here.events().count("trial") == 1
    assert "fails only behind other tests" in here.last("rejected")["reason"]
