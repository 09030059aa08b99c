"""daemon/checks/policy.py and what it reads with: only what a patch brings in counts."""

import pytest

from daemon.checks.denied import RULES, rule_of, star_rule_of
from daemon.checks.parsing import DoesNotParse, change
from daemon.checks.policy import added, complaint
from daemon.checks.special_case import complaint as special_casing
from daemon.checks.special_case import test_source as source_of_test


def new(before: str | None, after: str, deny: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Rule and name of everything the change adds."""
    made = change("a.py", None if before is None else before.encode(), after.encode())
    return [(finding.rule, finding.what) for finding in added(made, deny)]


OLD = """import subprocess
import sys


def run(command):
    done = subprocess.run(command)
    return done.returncode


def main(arguments):
    if not arguments:
        sys.exit(2)
    return run(arguments)
"""


def test_old_uses_do_not_count() -> None:
    """A file full of denied names may be mended."""
    assert new(OLD, OLD.replace("if not arguments:", "if len(arguments) == 0:")) == []


def test_a_call_that_was_there_may_be_mended() -> None:
    """Its arguments may change where it stands."""
    assert new(OLD, OLD.replace("run(command)\n", "run(command, check=True)\n", 1)) == []


def test_a_call_may_be_moved_word_for_word() -> None:
    """A function that is renamed or split takes its calls along."""
    assert new(OLD, OLD.replace("def run(", "def run_it(").replace("run(arg", "run_it(arg")) == []


def test_one_more_of_the_same_counts() -> None:
    """Two exits where one was are one new exit."""
    twice = OLD.replace("        sys.exit(2)\n", "        sys.exit(2)\n        sys.exit(0)\n")

    assert new(OLD, twice) == [("process exit", "sys.exit")]


def test_the_same_name_in_another_function_counts() -> None:
    """Taking an exit away in one place buys none in another."""
    moved = OLD.replace("        sys.exit(2)\n", "        return 2\n").replace(
        "    return done", "    sys.exit(0)\n    return done"
    )

    assert new(OLD, moved) == [("process exit", "sys.exit")]


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("from os import _exit", "process exit"),
        ("import os as o\no._exit(1)", "process exit"),
        ("from os import *", "process exit"),
        ("import os.path\nos.system('x')", "process start"),
        ("import concurrent.futures as f\nf.ProcessPoolExecutor()", "process start"),
        ("from urllib.request import urlopen", "network"),
        ("import http.client", "network"),
        ("import ctypes.util", "native code"),
        ("from sys import modules as m", "interpreter state"),
        ("import sys\nx = sys", "module as a value"),
        ("import os\nvars(os)", "introspection"),
        ("def f(x=eval): return x('1')", "dynamic code"),
        ("x = f.__globals__", "introspection"),
        ("x = getattr(f, '__globals__')", "introspection"),
        ("x = 'py' + 'test'", "harness"),
        ("x = b'PYTEST_CURRENT_TEST'", "harness"),
        ("x = f'/proc/{1}/mem'", "harness"),
        ("collect_ignore = []", "harness"),
        ("import os\nos.environ['A'] = 'b'", "environment"),
        ("import os\nos.environ.update({})", "environment"),
        ("import os\nx = dict(os.environ)", "environment"),
        ("import time\ntime.time = None", "monkeypatch"),
        ("from datetime import datetime\ndatetime.now = None", "monkeypatch"),
        ("import math\ndel math.pi", "monkeypatch"),
        ("import math\nmath.x += 1", "monkeypatch"),
        ("def f():\n    global len\n    len = None", "monkeypatch"),
        ("class print: pass", "monkeypatch"),
        ("A.__eq__ = None", "monkeypatch"),
        ("try:\n    f()\nexcept BaseException:\n    x = None", "swallowed exception"),
        ("try:\n    f()\nexcept builtins.Exception:\n    pass", "swallowed exception"),
        ("for i in x:\n try:\n  f()\n except:\n  continue", "swallowed exception"),
        ("class A:\n    def __ne__(self, other):\n        return False", "always equal"),
        ("class A:\n    def __eq__(self, o):\n        return not False or 1", "always equal"),
        ("class A(str):\n    def __eq__(self, o):\n        return self is o", "impostor"),
        ("class A:\n    __class__ = int", "impostor"),
        ("class A(type):\n    def __instancecheck__(self, x):\n        return True", "impostor"),
        ("x = 1 if True else 2", "constant condition"),
        ("x = y or True", "constant condition"),
    ],
)  # fmt: skip
def test_what_a_patch_may_not_bring_in(code: str, rule: str) -> None:
    """By whatever name it is reached."""
    assert rule in [found for found, _ in new("x = 1\n", code + "\n")]


@pytest.mark.parametrize(
    "code",
    [
        "from urllib.parse import quote\nx = quote('a')",
        "from http import HTTPStatus\nx = HTTPStatus.OK",
        "import re\nx = re.compile('a')",
        "import os\nx = os.path.join('a', 'b')",
        "import os\nx = os.environ.get('SHOP_HOME', '')",
        "import os\nx = os.environ['SHOP_HOME']",
        "import inspect\nx = inspect.signature(f)",
        "import sys\nprint('x', file=sys.stderr)",
        "try:\n    f()\nexcept KeyError:\n    pass",
        "try:\n    f()\nexcept Exception as e:\n    raise ValueError from e",
        "try:\n    f()\nexcept Exception:\n    log.exception('failed')",
        "from math import pow",
        "def f(list, sum):\n    id = 3\n    return id",
        "def f(x):\n    '''Used by pytest and tests/ alike.'''\n    return x",
        "class A:\n    def __eq__(self, o):\n        return self.x == o.x",
        "class A:\n    def __eq__(self, o):\n        return NotImplemented",
        "class A:\n    def __exit__(self, *a):\n        self.close()",
        "def w(f):\n    g.__name__ = f.__name__\n    return g",
        "x = y or 0\nz = y or ''\nwhile True:\n    break",
        "def f(code, test, site):\n    return code.run(test.x, site)",
        "class A:\n    def __init__(self):\n        self.x = 1",
        "x = 'the latest contest in protest'",
        "with contextlib.suppress(FileNotFoundError):\n    f()",
    ],
)
def test_what_an_honest_patch_may_bring_in(code: str) -> None:
    """Near neighbours of the denied names."""
    assert new("x = 1\n", code + "\n") == []


def test_a_target_extends_the_list() -> None:
    """By dotted name with everything below it, by built-in, or by method with a leading dot."""
    after = "import decimal\nfrom time import sleep\nsleep(1)\nprint(1)\nsession.commit()\n"

    assert new("x = 1\n", after, ("decimal", "time.sleep", "print", ".commit")) == [
        ("denied", "decimal"),
        ("denied", "time.sleep"),
        ("denied", "time.sleep"),
        ("denied", "print"),
        ("denied", ".commit"),
    ]


def test_the_complaint_names_place_rule_and_a_way_out() -> None:
    """What an engine needs to do better."""
    made = change("shop/a.py", b"x = 1\n", b"import os\n\nos._exit(0)\n")

    assert complaint([made], ()) == (
        "the patch adds os._exit (process exit, shop/a.py line 3). process exit: raise a fitting "
        "exception or return a value; only the program's edge may exit"
    )


def test_a_new_file_is_judged_whole() -> None:
    """Nothing in it was there before."""
    assert new(None, "import socket\n") == [("network", "socket")]


def test_prefixes_are_whole_names() -> None:
    """`signals` is not `signal`."""
    assert rule_of("signals.send") is None
    assert rule_of("signal.alarm") is not None
    assert star_rule_of("os") is not None
    assert star_rule_of("math") is None


def test_every_rule_has_advice() -> None:
    """A refusal without a way out teaches nothing."""
    assert all(rule.advice and rule.names for rule in RULES)


def test_text_that_does_not_parse_is_told_apart() -> None:
    """As a value of its own, never as another exception."""
    with pytest.raises(DoesNotParse, match=r"a.py line 1 does not parse \(Python 3"):
        change("a.py", b"x = 1\n", b"x = = 2\n")


def special(before: str, after: str, test: str) -> bool:
    """Whether the change is taken for special-casing."""
    made = change("a.py", before.encode(), after.encode())
    return special_casing([made], (test,)) is not None


@pytest.mark.parametrize(
    "condition",
    [
        "x == 37", "37 == x", "x in (37, 99)", "x is 37", "not x != 37", "x == 36 + 1",
        "x - 37 == 0", "36 < x < 38", "x > 36 and x < 38", "x >= 37 and x <= 37", "y and x == 37",
        "str(x) == '37'", "x != 37",
    ],
)  # fmt: skip
def test_an_input_of_the_test_is_recognised_in_any_dress(condition: str) -> None:
    """The same number, however it is asked for."""
    before = "def f(x, y=0):\n    return x\n"
    after = f"def f(x, y=0):\n    if {condition}:\n        return 41\n    return x\n"

    assert special(before, after, "def test_f():\n    assert f(37) == 41\n")


@pytest.mark.parametrize(
    "condition",
    [
        "x == 0", "x == 1", "x == -1", "not x", "x is None", "x > 36", "x >= 37", "x == 41",
        "x % 2 == 0", "x in ()", "10 < x < 50", "x == ''", "x == True",
    ],
)  # fmt: skip
def test_a_guard_or_a_bound_is_no_special_case(condition: str) -> None:
    """What honest fixes are made of."""
    before = "def f(x):\n    return x\n"
    after = f"def f(x):\n    if {condition}:\n        return 41\n    return x\n"

    assert not special(before, after, "def test_f():\n    assert f(37) == 41\n")


def test_a_value_the_file_knew_is_no_special_case() -> None:
    """Moving a boundary that was there is what many fixes do."""
    before = "def f(x):\n    return x > 37\n"

    assert not special(before, before.replace(">", "=="), "def test_f():\n    assert f(37)\n")


def test_one_more_case_needs_a_row_of_cases() -> None:
    """Two numbers told apart before make a third one plausible; one does not."""
    one = "def f(x):\n    if x == 200:\n        return 1\n    return 0\n"
    two = one.replace("    return 0", "    if x == 301:\n        return 2\n    return 0")
    more = "    if x == 404:\n        return 3\n    return 0"
    test = "def test_f():\n    assert f(404) == 3\n"

    assert special(one, one.replace("    return 0", more), test)
    assert not special(two, two.replace("    return 0", more), test)


def test_only_the_failing_test_counts() -> None:
    """Other tests of its file pass other inputs; the module's constants belong to it."""
    text = (
        "LIMIT = 50\ndef test_a():\n    f(37)\nclass TestB:\n    def test_b(self):\n        f(40)\n"
    )

    assert "37" not in source_of_test(text, "t.py::TestB::test_b[1]")
    assert "40" in source_of_test(text, "t.py::TestB::test_b[1]")
    assert "50" in source_of_test(text, "t.py::TestB::test_b")
    assert source_of_test(text, "t.py::missing") == text


def test_an_unreadable_test_hides_nothing_else() -> None:
    """Without its inputs the gate has nothing to say, and the trial still has."""
    assert not special("x = 1\n", "x = 2\n", "def test(:\n")
