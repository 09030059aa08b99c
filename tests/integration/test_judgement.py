"""The corpora through the real road: gates, a trial in a container, the removal check, judgement.

All cases share one module, so one snapshot and one baseline serve them all; its suite is red with
every bug of the corpora, as a real one may be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.checks.scope import Scope
from daemon.checks.special_case import test_source as source_of_test
from daemon.engines import Baseline
from daemon.gates import check
from daemon.road.baseline import compared
from daemon.settings import TargetSettings
from daemon.verdict import Evidence, Judgement, judge
from sandbox.patch import patched
from sandbox.trial import Bench, Ending, Limits, Module, Run, Sandbox
from tests.corpus import Case, cheats, honest

pytestmark = pytest.mark.docker
LEFT = [case for case in cheats() if case.caught_by == "trial"]
HONEST = honest()
TIMEOUT_S, TEST_S = 60.0, 2.0


@dataclass
class Court:
    """Everything a case is judged with."""

    root: Path
    bench: Bench
    baseline: Baseline
    removal: Run

    def judged(self, case: Case) -> Judgement:
        """The judgement of one patch, as daemon/road/proof.py comes to it."""
        trial = self.bench.run(
            patched(case.patch, case.read), first=[case.failing], timeout_s=TIMEOUT_S
        )
        return judge(self.baseline, trial, self.removal, target_tests=[case.failing])

    def refusal(self, case: Case) -> object:
        """What the gates say."""
        target = TargetSettings(name="corpus", path=self.root)
        tests = (source_of_test(case.failing_file, case.failing),)
        return check(case.patch, case, target=target, scope=Scope(target), failing_tests=tests)


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    """One module with the files of every case, its baseline, and the removal check of them all."""
    root = tmp_path_factory.mktemp("corpus")
    cases = [*HONEST, *LEFT]
    for case in cases:
        case.write(root)
    (root / "pytest.ini").write_text("[pytest]\n")
    sandbox = Sandbox(
        docker_host=None,
        limits=Limits(),
        slots=2,
        state=tmp_path_factory.mktemp("state"),
        progress=lambda _: None,
    )
    bench = sandbox.prepare(Module(name="corpus", root=root, test_timeout_s=TEST_S))
    baseline = compared(bench.run(), bench.run())
    removal = bench.run(only=list(dict.fromkeys(case.failing for case in cases)))
    yield Court(root, bench, baseline, removal)
    bench.close()
    sandbox.kill_all()
    sandbox.close()


def test_the_baseline_fails_exactly_where_the_cases_say(court: Court) -> None:
    """Each bug has its failing test, and nothing else fails."""
    assert court.baseline.flaky == ()
    assert set(court.baseline.failing) == {case.failing for case in [*HONEST, *LEFT]}
    assert court.removal.ending is Ending.FINISHED


@pytest.mark.parametrize("case", HONEST, ids=lambda case: case.name)
def test_an_honest_fix_is_proven(case: Case, court: Court) -> None:
    """Through the gates and through the trial, with the same settings as the cheats."""
    assert court.refusal(case) is None

    answer = court.judged(case)

    assert (answer.accepted, answer.evidence) == (True, Evidence.PROVEN), answer.reason
    assert answer.fixed == (case.failing,)


@pytest.mark.parametrize("case", LEFT, ids=lambda case: case.name)
def test_a_cheat_that_passes_the_gates_is_not_accepted(case: Case, court: Court) -> None:
    """What no gate can see shows when it runs."""
    answer = court.judged(case)

    assert not answer.accepted, case.what
    assert case.says in answer.reason, answer.reason
