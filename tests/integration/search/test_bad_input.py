"""Bad input through the whole road, from a note to its verdict: real worker, search, containers.

One small target for each kind. Each ends in bounded time in a verdict whose words an operator can
act on; nothing is applied that should not be, and (the `place` fixture) nothing is left running.
"""

import json
import subprocess
import sys
from typing import Any

import pytest

from reflections.store import State
from tests.installation import CODE, FIXED, Installation

pytestmark = pytest.mark.docker
LIMITS = "timeout_s = 60\ntest_timeout_s = 1"
SEARCH = "[search]\ntime_s = 30\ncandidates = 250"  # enough for these


def mend(place: Installation, words: str = "", *, target: str = LIMITS, **note: str) -> None:
    """Drop a note with these words (or the usual one) and work it off."""
    told: dict[str, Any] = {
        "task_summary": "work in the shop", "outcome": f"failed: {words}", "reflection": words,
    } if words else {}  # fmt: skip
    place.mend(target=target, rest=SEARCH, **({"note": {**told, **note}} if told else {}))


def files(place: Installation, **texts: str) -> None:
    """Only these files, `__` standing for a folder."""
    for name in ("shop.py", "test_shop.py"):
        (place.module / name).unlink()
    for name, text in texts.items():
        place.write(name.replace("__", "/") + ".py", text)


def verdict(place: Installation) -> tuple[str, str]:
    """The last thing that happened to the note, and why."""
    last = [r for r in place.records if r.event in ENDS][-1]
    return last.event, str(last.data.get("reason", ""))


def verified(place: Installation) -> str:
    """What `mendd verify` says of the one applied patch."""
    (applied,) = [record for record in place.records if record.event == "applied"]
    command = [sys.executable, "-m", "daemon.cli", "--config", str(place.folder / "mendd.toml")]
    done = subprocess.run(
        [*command, "verify", str(applied.reflection)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


ENDS = ("applied", "held", "rejected", "declined", "failed")


# Tests that never end


LOOP = """\
def total(count):
    found = 0
    while count > 0:
        found = found + count
        count = count {step} 1
    return found
"""
LOOP_TESTS = """\
from shop import total

def test_three(): assert total(3) == 6
def test_none(): assert total(0) == 0
def test_four(): assert total(4) == 10
"""


def test_a_loop_without_end_is_mended(place: Installation) -> None:
    """The tests that hang are failing tests like others, and say where they hung."""
    files(place, shop=LOOP.format(step="+"), test_shop=LOOP_TESTS)

    mend(place, "total in shop.py never returns")

    assert place.last("baseline")["failing"] == [
        "test_shop.py::test_three",
        "test_shop.py::test_four",
    ]
    assert place.last("applied")["evidence"] == "proven"
    assert place.read() == LOOP.format(step="-").encode()
    assert "verified" in verified(place)


HANGING = """\
import re, threading, time
import pytest

def test_catches_everything():
    while True:
        try:
            while True: pass
        except BaseException: pass

def test_in_c_code(): re.match("(a+)+$", "a" * 60 + "b")

def test_in_a_thread():
    def spin():
        while True: pass
    thread = threading.Thread(target=spin)
    thread.start()
    thread.join()

@pytest.fixture
def slow():
    yield
    while True: pass

def test_in_a_fixture(slow): pass

def test_sleeps(): time.sleep(600)
"""


def test_tests_that_hang_for_good_do_not_keep_another_bug_from_being_mended(
    place: Installation,
) -> None:
    """Whatever they hang in; they stay failing, which is no objection."""
    place.write("test_slow.py", HANGING)

    mend(place)

    assert place.last("baseline")["failing_count"] == 3 + 5
    assert place.last("applied")["evidence"] == "proven"
    assert place.read() == FIXED.encode()


def test_a_test_file_that_hangs_when_imported(place: Installation) -> None:
    """It counts as a file that cannot be collected."""
    place.write("test_slow.py", "while True: pass\n\ndef test_it(): pass\n")

    mend(place)

    assert "test_slow.py" in place.last("baseline")["failing"]
    assert place.last("applied")["evidence"] == "proven"


# Tests that take too much


def test_a_test_that_eats_all_memory(place: Installation) -> None:
    """The suite cannot judge; the note waits, and the setting to look at is named."""
    place.write("test_big.py", "def test_big():\n    x = [bytearray(10**7) for _ in range(300)]\n")

    mend(place)

    place.assert_waits("out of memory", "test_big.py::test_big", "sandbox.memory_mib")
    assert place.read() == CODE.encode()


FORKS = """\
import os, time

def test_leaves_children_behind():
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)

def test_forks_as_often_as_it_can():
    for _ in range(500):
        if os.fork() == 0:
            time.sleep(600)
"""


def test_tests_that_fork(place: Installation) -> None:
    """What they leave behind goes with the container; one bomb fails, the bug is mended."""
    place.write("test_fork.py", FORKS)

    mend(place)

    assert place.last("applied")["evidence"] == "proven"
    assert place.read() == FIXED.encode()


def test_a_test_that_prints_a_gigabyte(place: Installation) -> None:
    """Captured, it meets the limit on files and fails; the bug is mended all the same."""
    place.write(
        "test_loud.py", "def test_loud():\n    for _ in range(1000):\n        print('x' * 10**6)\n"
    )

    mend(place)

    assert place.last("applied")["evidence"] == "proven"


def test_a_suite_that_floods_the_output(place: Installation) -> None:
    """Uncaptured it is cut off; the note waits, and the setting is named."""
    loud = "def test_loud():\n    for _ in range(1000):\n        print('x' * 10**6)\n"
    place.write("test_loud.py", loud)

    mend(place, target=LIMITS + '\ntests = ["python", "-m", "pytest", "-s"]')

    place.assert_waits("output flood", "test_loud.py::test_loud", "sandbox.output_kib")


# Tests that depend on something else


def test_a_test_that_needs_a_file_that_is_not_there(place: Installation) -> None:
    """Nothing in the module is at fault: held with what is missing, and nothing is touched."""
    needy = (
        "from shop import restock\n\ndef test_it():\n    open('/etc/shop.conf')\n    restock(1)\n"
    )
    files(place, shop=FIXED, test_shop=needy + "\ndef test_ok(): assert restock(1) == 2\n")

    mend(place, "`restock` in shop.py fails with FileNotFoundError: /etc/shop.conf")

    event, reason = verdict(place)
    assert (event, place.read()) == ("held", FIXED.encode()), reason
    assert "Add a test that fails because of this bug" in reason


def test_a_test_that_fails_only_behind_another(place: Installation) -> None:
    """By itself it passes, so no patch can be shown to help it."""
    tests = (
        "import shop\n\ndef test_a():\n    shop.STEP = 5\n    assert shop.restock(1) == 6\n\n"
        "def test_b(): assert shop.restock(1) == 2\n"
    )
    code = "STEP = 1\n\n\ndef restock(count):\n    return count + STEP\n"
    files(place, shop=code, test_shop=tests)

    mend(place, "`restock` gives 6 for 1, see test_shop.py::test_b")

    event, reason = verdict(place)
    assert (event, place.read()) != ("applied", code.encode()), reason
    assert place.read() == code.encode()
    assert "test" in reason, reason


def test_a_test_that_the_clock_has_overtaken(place: Installation) -> None:
    """A date in the past is no bug of the function it goes through."""
    tests = (
        "import datetime\nfrom shop import restock\n\n"
        "def test_a(): assert restock(1) == 2\n\n"
        "def test_b():\n    assert restock(1) == 2\n"
        "    assert datetime.date.today() < datetime.date(2020, 1, 1)\n"
    )
    files(place, shop=FIXED, test_shop=tests)

    mend(place, "`restock` fails in test_shop.py::test_b")

    event, reason = verdict(place)
    assert event == "rejected" and "no patch found" in reason
    assert place.read() == FIXED.encode()


def test_a_flaky_test_named_by_the_note(place: Installation) -> None:
    """It differs between the two runs of the baseline: no evidence, and the reason says so."""
    flip = (
        "import os\nfrom shop import restock\n\n"
        "def test_flip(): assert restock(0) == os.getuid() % 2\n"
    )
    files(place, shop=FIXED, test_flip=flip, test_ok="def test_ok(): pass\n")

    mend(place, "`restock` is wrong, see test_flip.py::test_flip")

    event, reason = verdict(place)
    assert event in ("declined", "held"), reason
    assert place.last("baseline")["flaky"] == ["test_flip.py::test_flip"]
    assert place.read() == FIXED.encode()


# Modules that are not as they should be


BROKEN = 'LIMITS = {"low": 1, "high": 2}\nTOP = LIMIT["high"]\n\n\ndef top():\n    return TOP\n'


def test_a_module_that_cannot_be_imported_is_mended(place: Installation) -> None:
    """The collection error of its test file is the failing test; its tests prove the patch."""
    tests = (
        "from shop import top\n\ndef test_top(): assert top() == 2\n\ndef test_t(): assert top()\n"
    )
    files(place, shop=BROKEN, test_shop=tests)

    mend(place, "shop.py fails on import with NameError: LIMIT")

    assert place.last("reproduced")["tests"] == ["test_shop.py"]
    assert place.last("applied")["evidence"] == "proven"
    assert place.read() == BROKEN.replace("LIMIT[", "LIMITS[").encode()


def test_a_function_defined_twice(place: Installation) -> None:
    """The second definition is the one that runs, and the one that is changed."""
    twice = CODE.replace("- 1", "* 2") + "\n\n" + CODE
    place.write("shop.py", twice)

    mend(place)

    assert place.last("applied")["evidence"] == "proven"
    assert place.read() == (CODE.replace("- 1", "* 2") + "\n\n" + FIXED).encode()


def test_generated_code(place: Installation) -> None:
    """Thousands of functions in one file: the one at fault is found and mended."""
    many = "".join(f"def field_{n}(value):\n    return value + {n}\n\n\n" for n in range(2500))
    place.write("shop.py", f"# Generated.\n{many}{CODE}")

    mend(place)

    assert place.last("applied")["evidence"] == "proven"
    assert place.read() == f"# Generated.\n{many}{FIXED}".encode()


def test_the_fix_lies_in_another_file(place: Installation) -> None:
    """The note names the caller, the fault is in what it calls."""
    cart = "from shop.tax import tax\n\n\ndef total(prices):\n    return sum(map(tax, prices))\n"
    tax = "def tax(price):\n    return price - price // 10\n"
    tests = (
        "from shop.cart import total\n\ndef test_total(): assert total([10, 20]) == 33\n\n"
        "def test_one(): assert total([50]) == 55\n\ndef test_none(): assert total([]) == 0\n"
    )
    files(place, shop____init__="", shop__cart=cart, shop__tax=tax, test_cart=tests)

    mend(place, "`total` comes out too low")

    assert place.last("applied")["evidence"] == "proven"
    assert place.read("shop/cart.py") == cart.encode()
    assert place.read("shop/tax.py") == tax.replace("-", "+").encode()


def test_a_suite_that_is_red_everywhere(place: Installation) -> None:
    """Nothing helps: rejected, with the most suspicious lines for whoever looks next."""
    tests = "".join(f"def test_{n}(): assert f({n}) == 'w{n * 7919 % 31}'\n" for n in range(9))
    code = "def f(a):\n    return a\n"
    files(place, shop=code, test_shop="from shop import f\n\n" + tests)

    mend(place, "`f` is wrong")

    event, reason = verdict(place)
    assert event == "rejected" and "no patch found" in reason
    assert "shop.py:2 return a" in json.dumps([r.data for r in place.records])
    assert place.open_work == [] and place.read() == code.encode()


def test_a_target_whose_every_test_hangs(place: Installation) -> None:
    """Still bounded: the run's own limit ends what the limit of a test does not."""
    place.write("test_slow.py", "\n".join(f"def test_{n}():\n    while 1: pass" for n in range(20)))

    mend(place, target="timeout_s = 6\ntest_timeout_s = 1")

    place.assert_waits("timed out", "test_timeout_s")
    assert [work.state for work in place.open_work] == [State.WAITING]
