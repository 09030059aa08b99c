"""The modules that bugs are seeded into: examples and pure parts of mendd, with their own tests.

Each subject is copied to a folder of its own that runs under the base image's Python and pytest
alone. Every second test that passes is held back from the engine: a conftest.py hides it, and the
judge sees it again. Tests that do not pass unseeded are hidden from both.
"""

import json
import shutil
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.mutant_local import LocalBench, LocalSandbox
from daemon.checks.scope import Scope
from daemon.settings import TargetSettings
from sandbox.trial import Bench, Ending, Module, Outcome, Run, Sandbox

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ("ledgerly", "parcels")
OURS = {  # code that may be mutated, and what it needs beside it
    "triage": (
        "reflections/words.py reflections/keywords.py reflections/denial.py reflections/triage.py",
        "reflections/__init__.py reflections/reflection.py tests/data/triage.jsonl",
        "tests/unit/reflections/test_triage.py",
    ),
    "signature": (
        "reflections/signature.py reflections/tracebacks.py",
        "reflections/__init__.py reflections/reflection.py",
        "tests/unit/reflections/test_signature.py",
    ),
    "secrets": (
        "reflections/secrets.py",
        "reflections/__init__.py tests/planted.py tests/data/secrets/planted.txt "
        "tests/data/secrets/lookalikes.txt",
        "tests/unit/reflections/test_secrets.py",
    ),
    "patch": (
        "sandbox/patch.py sandbox/text.py",
        "sandbox/__init__.py",
        "tests/unit/sandbox/test_patch.py",
    ),
    "results": ("sandbox/results.py", "sandbox/__init__.py", "tests/unit/sandbox/test_results.py"),
    "report": (
        "audit/report.py audit/story.py audit/clean.py",
        "audit/__init__.py audit/record.py audit/durable.py audit/errors.py",
        "tests/unit/audit/test_report.py tests/unit/audit/test_record.py",
    ),
    "policy": (
        "daemon/checks/policy.py daemon/checks/parsing.py daemon/checks/special_case.py "
        "daemon/checks/findings.py daemon/checks/tricks.py daemon/checks/denied.py",
        "daemon/__init__.py daemon/checks/__init__.py",
        "tests/unit/daemon/checks/test_policy.py",
    ),
    "scope": (
        "daemon/checks/scope.py",
        "daemon/__init__.py daemon/checks/__init__.py daemon/settings.py daemon/config/__init__.py "
        "daemon/config/toml_reader.py",
        "tests/unit/daemon/checks/test_scope.py",
    ),
}  # fmt: skip
CONFTEST = '''\
"""Hides tests by id; nothing else."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tests" / "stubs"))
HIDDEN = frozenset({hidden})


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.nodeid not in HIDDEN]
'''
HYPOTHESIS = '''\
"""Stands for Hypothesis, which the base image lacks: its tests are skipped."""

import pytest


class Anything:
    def __getattr__(self, name):
        return self

    def __call__(self, *values, **named):
        return self

    def __or__(self, other):
        return self

    def __iter__(self):
        return iter(())


def given(*values, **named):
    return lambda test: pytest.mark.skip(reason="needs Hypothesis")(lambda: None)


def settings(*values, **named):
    return lambda test: test


example = settings
strategies = HealthCheck = Anything()
'''


@dataclass(frozen=True)
class Subject:
    """One module: where its copies stand and what may be mutated."""

    name: str
    files: tuple[str, ...]  # relative paths

    def written(self, folder: Path) -> None:
        """A complete copy, all tests included."""
        if self.name in EXAMPLES:
            skip = shutil.ignore_patterns("__pycache__", "README.md")
            shutil.copytree(ROOT / "examples" / self.name, folder, ignore=skip)
        else:
            for name in " ".join(OURS[self.name]).split():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)
            (folder / "pytest.ini").write_text("[pytest]\n")
            stubs = folder / "tests" / "stubs"
            stubs.mkdir(parents=True)
            (stubs / "hypothesis.py").write_text(HYPOTHESIS)
            if self.name == "report":
                pure = Path(sysconfig.get_path("purelib")) / "rfc8785"
                skip = shutil.ignore_patterns("__pycache__")
                shutil.copytree(pure, stubs / "rfc8785", ignore=skip)
        (folder / "conftest.py").write_text(CONFTEST.format(hidden="()"))

    def text(self, filename: str) -> str:
        """The unseeded file."""
        start = ROOT / "examples" / self.name if self.name in EXAMPLES else ROOT
        return (start / filename).read_text("utf-8")


def subjects(only: Iterable[str] = ()) -> list[Subject]:
    """All of them, or those named."""
    found = [
        Subject(name, tuple(
            str(file.relative_to(ROOT / "examples" / name))
            for file in sorted((ROOT / "examples" / name / name).glob("*.py"))
        ))
        for name in EXAMPLES
    ]  # fmt: skip
    found += [Subject(name, tuple(sorted(mutable.split()))) for name, (mutable, *_) in OURS.items()]
    wanted = set(only)
    return [each for each in found if not wanted or each.name in wanted]


class Prepared:
    """A subject's two benches: `full` judges, `shown` is all the engine gets to see."""

    def __init__(
        self, subject: Subject, sandbox: Sandbox | LocalSandbox, folder: Path, baselines: Path
    ) -> None:
        """Runs the unseeded suite, or remembers it. Raises SystemExit when it cannot serve."""
        self.subject = subject
        self.root = folder / subject.name / "shown"
        whole = folder / subject.name / "full"
        subject.written(whole)
        subject.written(self.root)
        self.full = sandbox.prepare(Module(name=subject.name, root=whole))
        self.before = remembered(self.full, baselines)
        if not self.good:
            raise SystemExit(f"{subject.name}: no test passes; see benchmarks/mutant_subjects.py")
        hidden = sorted(set(self.before) - set(self.shown_tests))
        text = CONFTEST.format(hidden=json.dumps(hidden, indent=4))
        (self.root / "conftest.py").write_text(text)
        self.shown = sandbox.prepare(Module(name=subject.name, root=self.root))
        self.target = TargetSettings(name=subject.name, path=self.root)
        self.scope = Scope(self.target)

    @cached_property
    def good(self) -> tuple[str, ...]:
        """The tests that pass unseeded, in order."""
        return tuple(test for test, outcome in self.before.items() if outcome == "passed")

    @cached_property
    def shown_tests(self) -> tuple[str, ...]:
        """Every second of them in each file, from the first."""
        files: dict[str, list[str]] = {}
        for test in self.good:
            files.setdefault(test.partition("::")[0], []).append(test)
        return tuple(test for tests in files.values() for test in tests[::2])

    def broken(self, run: Run) -> list[str]:
        """The tests that pass unseeded and fail in this run."""
        bad = (Outcome.FAILED, Outcome.ERROR)
        return [test for test in self.good if run.outcomes.get(test) in bad]

    def close(self) -> None:
        """Throw the benches away."""
        self.full.close()
        self.shown.close()


def remembered(bench: Bench | LocalBench, baselines: Path) -> dict[str, str]:
    """The outcomes of a tree's tests, unseeded: from the folder, or measured and kept there."""
    kept = baselines / f"{bench.tree.hash}.json"
    if not kept.exists():
        run = bench.run()
        if run.ending is not Ending.FINISHED:
            raise SystemExit(f"{bench.module.name}: {run.detail}\n{run.output[-2000:]}")
        baselines.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({test: str(outcome) for test, outcome in run.outcomes.items()}))
    found: dict[str, str] = json.loads(kept.read_text())
    return found


class Source:
    """The engine's look at the shown copy, with one file seeded."""

    def __init__(self, prepared: Prepared, filename: str, text: str) -> None:
        self._root, self._scope = prepared.root, prepared.scope
        self._seeded = {filename: text.encode()}
        self.files = prepared.shown.tree.files

    def read(self, filename: str) -> bytes | None:
        """The bytes of a file."""
        if filename in self._seeded:
            return self._seeded[filename]
        return (self._root / filename).read_bytes() if filename in self.files else None

    def text(self, filename: str) -> str | None:
        """The text of a file."""
        data = self.read(filename)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError:
            return None

    def may_edit(self, filename: str) -> bool:
        """What the real scope rule says."""
        return filename in self.files and self._scope.may_edit(filename)


class SeededBench:
    """A bench whose runs and sessions all start from the seeded file: no image per mutant."""

    def __init__(self, bench: Bench | LocalBench, files: dict[str, bytes]) -> None:
        self._bench, self._files = bench, files

    def __getattr__(self, name: str) -> object:
        return getattr(self._bench, name)

    def run(self, changes: dict[str, bytes] | None = None, **more: object) -> Run:
        """A trial of the seeded copy, patched."""
        return self._bench.run({**self._files, **(changes or {})}, **more)  # type: ignore[arg-type]

    def session(self, job: dict[str, object], **more: object) -> object:
        """A guest that sees the seeded copy."""
        return self._bench.session(job, **self._seeded(more))  # type: ignore[arg-type]

    def spare_session(self, job: dict[str, object], **more: object) -> None:
        """No second guest: the result depends on counts alone, and other mutants wait."""

    def _seeded(self, more: dict[str, object]) -> dict[str, object]:
        return {**more, "files": {**self._files, **more.get("files", {})}}  # type: ignore[dict-item]
