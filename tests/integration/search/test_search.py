"""The search engine in real containers: repairs, and modules and tests that misbehave."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.engines import Baseline, BugReport, Case, Declined, NoPatch, Proposal
from daemon.engines.search.engine import SearchEngine
from daemon.settings import SearchSettings
from reflections.note import Reflection
from sandbox.errors import TrialStopped
from sandbox.patch import patched
from sandbox.trial import Limits, Module, Outcome, Sandbox
from tests.unit.daemon.engines.search.cases import Files

pytestmark = pytest.mark.docker
LIMITS = Limits(timeout_s=30, memory_mib=384, pids=64, tmpfs_mib=64, output_kib=512)
Answer = Proposal | NoPatch | Declined
Mend = Callable[..., tuple[Answer, dict[str, str]]]


@pytest.fixture(scope="module")
def sandbox(
    real_sandbox: Callable[[Limits], AbstractContextManager[Sandbox]],
) -> Iterator[Sandbox]:
    """With room for a search."""
    with real_sandbox(LIMITS) as made:
        yield made


@pytest.fixture
def mend(sandbox: Sandbox, tmp_path: Path) -> Mend:
    """Diagnose and propose on a module made of files; the answer and the files with the patch."""

    def run(
        files: dict[str, str],
        text: str,
        stop: threading.Event | None = None,
        progress: Callable[[str], None] = lambda _: None,
        **settings: float,
    ) -> tuple[Answer, dict[str, str]]:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        bench = sandbox.prepare(Module(name="module", root=tmp_path))
        try:
            first = bench.run()
            baseline = Baseline(outcomes=first.outcomes, flaky=(), run=first)
            case = Case(
                reflection=Reflection(
                    id="n", timestamp=datetime(2026, 1, 1, tzinfo=UTC), task_summary="",
                    outcome="failure", reflection=text,
                ),
                source=Files(files), bench=bench, baseline=lambda: baseline,
                check_report=lambda _: None, check_patch=lambda _: None,
                progress=progress, stop=stop or threading.Event(),
            )  # fmt: skip
            session = SearchEngine(SearchSettings(**{"time_s": 60, **settings})).open(case)
            report = session.diagnose()
            if not isinstance(report, BugReport):
                return report, files
            answer = session.propose(report, None)
            if not isinstance(answer, Proposal):
                return answer, files
            changed = patched(answer.patch, case.source.read)
            outcome = bench.run(changed)
            goal = [t for t in baseline.outcomes if t in outcome.outcomes]
            own = [t for t in goal if report.failing_test in (t, t.partition("[")[0])]
            # the id of a file that could not be imported is gone once it can be
            assert own or "::" not in str(report.failing_test)
            assert all(outcome.outcomes[test] is Outcome.PASSED for test in own)
            return answer, {**files, **{name: data.decode() for name, data in changed.items()}}
        finally:
            bench.close()

    return run


def test_a_simple_bug_is_mended_in_a_container(mend: Mend) -> None:
    """A wrong comparison, found among the candidates and proven by a trial."""
    files = {
        "m.py": "def largest(values):\n    best = values[0]\n    for value in values:\n"
        "        if value < best:\n            best = value\n    return best\n",
        "test_m.py": "from m import largest\n\ndef test_some(): assert largest([1, 3, 2]) == 3\n\n"
        "def test_one(): assert largest([4]) == 4\n",
    }

    answer, after = mend(files, "`largest` gives the smallest value")

    assert isinstance(answer, Proposal)
    assert "if value > best:" in after["m.py"] or "if value >= best:" in after["m.py"]
    assert float(answer.numbers["candidates"]) > 1


NOISY = """\
import os, time
import pytest
from m import f

FLAG = []

def test_f(): assert f(2) == 4
def test_passes(): assert f(0) == 0
def test_is_red_for_good(): assert f(1) == 99

def test_prints_much():
    print("x" * 20_000_000 if f(3) != 6 else "quiet")
    assert f(3) == 6

def test_eats_memory():
    if f(5) != 10:
        FLAG.append(bytearray(10**8))
    assert f(5) == 10

def test_forks():
    if f(6) != 12:
        for _ in range(3):
            if os.fork() == 0:
                time.sleep(30)
    assert f(6) == 12
"""


def test_tests_that_misbehave_do_not_stop_the_search(mend: Mend) -> None:
    """Floods of output, memory, forks, a test that stays red: the bug is mended all the same."""
    files = {"m.py": "def f(a):\n    b = a\n    return a - b\n", "test_m.py": NOISY}

    answer, after = mend(files, "`f` is wrong, see test_m.py::test_f")

    assert isinstance(answer, Proposal), answer
    assert "return a + b" in after["m.py"] or "* 2" in after["m.py"]


def test_candidates_that_hang_are_cut_short(mend: Mend) -> None:
    """Most edits of this loop never end; the search goes on and finds the one that does."""
    files = {
        "m.py": "def count(n):\n    found = 0\n    while n > 0:\n        n = n // 2\n"
        "        found = found + 2\n    return found\n",
        "test_m.py": "import pytest\nfrom m import count\n\n"
        "@pytest.mark.parametrize('n, bits', [(0, 0), (1, 1), (5, 3), (8, 4)])\n"
        "def test_count(n, bits): assert count(n) == bits\n",
    }

    answer, after = mend(files, "`count` counts twice as much")

    assert isinstance(answer, Proposal), answer
    assert "found + 1" in after["m.py"]


def test_a_module_that_cannot_be_imported_is_mended(mend: Mend) -> None:
    """The fault is in the module's own code; every candidate is imported afresh."""
    files = {
        "m.py": 'LIMITS = {"low": 1, "high": 2}\nTOP = LIMITS["hig"]\n\n\ndef top():\n'
        "    return TOP\n",
        "test_m.py": "from m import top\n\ndef test_top(): assert top() == 2\n",
    }

    answer, after = mend(files, "m.py fails on import with KeyError, see test_m.py")

    assert isinstance(answer, Proposal), answer
    assert after["m.py"].split("\n")[1] in ('TOP = LIMITS["high"]', 'TOP = LIMITS.get("hig", 2)')


def test_a_function_defined_twice_is_mended_where_it_counts(mend: Mend) -> None:
    """The second definition is the one that runs, and the one that is changed."""
    files = {
        "m.py": "def f(a):\n    return a\n\n\ndef f(a):  # noqa\n    return a - 1\n",
        "test_m.py": "from m import f\n\ndef test_f(): assert f(1) == 2\n\n"
        "def test_g(): assert f(5) == 6\n",
    }

    answer, after = mend(files, "`f` goes the wrong way")

    assert isinstance(answer, Proposal), answer
    assert after["m.py"].startswith("def f(a):\n    return a\n")
    assert "return a + 1" in after["m.py"]


def test_a_fix_in_another_file_is_found(mend: Mend) -> None:
    """The note names the caller, the fault is in what it calls."""
    files = {
        "shop/__init__.py": "",
        "shop/cart.py": "from shop.tax import with_tax\n\n\ndef total(prices):\n"
        "    return sum(with_tax(price) for price in prices)\n",
        "shop/tax.py": "def with_tax(price):\n    return price - price // 10\n",
        "test_cart.py": "from shop.cart import total\n\n"
        "def test_total(): assert total([10, 20]) == 33\n\n"
        "def test_none(): assert total([]) == 0\n",
    }

    answer, after = mend(files, "`total` comes out too low")

    assert isinstance(answer, Proposal), answer
    assert "price + price // 10" in after["shop/tax.py"]


def test_a_suite_that_is_red_everywhere_ends_in_bounded_time(mend: Mend) -> None:
    """Nothing helps: a clear end, with the most suspicious lines."""
    files = {
        "m.py": "def f(a):\n    return a\n",
        "test_m.py": "from m import f\n"
        + "".join(f"def test_{n}(): assert f({n}) == 'word {n * 7919 % 31}'\n" for n in range(9)),
    }

    answer, _ = mend(files, "`f` is wrong", time_s=30)

    assert isinstance(answer, NoPatch)
    assert answer.suspicious == ("m.py:2 return a",)


def test_the_kill_switch_stops_a_search_in_a_container(mend: Mend) -> None:
    """Set from the first sign of progress: the search ends by being stopped."""
    stop = threading.Event()
    files = {
        "m.py": "def f(a):\n    while a > 3:\n        a = a - 1\n    return [a]\n",
        "test_m.py": "from m import f\n\ndef test_f(): assert f(9) == 'none of these'\n",
    }

    with pytest.raises(TrialStopped):
        mend(files, "`f` is wrong", stop=stop, progress=lambda _: stop.set())


def test_two_containers_find_what_one_finds(mend: Mend) -> None:
    """Side by side in real containers: the same patch after the same candidates."""
    files = {
        "m.py": "def middle(a, b, c):\n    if a < b < c or c < b < a:\n        return b\n"
        "    if b < a < c or c < a < b:\n        return b\n    return c\n",
        "test_m.py": "import pytest\nfrom m import middle\n\n"
        "@pytest.mark.parametrize('given', [(1, 2, 3), (2, 1, 3), (1, 3, 2), (3, 2, 1)])\n"
        "def test_middle(given): assert middle(*given) == 2\n",
    }

    alone, _ = mend(files, "`middle` gives the smallest value", guests=1, candidates=500)
    both, _ = mend(files, "`middle` gives the smallest value", guests=2, candidates=500)

    assert isinstance(alone, Proposal), alone
    assert isinstance(both, Proposal), both
    assert (alone.numbers["guests"], both.numbers["guests"]) == ("1", "2")
    assert both.patch == alone.patch
    assert both.rivals == alone.rivals
    assert both.numbers["candidates"] == alone.numbers["candidates"]
