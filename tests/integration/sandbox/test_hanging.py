"""Tests that do not end: each is a failure by name, and the others keep their outcomes."""

from typing import Any

import pytest

from sandbox.trial import Ending, Outcome

pytestmark = pytest.mark.docker
P, F, E = Outcome.PASSED, Outcome.FAILED, Outcome.ERROR
TESTS = """\
import re, time, threading
import pytest

def spin():
    while True: pass

def test_before(): pass

def test_catches_everything():
    while True:
        try: spin()
        except BaseException: pass

def test_in_c_code(): re.match("(a+)+$", "a" * 60 + "b")

def test_in_a_thread():
    thread = threading.Thread(target=spin)
    thread.start()
    thread.join()

def test_sleeps(): time.sleep(600)

@pytest.fixture
def never_ready(): spin()

def test_in_set_up(never_ready): pass

@pytest.fixture
def never_done():
    yield
    spin()

def test_in_tear_down(never_done): pass

class Odd:
    def __repr__(self): spin()

def test_in_its_own_failure(): assert Odd() == 1

def test_after(): pass
"""


def test_each_test_that_hangs_fails_and_the_rest_goes_on(bench_of: Any) -> None:
    """Whatever it hangs in and whatever it catches; the message says where it was."""
    files = {"test_a.py": TESTS, "test_b.py": "def test_b(): pass\n"}

    run = bench_of(files, test_timeout_s=0.5).run(timeout_s=90)

    assert (run.ending, run.detail) == (Ending.FINISHED, "")
    found = {test.partition("::")[2]: outcome for test, outcome in run.outcomes.items()}
    assert found == {
        "test_before": P, "test_catches_everything": F, "test_in_c_code": F, "test_in_a_thread": F,
        "test_sleeps": F, "test_in_set_up": E, "test_in_tear_down": E,
        "test_in_its_own_failure": F, "test_after": P, "test_b": P,
    }  # fmt: skip
    for test, outcome in run.outcomes.items():
        first = run.messages.get(test, "").partition("\n")[0]
        assert first.startswith("timed out after ") is (outcome is not P), (test, first)
    assert ", at test_a.py:" in run.messages["test_a.py::test_catches_everything"]


def test_a_file_that_hangs_when_imported_is_a_collection_error(bench_of: Any) -> None:
    """With the place; the other files are collected, and what its text holds is known."""
    files = {
        "m.py": "while True: pass\n",
        "test_a.py": "import m\n\ndef test_a(): pass\n",
        "test_b.py": "def test_b(): pass\n",
    }

    run = bench_of(files, test_timeout_s=0.5).run()

    assert run.ending is Ending.FINISHED
    assert run.outcomes == {"test_a.py": E, "test_b.py::test_b": P}
    assert "at m.py:1 in <module>" in run.messages["test_a.py"]
    assert run.promised == {"test_a.py": {"test_a.py::test_a": False}}


@pytest.mark.parametrize("first", [["test_a.py::test_x"], ["test_a.py::test_x", "test_a.py"]])
def test_a_first_test_that_hangs_ends_the_run_early(bench_of: Any, first: list[str]) -> None:
    """As one does that fails in any other way."""
    text = "def test_x():\n    while True: pass\n\ndef test_y(): pass\n"
    files = {"test_a.py": text, "test_b.py": "def test_b(): pass\n"}

    run = bench_of(files, test_timeout_s=0.5).run(first=first)

    assert run.ending is Ending.FINISHED and "stopped early" in run.detail
    assert run.outcomes["test_a.py::test_x"] is F
    assert "test_b.py::test_b" not in run.outcomes


def test_children_of_a_test_that_hangs_go_with_it(bench_of: Any) -> None:
    """Also those that left its session; the next test does not meet them."""
    text = """\
import os, time

def test_hangs():
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    while True: pass

def test_alone():
    pids = [f"/proc/{pid}" for pid in os.listdir("/proc") if pid.isdigit()]
    mine = [pid for pid in pids if os.stat(pid).st_uid == os.getuid()]
    assert len(mine) == 2  # the worker and its keeper
"""

    run = bench_of({"test_a.py": text}, test_timeout_s=0.5).run()

    assert run.outcomes == {"test_a.py::test_hangs": F, "test_a.py::test_alone": P}, run.messages


def test_tests_collected_otherwise_the_second_time_are_no_result(bench_of: Any) -> None:
    """Behind a test that hung the others are told by their place; ids that change have none."""
    text = """\
import time
import pytest

@pytest.mark.parametrize("moment", [time.time_ns()])
def test_now(moment): pass

def test_hangs():
    while True: pass

def test_z(): pass
"""

    run = bench_of({"test_a.py": text}, test_timeout_s=0.5).run()

    assert run.ending is Ending.CRASHED
    assert "collected otherwise" in run.output


def test_what_a_test_says_of_its_own_place_helps_nobody(bench_of: Any) -> None:
    """The page is in the tested code's reach: writing to it earns no pass."""
    text = """\
import gc, mmap

def test_cheats():
    for thing in gc.get_objects():
        if type(thing).__name__ == "Page":
            thing.set(stage=0)
    while True: pass
"""

    run = bench_of({"test_a.py": text}, test_timeout_s=0.5).run(timeout_s=4)

    assert run.ending is Ending.TIMED_OUT
    assert run.outcomes == {}
