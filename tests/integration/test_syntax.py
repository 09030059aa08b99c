"""What the target's own Python says of a patch, in a real container: older and newer than ours."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.gates import Refusal
from daemon.road.syntax import check_syntax, syntax_refusal
from sandbox.patch import Hunk, Patch
from sandbox.trial import Bench, Limits, Module, Sandbox

pytestmark = pytest.mark.docker
OPTIONS = "mark = sys.argv.index('-c')\ncode, sys.argv = sys.argv[mark + 1], sys.argv[mark + 1:]\n"
OLDER = f"""\
import ast, builtins, platform, sys
{OPTIONS}
ours = compile
def compiled(source, name, mode, **more):
    return ours(source, name, mode, ast.PyCF_ONLY_AST, _feature_version=7)
builtins.compile, platform.python_version = compiled, lambda: "3.7.17"
exec(code)
"""
NEWER = f"""\
import builtins, platform, sys
{OPTIONS}
builtins.compile, platform.python_version = lambda *said, **more: None, lambda: "3.99.0"
exec(code)
"""
WALRUS = "if (n := 3) > 2:\n    print(n)\n"
BROKEN = "def f(:\n    return 1\n"


@pytest.fixture
def job(
    real_sandbox: Callable[[Limits], AbstractContextManager[Sandbox]], tmp_path: Path
) -> Iterator[Any]:
    """A job on a module that holds other interpreters: `python3 older` stands for such a one."""
    for name, text in {"a.py": "x = 1\n", "older": OLDER, "newer": NEWER}.items():
        (tmp_path / name).write_text(text)
    with real_sandbox(Limits(timeout_s=20)) as sandbox:
        bench = sandbox.prepare(Module(name="m", root=tmp_path))

        def with_command(argv: Sequence[str]) -> Bench:
            known = argv[0] in ("older", "newer")
            return bench.with_command(("python3", *argv) if known else argv)

        yield SimpleNamespace(
            bench=SimpleNamespace(with_command=with_command),
            stop=threading.Event(),
            stage=lambda *_: None,
            target=SimpleNamespace(python="", timeout_s=20.0),
            source=SimpleNamespace(read=lambda name: b"x = 1\n" if name == "a.py" else None),
            shop=SimpleNamespace(beacon=SimpleNamespace(beating=lambda _: nullcontext())),
        )
        bench.close()


def patch(code: str) -> Patch:
    """The whole of a.py replaced, and a new file beside it."""
    new = Hunk(filename="b.py", first_line=1, last_line=0, original="", replacement="y = 2\n")
    old = Hunk(filename="a.py", first_line=1, last_line=1, original="x = 1\n", replacement=code)
    return Patch(hunks=(old, new), rationale="")


def test_the_images_python_names_line_message_and_text(job: Any) -> None:
    """A new file is read too; good code passes."""
    refused = syntax_refusal(patch(BROKEN), None, job)

    assert refused is not None
    assert refused.gate == "syntax"
    assert "a.py line 1: invalid syntax: def f(:" in refused.reason
    assert syntax_refusal(patch(WALRUS), None, job) is None
    assert check_syntax({"b.py": b"y = (\n"}, job).faults[0].startswith("b.py line 1: '('")


def test_syntax_that_only_we_know_is_refused_as_the_target_says_it(job: Any) -> None:
    """The target's Python is older than the one mendd runs on."""
    job.target.python = "older"

    refused = syntax_refusal(patch(WALRUS), None, job)

    assert refused is not None
    assert "the target's Python 3.7.17 cannot read it" in refused.reason
    assert "a.py line 1: Assignment expressions are only supported" in refused.reason


def test_syntax_that_only_the_target_knows_is_refused_because_no_gate_can_read_it(job: Any) -> None:
    """The target's Python is newer; what cannot be judged never passes."""
    job.target.python = "newer"
    ours = Refusal(gate="shape", reason="a.py line 1 does not parse (Python 3.11)", syntax=True)

    refused = syntax_refusal(patch(BROKEN), ours, job)

    assert refused is not None
    assert "Python 3.99.0 reads it, but a.py line 1 does not parse" in refused.reason
    assert "syntax that both versions know" in refused.reason


def test_bytes_that_no_python_reads_are_faults_and_not_a_crash(job: Any) -> None:
    """Null bytes, a wrong encoding, nesting without end."""
    deep = b"x = " + b"(" * 500 + b")" * 500
    odd = {"n.py": b"x = 1\0\n", "e.py": b"# coding: nonsense\n", "d.py": deep}

    checked = check_syntax(odd, job)

    assert len(checked.faults) == 3
