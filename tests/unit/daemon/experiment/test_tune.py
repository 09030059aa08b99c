"""Constants are tried in turn where no model is."""

from dataclasses import replace

from daemon.experiment.session import Edit, Session, Try
from daemon.experiment.tune import next_constant
from sandbox.patch import Patch
from tests.unit.daemon.experiment.sessions import plan, session
from tests.unit.daemon.experiment.test_overlay import Files

SOURCE = Files(shop=b"def f(n=3):\n    return n + 1\n\n\nSIZE = 64\n")


def after(patch: Patch, before: Session) -> Session:
    edit = Edit(iteration=1, hypothesis="x", hunks=patch.hunks, diff="")
    return replace(before, tries=(*before.tries, Try(edit=edit, outcome="reverted", reason="")))


def test_constants_of_the_module_come_first_and_none_comes_twice() -> None:
    """Then defaults, then the others; and at last there is none."""
    now, lines = session(plan=plan(files=("shop.py",))), []
    while (patch := next_constant(now, SOURCE)) is not None:
        lines.append(patch.hunks[0].replacement.strip())
        now = after(patch, now)

    assert lines[:4] == ["SIZE = 128", "SIZE = 32", "SIZE = 65", "SIZE = 63"]
    assert lines[4] == "def f(n=6):"
    assert len(lines) == len(set(lines))


def test_a_file_that_cannot_be_parsed_has_no_constants() -> None:
    """It is passed over."""
    assert next_constant(session(), Files(shop=b"def (:\n")) is None
