"""The plot is a whole SVG, whatever the hypotheses say."""

from dataclasses import replace
from xml.etree import ElementTree

from daemon.experiment.plot import best_so_far, sparkline, svg
from daemon.experiment.session import Session
from tests.unit.daemon.experiment.sessions import plan, session, tried


def test_the_best_so_far_only_moves_with_kept_edits() -> None:
    """The baseline is its first value."""
    found = session(tried(1, "reverted", 9.0), tried(2, "kept", 8.0), tried(3, "crashed"))

    assert best_so_far(found) == [10, 10, 8, 8]


def test_a_line_for_the_terminal() -> None:
    """Low values are low bars; a metric that never moves is flat."""
    assert sparkline([10, 5, 0]) == "█▅▁"
    assert sparkline([3, 3]) == "▁▁"
    assert sparkline([]) == ""


def test_each_iteration_has_its_mark_and_nothing_breaks_out() -> None:
    """A hypothesis is text, never markup."""
    odd = tried(2, "refused", 11.0)
    odd = replace(odd, edit=replace(odd.edit, hypothesis="</svg><script>alert(1)</script>\x07"))
    found = session(tried(1, "kept", 8.0), odd, tried(3, "crashed"))
    root = ElementTree.fromstring(svg(found))  # noqa: S314 - our own
    names = [element.tag.rpartition("}")[2] for element in root.iter()]

    assert names.count("circle") == 2
    assert names.count("path") == 1
    assert "script" not in names


def test_a_session_without_a_baseline_can_be_drawn() -> None:
    """It may have failed at its setup."""
    assert ElementTree.fromstring(svg(Session(plan=plan(), policy=""))).tag  # noqa: S314 - our own
