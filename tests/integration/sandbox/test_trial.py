"""Trials in real containers: what the tests did comes back as values."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.errors import ImageUnavailable, SandboxDied, TrialStopped
from sandbox.trial import Ending, Module, Outcome, Sandbox

pytestmark = pytest.mark.docker
ADD = "def add(a, b):\n    return a - b\n"
FIXED = b"def add(a, b):\n    return a + b\n"
TEST_ADD = "from calc import add\n\ndef test_add():\n    assert add(2, 2) == 4\n"
BOTH = pytest.mark.parametrize("writable_tree", [True, False])


def test_every_kind_of_outcome(bench_of: Any) -> None:
    """Passed, failed, error, skipped, xfailed, xpassed, with messages for what went wrong."""
    text = """
import pytest, unittest
def test_ok(): pass
def test_bad(): assert 1 == 2
@pytest.mark.skip(reason="not now")
def test_skip(): pass
@pytest.mark.xfail
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
@pytest.mark.xfail(run=False)
def test_norun(): pass
@pytest.fixture
def boom(): raise ValueError("boom")
def test_error(boom): pass
@pytest.fixture
def late():
    yield
    raise ValueError("late")
def test_teardown(late): pass
@pytest.mark.parametrize("x", ["é", "a b", "::"])
def test_param(x): pass
class TestU(unittest.TestCase):
    def test_sub(self):
        for i in range(3):
            with self.subTest(i=i): self.assertNotEqual(i, 1)
"""
    run = bench_of({"test_a.py": text}).run()
    short = {name.split("::", 1)[1]: outcome for name, outcome in run.outcomes.items()}
    assert run.ending is Ending.FINISHED
    params = {name: outcome for name, outcome in short.items() if name.startswith("test_param")}
    assert list(params.values()) == [Outcome.PASSED] * 3
    assert {name: outcome for name, outcome in short.items() if name not in params} == {
        "test_ok": Outcome.PASSED,
        "test_bad": Outcome.FAILED,
        "test_skip": Outcome.SKIPPED,
        "test_xfail": Outcome.XFAILED,
        "test_xpass": Outcome.XPASSED,
        "test_norun": Outcome.XFAILED,
        "test_error": Outcome.ERROR,
        "test_teardown": Outcome.ERROR,
        "TestU::test_sub": Outcome.FAILED,
    }
    assert "assert 1 == 2" in run.messages["test_a.py::test_bad"]
    assert "not now" in run.messages["test_a.py::test_skip"]
    assert set(run.outcomes) == set(run.collected)
    assert "must-fail" not in run.output


@BOTH
def test_changed_files_are_what_the_tests_see(bench_of: Any, writable_tree: bool) -> None:
    """The snapshot stays as it is; a trial sees its own changes only."""
    bench = bench_of({"calc.py": ADD, "test_add.py": TEST_ADD}, writable_tree=writable_tree)
    assert bench.run().outcomes == {"test_add.py::test_add": Outcome.FAILED}
    assert bench.run({"calc.py": FIXED}).outcomes == {"test_add.py::test_add": Outcome.PASSED}
    assert bench.run().outcomes == {"test_add.py::test_add": Outcome.FAILED}


@BOTH
def test_a_change_may_add_a_file_in_a_new_folder(bench_of: Any, writable_tree: bool) -> None:
    """Also over the read-only tree."""
    bench = bench_of(
        {"test_a.py": "def test_a():\n    import new.mod\n"}, writable_tree=writable_tree
    )
    assert bench.run().outcomes == {"test_a.py::test_a": Outcome.FAILED}
    run = bench.run({"new/__init__.py": b"", "new/mod.py": b"x = 1\n"})
    assert run.outcomes == {"test_a.py::test_a": Outcome.PASSED}


@BOTH
def test_a_warm_container_serves_one_run(bench_of: Any, writable_tree: bool) -> None:
    """Its result is that of a cold one, and nothing of it is left for the next."""
    bench = bench_of({"calc.py": ADD, "test_add.py": TEST_ADD}, writable_tree=writable_tree)
    bench.warm(["calc.py"])
    assert bench.run({"calc.py": FIXED}).outcomes == {"test_add.py::test_add": Outcome.PASSED}
    assert bench.run().outcomes == {"test_add.py::test_add": Outcome.FAILED}


def test_a_warm_container_that_does_not_fit_is_not_used(bench_of: Any) -> None:
    """A change to a file that is not mounted gets a fresh container."""
    bench = bench_of({"calc.py": ADD, "test_add.py": TEST_ADD}, writable_tree=False)
    bench.warm(["test_add.py"])
    assert bench.run({"calc.py": FIXED}).outcomes == {"test_add.py::test_add": Outcome.PASSED}


def test_a_warm_container_killed_behind_our_back_is_replaced(
    bench_of: Any, sandbox: Sandbox
) -> None:
    """Nobody notices but for the time."""
    bench = bench_of({"calc.py": ADD, "test_add.py": TEST_ADD})
    bench.warm([])
    bench._warm[0][1].result()
    assert sandbox.kill_all() >= 1
    assert bench.run({"calc.py": FIXED}).outcomes == {"test_add.py::test_add": Outcome.PASSED}


def test_first_tests_end_a_bad_run_early(bench_of: Any) -> None:
    """The rest does not run, and that is said."""
    text = "".join(f"def test_{n}():\n    assert {n} != 3\n" for n in range(5))
    bench = bench_of({"test_a.py": text})
    run = bench.run(first=["test_a.py::test_3"])
    assert run.outcomes == {"test_a.py::test_3": Outcome.FAILED}
    assert (run.ending, run.detail) == (
        Ending.FINISHED,
        "stopped early: a test that had to pass failed",
    )
    assert len(bench.run(first=["test_a.py::test_4"]).outcomes) == 5


def test_only_runs_just_these(bench_of: Any) -> None:
    """Files without any of them are not even imported."""
    files = {
        "test_a.py": "def test_1(): pass\ndef test_2(): pass\n",
        "test_b.py": "raise SystemExit",
    }
    bench = bench_of(files)
    assert set(bench.run(only=["test_a.py::test_2"]).outcomes) == {"test_a.py::test_2"}
    assert bench.run(only=["test_a.py::gone"]).ending is Ending.NO_TESTS


@BOTH
@pytest.mark.parametrize("command", [("python", "-m", "pytest"), ("pytest", "-q", "tests/unit")])
def test_extra_tests_join_the_collected_ones(
    bench_of: Any, writable_tree: bool, command: tuple[str, ...]
) -> None:
    """Whether or not the command's own arguments would find them, and once only."""
    files = {
        "tests/unit/test_a.py": "def test_a(): pass\n",
        "tests/slow/test_b.py": "def test_b(): pass",
    }
    bench = bench_of(files, writable_tree=writable_tree, command=command)
    run = bench.run(extra_tests={"tests/test_mendd.py": b"def test_new(): pass\n"})
    expected = {"tests/unit/test_a.py::test_a", "tests/test_mendd.py::test_new"}
    if "tests/unit" not in command:
        expected.add("tests/slow/test_b.py::test_b")
    assert set(run.outcomes) == expected
    assert run.ending is Ending.FINISHED


def test_the_targets_own_configuration_counts(bench_of: Any) -> None:
    """Even one that stops at the first failure or names other files."""
    files = {
        "pytest.ini": "[pytest]\naddopts = -x\npython_files = check_*.py\n",
        "check_a.py": "def test_1(): assert 0\ndef test_2(): pass\n",
        "test_b.py": "def test_no(): pass\n",
    }
    run = bench_of(files).run()
    assert run.outcomes == {
        "check_a.py::test_1": Outcome.FAILED,
        "check_a.py::test_2": Outcome.PASSED,
    }


def test_a_file_that_cannot_be_imported_is_an_outcome(bench_of: Any) -> None:
    """The others still run."""
    run = bench_of(
        {"test_a.py": "import nothing_like_it\n", "test_b.py": "def test_b(): pass\n"}
    ).run()
    assert run.outcomes == {"test_a.py": Outcome.ERROR, "test_b.py::test_b": Outcome.PASSED}
    assert "nothing_like_it" in run.messages["test_a.py"]
    assert run.ending is Ending.FINISHED


def test_no_tests(bench_of: Any) -> None:
    """An empty suite is no success."""
    assert bench_of({"calc.py": ADD}).run().ending is Ending.NO_TESTS


def test_a_broken_conftest_is_a_crash_with_its_traceback(bench_of: Any) -> None:
    """It may be the patch's fault, so it is a value."""
    run = bench_of({"conftest.py": "1/0\n", "test_a.py": "def test_a(): pass\n"}).run()
    assert run.ending is Ending.CRASHED
    assert "ZeroDivisionError" in run.output


def test_a_run_that_hangs_is_cut_off_and_what_was_under_way_named(bench_of: Any) -> None:
    """The limit of the run is met before that of a test; what was done before it is kept."""
    text = "import time\ndef test_a(): pass\ndef test_hang(): time.sleep(60)\ndef test_c(): pass\n"
    run = bench_of({"test_a.py": text}, test_timeout_s=60).run(timeout_s=4)
    assert run.ending is Ending.TIMED_OUT
    assert run.outcomes == {"test_a.py::test_a": Outcome.PASSED}
    assert "test_a.py::test_hang" in run.detail
    assert len(run.collected) == 3


def test_stop_ends_a_trial_at_once(bench_of: Any) -> None:
    """And nothing is said about the tests."""
    bench = bench_of({"test_a.py": "import time\ndef test_hang(): time.sleep(60)\n"})
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    with pytest.raises(TrialStopped):
        bench.run(stop=stop)


@pytest.mark.parametrize("how", ["killed", "removed"])
def test_a_container_taken_away_is_no_test_result(
    bench_of: Any, sandbox: Sandbox, how: str
) -> None:
    """It raises; whether its harness was killed or the whole container removed."""
    bench = bench_of({"test_a.py": "import time\ndef test_hang(): time.sleep(60)\n"})

    def take_away() -> None:
        docker = sandbox._docker
        for container in docker.containers(f"mendd.state={sandbox._launcher.label}"):
            (docker.kill if how == "killed" else docker.remove)(container)

    timer = threading.Timer(1.5, take_away)
    timer.start()
    with pytest.raises(SandboxDied):
        bench.run()
    timer.join()


def test_a_missing_interpreter_is_no_test_result(bench_of: Any) -> None:
    """Nor is one without pytest."""
    with pytest.raises(SandboxDied, match="did not get ready"):
        bench_of({"test_a.py": ""}, python="/usr/bin/python9").run()


def test_trials_run_side_by_side_under_different_users(bench_of: Any) -> None:
    """Two slots, two user ids; a third run waits its turn."""
    text = (
        "import os, time\ndef test_uid():\n    time.sleep(0.5)\n    assert not f'uid={os.getuid()}'"
    )
    bench = bench_of({"test_a.py": text})
    found: list[str] = []

    def run() -> None:
        found.append(bench.run().messages["test_a.py::test_uid"])

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    uids = {text.split("'uid=")[-1][:5] for text in found}
    assert len(found) == 3 and len(uids) >= 2 and uids <= {f"1000{n}" for n in range(1, 6)}


def test_command_mode_is_judged_by_its_exit_code(bench_of: Any) -> None:
    """Any program may be the tests."""
    bench = bench_of({"check.py": "import calc\nassert calc.add(2, 2) == 4\n", "calc.py": ADD},
                     command=("python3", "check.py"))  # fmt: skip
    assert bench.run().outcomes == {"exit code": Outcome.FAILED}
    assert "AssertionError" in bench.run().output
    assert bench.run({"calc.py": FIXED}).outcomes == {"exit code": Outcome.PASSED}


def test_command_mode_reads_junit_xml(bench_of: Any) -> None:
    """When the command writes it below the tree or in /tmp."""
    xml = (
        '<testsuite><testcase classname="a" name="ok" time="0.5"/>'
        '<testcase classname="a" name="no"><failure message="bad">trace</failure>'
        '</testcase><testcase name="s"><skipped/></testcase>'
        "</testsuite>"
    )
    bench = bench_of(
        {"check.py": f"open('/tmp/out.xml','w').write({xml!r}); raise SystemExit(1)\n"},
        command=("python3", "check.py"), junit_xml="/tmp/out.xml",
    )  # fmt: skip
    run = bench.run()
    assert run.outcomes == {
        "exit code": Outcome.FAILED,
        "a::ok": Outcome.PASSED,
        "a::no": Outcome.FAILED,
        "s": Outcome.SKIPPED,
    }
    assert "trace" in run.messages["a::no"]


def test_a_command_that_does_not_exist_is_no_test_result(bench_of: Any) -> None:
    """It cannot be the patch's fault."""
    with pytest.raises(ImageUnavailable, match="no-such-program"):
        bench_of({"a.py": ""}, command=("no-such-program",)).run()


def test_a_module_that_changes_gets_a_new_snapshot(bench_of: Any, sandbox: Sandbox) -> None:
    """And an unchanged one the same."""
    bench = bench_of({"calc.py": ADD})
    module: Module = bench.module
    assert sandbox.prepare(module).image_id == bench.image_id
    time.sleep(0.01)
    Path(module.root / "calc.py").write_bytes(FIXED)
    assert sandbox.prepare(module).image_id != bench.image_id
