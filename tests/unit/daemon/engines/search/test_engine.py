"""From a note to a patch, through the engine itself; guests are processes on this machine."""

import threading
from pathlib import Path

import pytest

from daemon.engines import BugReport, Declined, Feedback, NoPatch, Proposal
from daemon.engines.search.engine import SearchEngine
from daemon.settings import SearchSettings
from sandbox.errors import TrialStopped
from sandbox.patch import patched
from tests.unit.daemon.engines.search.cases import case_of

SETTINGS = SearchSettings(time_s=60, candidates=700)
SHOP = '''\
"""A small shop."""

PERCENT = 100


def total(prices):
    """The sum of all prices.

    >>> total([1, 2])
    3
    """
    result = 0
    for price in prices[1:]:
        result += price
    return result


def mean(values):
    """The mean."""
    return sum(values) / len(values)


def share(part, whole):
    return ratio(whole, part) * PERCENT


def ratio(a, b):
    return a / b
'''
TESTS = """\
import pytest
from shop import mean, ratio, share, total

def test_total(): assert total([1, 2, 3]) == 6
def test_total_of_one(): assert total([7]) == 7
def test_total_of_none(): assert total([]) == 0
def test_mean(): assert mean([1, 3]) == 2
def test_mean_of_none(): assert mean([]) == 0
def test_ratio(): assert ratio(1, 2) == 0.5
def test_share(): assert share(1, 4) == 25
"""
FILES = {"shop.py": SHOP, "test_shop.py": TESTS}
BAD = ("test_total", "test_total_of_one", "test_mean_of_none", "test_share")
OUTCOMES = {
    f"test_shop.py::{line.split('(')[0][4:]}": (
        "failed" if line.split("(")[0][4:] in BAD else "passed"
    )
    for line in TESTS.splitlines()
    if line.startswith("def ")
}


def mended(root: Path, text: str) -> tuple[BugReport, Proposal, str]:
    """Diagnose and propose; the report, the proposal and the patched file."""
    case = case_of(root, FILES, text, OUTCOMES)
    session = SearchEngine(SETTINGS).open(case)
    report = session.diagnose()
    assert isinstance(report, BugReport), report
    answer = session.propose(report, None)
    assert isinstance(answer, Proposal), answer
    return report, answer, patched(answer.patch, case.source.read)["shop.py"].decode()


def test_an_off_by_one_is_mended(tmp_path: Path) -> None:
    """The slice that leaves the first price out."""
    report, answer, text = mended(tmp_path, "`total` loses a price: [1, 2, 3] gave 5")

    assert report.function == "total"
    assert report.failing_test in ("test_shop.py::test_total", "test_shop.py::test_total_of_one")
    assert "in prices:" in text or "in prices[:]:" in text or "prices[0:]" in text
    assert answer.rivals == ()
    assert "shop.py:13" in answer.patch.rationale
    assert "candidates were tried" in answer.explanation


def test_a_missing_guard_is_mended(tmp_path: Path) -> None:
    """mean([]) shall be 0, and nothing else changes."""
    _, _, text = mended(tmp_path, "mean() crashed with ZeroDivisionError for an empty list")

    names: dict[str, object] = {}
    exec(text, names)  # noqa: S102 - the module just mended
    assert names["mean"]([]) == 0  # type: ignore[operator]
    assert names["mean"]([2, 4]) == 3  # type: ignore[operator]


def test_swapped_arguments_are_mended(tmp_path: Path) -> None:
    """The call, not the function called, which other tests hold in place."""
    _, _, text = mended(tmp_path, "share(1, 4) came to 400 percent")

    assert "ratio(part, whole)" in text


def test_the_same_case_gives_the_same_patch(tmp_path: Path) -> None:
    """Same input, same seed, same hunks and same words."""
    first = mended(tmp_path, "`total` is wrong")[1].patch
    second = mended(tmp_path, "`total` is wrong")[1].patch

    assert first == second


def test_a_refused_patch_is_not_offered_again(tmp_path: Path) -> None:
    """The next attempt takes the next best, or says that there is none."""
    case = case_of(tmp_path, FILES, "`total` is wrong", OUTCOMES)
    session = SearchEngine(SETTINGS).open(case)
    report = session.diagnose()
    assert isinstance(report, BugReport)
    first = session.propose(report, None)
    assert isinstance(first, Proposal)

    second = session.propose(report, Feedback(patch=first.patch, reason="no"))

    assert not isinstance(second, Proposal) or second.patch != first.patch


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ('File "/opt/driver/usb.py", line 3, in open\nOSError: none', "not_in_target"),
        ("the weather was bad", "not_enough_information"),
    ],
)
def test_what_the_module_cannot_mend_is_declined(text: str, category: str, tmp_path: Path) -> None:
    """A file of others; a note without any hold."""
    answer = SearchEngine(SETTINGS).open(case_of(tmp_path, FILES, text, OUTCOMES)).diagnose()

    assert isinstance(answer, Declined)
    assert answer.category == category


def test_without_a_failing_test_there_is_no_patch(tmp_path: Path) -> None:
    """The function is known, but nothing shows the failure."""
    good = dict.fromkeys(OUTCOMES, "passed")
    case = case_of(tmp_path, FILES, "`ratio` is imprecise", good)
    session = SearchEngine(SETTINGS).open(case)

    report = session.diagnose()
    assert isinstance(report, BugReport)
    answer = session.propose(report, None)

    assert isinstance(answer, NoPatch)
    assert "no failing test" in answer.reason


def test_a_bug_out_of_reach_ends_with_the_suspicious_lines(tmp_path: Path) -> None:
    """A clear end in bounded time, and where to look."""
    files = {
        "code.py": "def secret(a):\n    b = a * 3\n    return b\n",
        "test_code.py": "from code_ import secret\n".replace("code_", "coded")
        + "def test_secret(): assert secret('x') == 'c2VjcmV0'\n",
    }
    files["coded.py"] = files.pop("code.py")
    case = case_of(tmp_path, files, "`secret` is wrong", {"test_code.py::test_secret": "failed"})
    session = SearchEngine(SearchSettings(time_s=20, candidates=400)).open(case)
    report = session.diagnose()
    assert isinstance(report, BugReport)

    answer = session.propose(report, None)

    assert isinstance(answer, NoPatch)
    assert answer.suspicious[0].startswith("coded.py:")
    assert "no patch found" in answer.reason


def test_the_kill_switch_ends_the_search(tmp_path: Path) -> None:
    """Set while it runs: nothing more is screened."""
    stop = threading.Event()
    said: list[str] = []

    def progress(text: str) -> None:
        said.append(text)
        stop.set()

    files = {**FILES, "shop.py": SHOP.replace("prices[1:]", "prices[2:][:]")}
    case = case_of(tmp_path, files, "`total` is wrong", OUTCOMES, progress=progress, stop=stop)
    session = SearchEngine(SETTINGS).open(case)
    report = session.diagnose()
    assert isinstance(report, BugReport)

    with pytest.raises(TrialStopped):
        session.propose(report, None)


def test_two_edits_are_found_step_by_step(tmp_path: Path) -> None:
    """Each edit turns one failing test green; only both together turn both."""
    files = {
        "pair.py": "def pair(a, b):\n    low = a + 2\n    high = b - 1\n    return [low, high]\n",
        "test_pair.py": "from pair import pair\n"
        "def test_low(): assert pair(1, 9)[0] == 2\n"
        "def test_high(): assert pair(1, 9)[1] == 10\n"
        "def test_both(): assert pair(5, 5) == [6, 6]\n",
    }
    outcomes = dict.fromkeys([f"test_pair.py::test_{n}" for n in ("low", "high", "both")], "failed")
    case = case_of(tmp_path, files, "`pair` is wrong", outcomes)
    session = SearchEngine(SearchSettings(time_s=60)).open(case)
    report = session.diagnose()
    assert isinstance(report, BugReport)

    answer = session.propose(report, None)

    assert isinstance(answer, Proposal), answer
    text = patched(answer.patch, case.source.read)["pair.py"].decode()
    names: dict[str, object] = {}
    exec(text, names)  # noqa: S102 - the module just mended
    assert names["pair"](0, 0) == [1, 1]  # type: ignore[operator]
