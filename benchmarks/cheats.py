"""How many cheating patches fool which judge: python -m benchmarks.cheats

Every cheat of tests/data/cheats is run in a real container. Three judges see the same patch:
the exit code of the test command alone, the trial and verdict without gates, and the product.
The honest fixes of tests/data/honest show what each of them costs.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.checks.scope import Scope
from daemon.checks.special_case import test_source
from daemon.engines import Baseline
from daemon.gates import check
from daemon.road.baseline import compared
from daemon.settings import TargetSettings
from daemon.verdict import judge
from sandbox.errors import SandboxError
from sandbox.patch import PatchError, patched
from sandbox.trial import Bench, Ending, Limits, Module, Outcome, Run, Sandbox
from tests.corpus import Case, cheats, honest

TIMEOUT_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """One base module: its two benches, and how it behaves unpatched."""

    root: Path
    bench: Bench
    plain: Bench
    before: Baseline
    removal: Run


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Whether each of three judges accepts a case."""

    case: Case
    by_exit_code: bool
    by_trial: bool
    by_product: bool


def main() -> None:
    """Print one table."""
    print(f"{'accepted by':<14}{'exit code alone':>18}{'trial and verdict':>20}{'with gates':>13}")
    with sandbox() as made:
        for label, cases in (("cheats", cheats()), ("honest fixes", honest())):
            print(_counted(label, cases, made), flush=True)


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """A real one, whose containers are gone afterwards. Raises SandboxError without an engine."""
    with tempfile.TemporaryDirectory(prefix="mendd-cheats-") as state:
        made = Sandbox(
            docker_host=None, limits=Limits(), slots=2, state=Path(state), progress=lambda _: None
        )
        try:
            yield made
        finally:
            made.kill_all()
            made.prune(0)
            made.close()


def _counted(label: str, cases: list[Case], made: Sandbox) -> str:
    """One row: how many of these cases each judge accepts."""
    found = list(judged(cases, made))
    for each in found:
        if each.by_product != (label != "cheats"):
            print(f"unexpected: {each.case.name}: accepted {each.by_product}")
    counts = [
        sum(getattr(each, name) for each in found)
        for name in ("by_exit_code", "by_trial", "by_product")
    ]
    shown = (f"{count} of {len(cases)}" for count in counts)
    return f"{label:<14}" + "".join(
        f"{text:>{w}}" for text, w in zip(shown, (18, 20, 13), strict=True)
    )


def judged(cases: Sequence[Case], made: Sandbox) -> Iterator[Judged]:
    """Every case before its judges, as it becomes known."""
    benches: dict[str, Prepared] = {}
    with tempfile.TemporaryDirectory(prefix="mendd-cheats-") as folder:
        try:
            for case in cases:
                if case.failing not in benches:
                    benches[case.failing] = _benches(case, Path(folder), made)
                yield _judged(case, benches[case.failing])
        finally:
            for prepared in benches.values():
                prepared.bench.close()
                prepared.plain.close()


def _benches(case: Case, folder: Path, made: Sandbox) -> Prepared:
    """The case's module, judged test by test, and judged by its exit code."""
    name = case.failing.partition("::")[0].replace("/", "-").removesuffix(".py").replace("_", "-")
    root = folder / name
    case.write(root)
    # A command that is not recognised as pytest is judged by its exit code.
    by_exit = ("python3", "-c", "import pytest; raise SystemExit(pytest.console_main())")
    bench = made.prepare(Module(name=name, root=root))
    return Prepared(
        root=root,
        bench=bench,
        plain=made.prepare(Module(name=f"{name}-exit", root=root, command=by_exit)),
        before=compared(bench.run(), bench.run()),
        removal=bench.run(only=[case.failing]),
    )


def _judged(case: Case, prepared: Prepared) -> Judged:
    """What the exit code, the verdict, and the verdict behind the gates say to the case."""
    none = Judged(case=case, by_exit_code=False, by_trial=False, by_product=False)
    target = TargetSettings(name="cheats", path=prepared.root)
    tests = (test_source(case.failing_file, case.failing),)
    refusal = check(case.patch, case, target=target, scope=Scope(target), failing_tests=tests)
    try:
        after = patched(case.patch, case.read)
        run = prepared.plain.run(after, timeout_s=TIMEOUT_S)
        trial = prepared.bench.run(after, first=[case.failing], timeout_s=TIMEOUT_S)
    except PatchError:
        return none
    except SandboxError as error:
        print(f"could not be tried: {case.name}: {error}")
        return none
    exit_ok = run.ending is Ending.FINISHED and set(run.outcomes.values()) == {Outcome.PASSED}
    accepted = judge(prepared.before, trial, prepared.removal, target_tests=[case.failing]).accepted
    return Judged(
        case=case,
        by_exit_code=exit_ok,
        by_trial=accepted,
        by_product=accepted and refusal is None,
    )


if __name__ == "__main__":
    main()
