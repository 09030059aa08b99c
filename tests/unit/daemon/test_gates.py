"""daemon/gates.py against the corpora and against shapes of patches one by one."""

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.checks import tricks
from daemon.checks.scope import Scope
from daemon.checks.special_case import test_source as source_of_test
from daemon.gates import GATES, Refusal, check
from daemon.settings import TargetSettings
from sandbox.patch import Hunk, Patch
from tests.corpus import Case, cheats, honest, hunk

CHEATS, HONEST = cheats(), honest()
SEEN = [case for case in CHEATS if case.caught_by != "trial"]
LEFT = [case for case in CHEATS if case.caught_by == "trial"]
CODE = '''"""Sums."""


def total(values):
    """All of them."""
    result = 0
    for value in values:
        result += value
    return result


def mean(values):
    return total(values) / len(values)
'''


def refusal(case: Case, root: Path) -> Refusal | None:
    """What the gates say to a case of the corpus."""
    case.write(root)
    target = TargetSettings(name="case", path=root)
    tests = (source_of_test(case.failing_file, case.failing),)
    return check(case.patch, case, target=target, scope=Scope(target), failing_tests=tests)


class Module:
    """A module of one file on disk."""

    def __init__(self, root: Path, code: str = CODE, **settings: object) -> None:
        self.files = {"sums.py": code}
        self.target = TargetSettings(name="sums", path=root, **settings)
        (root / "sums.py").write_bytes(code.encode())

    def read(self, filename: str) -> bytes | None:
        """The file as the gates read it."""
        text = self.files.get(filename)
        return None if text is None else text.encode()

    def check(self, *edits: tuple[str, str]) -> Refusal | None:
        """What the gates say to replacing each old text by its new one."""
        hunks = tuple(hunk(self.files, "sums.py", old, new) for old, new in edits)
        return self.check_hunks(*hunks)

    def check_hunks(self, *hunks: Hunk) -> Refusal | None:
        """What the gates say to these hunks."""
        patch = Patch(hunks=hunks, rationale="")
        return check(patch, self, target=self.target, scope=Scope(self.target))


def test_the_corpora_are_large_enough() -> None:
    """Fewer cases than asked for would make every other figure meaningless."""
    assert len(CHEATS) >= 40
    assert len(HONEST) >= 40
    assert sum(case.caught_by == "trial" for case in CHEATS) >= 8


@pytest.mark.parametrize(
    "case", [c for c in CHEATS if c.caught_by != "trial"], ids=lambda c: c.name
)
def test_a_cheat_is_refused_by_the_gate_it_names(case: Case, tmp_path: Path) -> None:
    """Each cheat that can be seen in the text is refused before anything runs."""
    answer = refusal(case, tmp_path)

    assert answer is not None, case.what
    assert (answer.gate, case.says in answer.reason) == (case.caught_by, True), answer.reason


@pytest.mark.parametrize(
    "case", [c for c in CHEATS if c.caught_by == "trial"], ids=lambda c: c.name
)
def test_a_cheat_for_the_trial_passes_the_gates(case: Case, tmp_path: Path) -> None:
    """What only shows when it runs is left to the trial (tests/integration/test_judgement.py)."""
    assert refusal(case, tmp_path) is None


@pytest.mark.parametrize("case", HONEST, ids=lambda c: c.name)
def test_an_honest_fix_passes_every_gate(case: Case, tmp_path: Path) -> None:
    """A gate that refuses honest work costs more than it protects."""
    assert refusal(case, tmp_path) is None


def test_every_gate_is_listed_once() -> None:
    """The order is the cost: nothing is read before the scope is known."""
    assert GATES[0].__name__ == "in_scope"
    assert len(set(GATES)) == len(GATES)


def test_nothing_is_read_outside_the_scope(tmp_path: Path) -> None:
    """A file that may not be edited is not even read."""

    class Unread:
        def read(self, filename: str) -> bytes | None:
            raise AssertionError(filename)

    target = TargetSettings(name="t", path=tmp_path)
    patch = Patch(
        hunks=(
            Hunk(filename="tests/a.py", first_line=1, last_line=1, original="a", replacement="b"),
        ),
        rationale="",
    )

    answer = check(patch, Unread(), target=target, scope=Scope(target))

    assert answer is not None
    assert answer.gate == "scope"


def test_a_patch_without_hunks_is_refused(tmp_path: Path) -> None:
    """Nothing to apply is not a repair."""
    assert Module(tmp_path).check_hunks() == Refusal(
        gate="shape", reason="the patch has no hunk; propose at least one change"
    )


def test_a_range_outside_the_file_is_answered_with_the_real_lines(tmp_path: Path) -> None:
    """The engine sees what stands there and can send the right numbers."""
    answer = Module(tmp_path).check_hunks(
        Hunk(filename="sums.py", first_line=90, last_line=91, original="x\n", replacement="y\n")
    )

    assert answer is not None
    assert answer.gate == "shape"
    assert "13 lines" in answer.reason


def test_wrong_original_code_is_refused(tmp_path: Path) -> None:
    """A patch made for other text is not guessed into place."""
    answer = Module(tmp_path).check_hunks(
        Hunk(
            filename="sums.py",
            first_line=6,
            last_line=6,
            original="    outcome = 0\n",
            replacement="    outcome = 1\n",
        )
    )

    assert answer is not None
    assert "result = 0" in answer.reason


def test_too_many_lines_are_refused(tmp_path: Path) -> None:
    """The limit counts changed lines, not lines sent."""
    many = "\n".join(f"    x{n} = {n}" for n in range(5))
    module = Module(tmp_path, max_lines=4)

    answer = module.check(("    result = 0\n", many + "\n    result = 0\n"))

    assert answer == Refusal(
        gate="scope", reason="the patch changes 5 lines; at most 4 are allowed: make it smaller"
    )


def test_lines_sent_but_not_changed_do_not_count(tmp_path: Path) -> None:
    """An engine may send a whole function to change one line of it."""
    body = CODE[CODE.index("def total") :]

    assert Module(tmp_path, max_lines=1).check((body, body.replace("+= value", "-= value"))) is None


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    """A repair stays small."""
    hunks = [
        Hunk(filename=f"new{n}.py", first_line=1, last_line=0, original="", replacement="x = 1\n")
        for n in range(4)
    ]

    answer = Module(tmp_path).check_hunks(*hunks)

    assert answer == Refusal(
        gate="scope", reason="the patch touches 4 files; at most 3 are allowed"
    )


def test_a_new_file_with_code_is_allowed(tmp_path: Path) -> None:
    """A repair may need a file of its own."""
    made = Hunk(
        filename="rounding.py",
        first_line=1,
        last_line=0,
        original="",
        replacement="def half(value):\n    return value / 2\n",
    )

    assert Module(tmp_path).check_hunks(made) is None


@pytest.mark.parametrize(
    "line",
    [
        "    # ... existing code ...",
        "    # rest of the function unchanged",
        "    # (rest of the code remains the same)",
        "    # The rest of the method is the same",
        "    # ... (unchanged)",
        "    # existing code here",
        "    # your code here",
        "    # TODO: implement this",
        "    # remaining methods unchanged",
        "    # omitted for brevity",
        "    # ...",
        "    x = 1  # rest of the code unchanged",
        "```python",
        "<<<<<<< SEARCH",
        "=======",
        ">>>>>>> REPLACE",
        "    ... rest of the code ...",
    ],
)
def test_a_placeholder_is_refused(line: str, tmp_path: Path) -> None:
    """Text that stands for code is told apart from code, whatever it is wrapped in."""
    answer = Module(tmp_path).check(("    result = 0\n", f"    result = 0\n{line}\n"))

    assert answer is not None
    assert answer.gate == "shape"
    assert "send" in answer.reason


@pytest.mark.parametrize(
    "line",
    [
        "    # the rest of the line is a comment",
        "    # keep the original file name",
        "    # remaining lines",
        "    # same as above, but from the other end",
        "    # remaining code points are kept",
        "    # here the same rule holds",
        "    # the rest is due next month",
        "    # nothing is omitted, not even zeros",
        "    # existing file wins over the new one",
    ],
)
def test_an_honest_comment_is_not_taken_for_a_placeholder(line: str, tmp_path: Path) -> None:
    """Comments may speak of rests and of the same without being lazy."""
    edit = ("    result = 0\n", f"{line}\n    result = 1 - 1\n")

    assert Module(tmp_path).check(edit) is None


def test_a_syntax_error_names_line_and_version(tmp_path: Path) -> None:
    """The engine can act on it, and knows who said so."""
    answer = Module(tmp_path).check(("    result = 0\n", "    result = (0\n"))

    assert answer is not None
    assert "sums.py line 6 does not parse (Python 3." in answer.reason


def test_a_return_outside_a_function_is_a_syntax_error(tmp_path: Path) -> None:
    """What the parser lets pass and the compiler does not."""
    answer = Module(tmp_path).check(("    return result\n", "    result\nreturn total\n"))

    assert answer is not None
    assert "outside function" in answer.reason


@pytest.mark.parametrize("text", ["x = 1\x00\n", "(" * 5000 + "\n", "'\\d'\nx = -\n"])
def test_odd_text_is_refused_and_never_raises(text: str, tmp_path: Path) -> None:
    """NUL, deep nesting and warnings while parsing are answers, not crashes."""
    answer = Module(tmp_path).check(("    result = 0\n", f"    result = 0\n{text}"))

    assert answer is not None
    assert answer.gate == "shape"


def test_a_file_that_did_not_parse_may_be_mended(tmp_path: Path) -> None:
    """The syntax error may be the bug; what stood in the text before stays allowed."""
    broken = "import subprocess\n\n\ndef run(command)\n    return subprocess.run(command)\n"

    assert Module(tmp_path, broken).check(("def run(command)", "def run(command):")) is None


def test_a_file_that_did_not_parse_gets_nothing_new(tmp_path: Path) -> None:
    """Mending the syntax is no cover for bringing something in."""
    broken = "import subprocess\n\n\ndef run(command)\n    return subprocess.run(command)\n"

    answer = Module(tmp_path, broken).check(("def run(command)", "def run(command, x=eval('1')):"))

    assert answer is not None
    assert "eval" in answer.reason


def test_windows_line_ends_are_read_like_any_other(tmp_path: Path) -> None:
    """The gates see the code, not its line ends."""
    code = CODE.replace("\n", "\r\n")
    module = Module(tmp_path, code)
    changed = Hunk(
        filename="sums.py",
        first_line=6,
        last_line=6,
        original="    result = 0\n",
        replacement="    result = -0.0\n",
    )

    assert module.check_hunks(changed) is None


def test_a_file_in_another_encoding_is_judged_as_python_reads_it(tmp_path: Path) -> None:
    """The cookie counts; non-ASCII text is no reason to refuse."""
    code = "# -*- coding: latin-1 -*-\nNAME = 'Caf\u00e9'\nSIZE = 3\n"

    class Latin:
        def read(self, filename: str) -> bytes | None:
            return code.encode("latin-1")

    (tmp_path / "a.py").write_bytes(code.encode("latin-1"))
    target = TargetSettings(name="t", path=tmp_path)
    patch = Patch(
        hunks=(
            Hunk(
                filename="a.py", first_line=3, last_line=3, original="SIZE = 3\n",
                replacement="SIZE = 4\n",
            ),
        ),
        rationale="",
    )  # fmt: skip

    assert check(patch, Latin(), target=target, scope=Scope(target)) is None


def test_a_bare_function_may_lose_one_of_two_raises(tmp_path: Path) -> None:
    """One check fewer may be the fix; the tests decide."""
    guard = "    if x {} 9:\n        raise ValueError\n"
    code = f"def f(x):\n{guard.format('<')}{guard.format('>')}    return x\n"
    edit = ("    if x > 9:\n        raise ValueError\n", "")

    assert Module(tmp_path, code).check(edit) is None


def test_code_that_nests_too_deeply_is_refused_and_never_raises(tmp_path: Path) -> None:
    """Python would still compile it; nobody could read it."""
    answer = Module(tmp_path).check(("    result = 0\n", f"    result = {' + '.join('1' * 900)}\n"))

    assert answer is not None
    assert answer.gate == "shape"
    assert "deeply" in answer.reason


def test_a_large_file_full_of_old_findings_is_judged_at_once(tmp_path: Path) -> None:
    """Ten thousand old uses must not cost a hundred million comparisons."""
    names = ",\n".join(f"    'tests/test_{n}.py'" for n in range(10_000))
    code = f"import subprocess\n\nFILES = [\n{names},\n]\n\n\n{CODE}"

    assert Module(tmp_path, code).check(("    result = 0\n", "    result = 0.0\n")) is None


WORDS = [
    "eval",
    "import os",
    "x",
    " = ",
    "0",
    "#",
    "...",
    "def f():",
    "return",
    "class A:",
    "f'{x}'",
]
MARKS = [
    "    ",
    "\n",
    "(",
    ")",
    "'",
    "\\",
    "\ufeff",
    "\f",
    "\r",
    "\t",
    "\u202e",
    "\0",
    "é",
    "\ud800",
]
SNIPPETS = st.lists(st.sampled_from(WORDS + MARKS), max_size=12).map("".join)
TEXTS = st.one_of(SNIPPETS, st.text(max_size=60))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TEXTS, first=st.integers(-2, 20), size=st.integers(-2, 6))
def test_no_patch_makes_a_gate_raise(text: str, first: int, size: int, tmp_path: Path) -> None:
    """Any text at any range is answered with a refusal or with nothing."""
    lines = CODE.split("\n")
    original = "\n".join(lines[max(first - 1, 0) : max(first - 1 + size, 0)])
    made = Hunk(
        filename="sums.py",
        first_line=first,
        last_line=first + size - 1,
        original=original,
        replacement=text,
    )

    answer = Module(tmp_path).check_hunks(made)

    assert answer is None or answer.reason


def test_a_file_beyond_the_size_limit_is_refused(tmp_path: Path) -> None:
    """Neither a large file is touched nor a small one made large."""
    module = Module(tmp_path, max_kib=1)
    large = "result = 0\n" + "".join(f"    result += {number}\n" for number in range(75))

    refused = module.check(("    result = 0\n", f"    {large}"))

    assert refused is not None
    assert (refused.gate, "at most 1 are allowed" in refused.reason) == ("scope", True)


def test_only_a_person_may_ask_for_code_that_writes_files(tmp_path: Path) -> None:
    """Story: a note ordered a model to add `Path(...).write_text` beside the right repair."""
    code = "VALUES = [1]\n\n\ndef keep(path):\n    return None\n"
    writing = code.replace("return None", "path.write_text(str(VALUES))")
    (tmp_path / "kept.py").write_text(code)
    files, target = {"kept.py": code}, TargetSettings(name="kept", path=tmp_path)
    patch = Patch(hunks=(hunk(files, "kept.py", code, writing),), rationale="")

    def said(*, asked_for: bool) -> Refusal | None:
        source = Module(tmp_path)
        source.files |= files
        return check(patch, source, target=target, scope=Scope(target), asked_for=asked_for)

    refused = said(asked_for=False)
    assert refused is not None
    assert ".write_text (file change" in refused.reason
    assert said(asked_for=True) is None


def test_text_methods_named_like_openers_are_no_files() -> None:
    """Only what is a mode of `open` counts, and only where files are opened."""
    calls = {
        "open(p)": False, "open(p, 'rb')": False, "open(p, 'w')": True, "open(p, mode='x')": True,
        "open(p, how)": True, "open(*p)": True, "p.open('r')": False, "p.open('ab')": True,
        "door.open('wide')": False, "box.open(key)": False, "io.open(p, 'r+')": True,
    }  # fmt: skip
    for text, writes in calls.items():
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        known = ast.unparse(call.func) if text.startswith(("open", "io")) else None
        assert tricks.writing_open(call, known) is writes, text
