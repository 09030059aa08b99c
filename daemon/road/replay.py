"""Reaches a certificate's verdict again: the same patch on the same tree, without any engine.

Three ends: *verified* (everything came out as certified), *differs* (something did not), and
*unverified* (the replay could not be made, so nothing is said about the patch).
"""

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Literal

from audit.certificate import Certificate
from audit.record import Record
from daemon.engines import Baseline, Reproduction
from daemon.road.base_tree import Base, find_base, hunks_of
from daemon.road.certify import result_hash
from daemon.road.module import module_of
from daemon.road.proof import Goal, Proof, unaided
from daemon.settings import TargetSettings
from daemon.verdict import judge
from sandbox.patch import Patch, PatchError, patched
from sandbox.tree import read_file
from sandbox.trial import Bench, Outcome, Run, Sandbox

MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was compared; `ok` is None for what is only worth knowing."""

    name: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class Replay:
    """How a replay ended, and what was compared on the way."""

    verdict: Literal["verified", "differs", "unverified"]
    reason: str
    checks: tuple[Check, ...] = ()


def vouched(certificate: Certificate, records: list[Record]) -> Check:
    """Whether the trail's records of this reflection name this very certificate."""
    named = [str(r.data.get("certificate")) for r in records if r.data.get("certificate")]
    if certificate.hash in named:
        return Check(name="trail", ok=True, detail="an `applied` record names this certificate")
    if named:
        detail = "the trail names another certificate for this reflection: this one was replaced"
        return Check(name="trail", ok=False, detail=detail)
    return Check(name="trail", ok=None, detail="no record names it: it was never applied from here")


def replay(
    certificate: Certificate,
    target: TargetSettings,
    sandbox: Sandbox,
    *,
    records: list[Record],
    folder: Path,
    stop: Event,
) -> Replay:
    """Replay one certificate; `folder` is scratch space. Raises SandboxError.

    The base tree is taken only by its content hash, never on trust.
    """
    trail = vouched(certificate, records)
    if trail.ok is False:
        return Replay(verdict="differs", reason=trail.detail, checks=(trail,))
    commits = [str(r.data["commit"]) for r in reversed(records) if r.data.get("commit")]
    try:
        base = find_base(
            certificate, target.path, exclude=target.exclude, commits=commits, folder=folder
        )
        if base is None:
            return Replay(verdict="unverified", reason=_no_base(target, commits), checks=(trail,))
        bench = sandbox.prepare(replace(module_of(target), root=base.root))
        try:
            checks = (trail, *_checks(certificate, target, base, bench, stop))
        finally:
            bench.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wrong = [check for check in checks if check.ok is False]
    if wrong:
        reason = "; ".join(f"{check.name}: {check.detail}" for check in wrong)
        return Replay(verdict="differs", reason=reason, checks=checks)
    return Replay(verdict="verified", reason="everything came out as certified", checks=checks)


def _no_base(target: TargetSettings, commits: list[str]) -> str:
    tried = "as it is, with the patch taken out" + (", and from git" if commits else "")
    return (
        f"the tree it was made on cannot be had again: {target.path} was tried {tried}. "
        "Check out the tree of that time and try again"
    )


def _checks(
    certificate: Certificate, target: TargetSettings, base: Base, bench: Bench, stop: Event
) -> Iterator[Check]:
    """Everything that is compared, in the order of the road."""
    same_tree = bench.tree.hash == certificate.base_tree
    yield Check(name="base tree", ok=same_tree, detail=base.how)
    yield _image(certificate, bench)
    if certificate.test_command != target.tests:
        words = f"certified with {' '.join(certificate.test_command)}"
        yield Check(name="test command", ok=False, detail=words)
        return
    patch = Patch(hunks=hunks_of(certificate), rationale="")
    try:
        after = patched(patch, lambda name: _read(bench, name))
    except PatchError as error:
        yield Check(name="patch", ok=False, detail=str(error))
        return
    yield from _compared(certificate, _proof(certificate, target, bench, patch, after, stop), base)


def _image(certificate: Certificate, bench: Bench) -> Check:
    if bench.image_id == certificate.image:
        return Check(name="image", ok=True, detail="the same")
    detail = "another than certified (its layers were built again since)"
    return Check(name="image", ok=None, detail=detail)


def _read(bench: Bench, name: str) -> bytes | None:
    return read_file(bench.tree.root, name) if name in bench.tree.files else None


def _proof(
    certificate: Certificate,
    target: TargetSettings,
    bench: Bench,
    patch: Patch,
    after: Mapping[str, bytes],
    stop: Event,
) -> tuple[Baseline, Proof]:
    """Run everything again: unpatched, patched, the target tests alone without and with it."""
    goal = _goal(certificate)
    tests, extra, limit_s = goal.tests, goal.extra, target.timeout_s
    with ThreadPoolExecutor(max_workers=4) as pool:
        first = pool.submit(bench.run, {}, timeout_s=limit_s, stop=stop)
        tried = pool.submit(
            bench.run, after, first=tests, extra_tests=extra, timeout_s=limit_s, stop=stop
        )
        removed = (
            pool.submit(bench.run, {}, only=tests, extra_tests=extra, timeout_s=limit_s, stop=stop)
            if tests
            else None
        )
        repeated = (
            pool.submit(
                bench.run, after, only=tests, extra_tests=extra, timeout_s=limit_s, stop=stop
            )
            if tests
            else None
        )
        alone = pool.submit(bench.run, after, timeout_s=limit_s, stop=stop) if extra else None
    run, trial, removal = first.result(), tried.result(), removed.result() if removed else None
    flaky = frozenset(certificate.flaky)
    stable = {test: outcome for test, outcome in run.outcomes.items() if test not in flaky}
    baseline = Baseline(outcomes=stable, flaky=certificate.flaky, run=run)
    judgement = judge(
        baseline,
        trial,
        removal,
        target_tests=tests,
        reproduction=goal.reproduction.filename if goal.reproduction else None,
        again=repeated.result() if repeated else None,
    )
    if alone and judgement.accepted:
        judgement = unaided(judgement, baseline, alone.result())
    proof = Proof(
        patch=patch,
        before={name: _read(bench, name) for name in after},
        after=after,
        trial=trial,
        removal=removal,
        judgement=judgement,
        base_tree=bench.tree.hash,
        image=bench.image_id,
        goal=goal,
    )
    return baseline, proof


def _goal(certificate: Certificate) -> Goal:
    test = certificate.reproduction_test
    written = (
        Reproduction(filename=test["filename"], code=test["code"], explanation="") if test else None
    )
    return Goal(tests=certificate.target_tests, reproduction=written)


def _compared(
    certificate: Certificate, found: tuple[Baseline, Proof], base: Base
) -> Iterator[Check]:
    baseline, proof = found
    flaky = frozenset(certificate.flaky)
    same = result_hash(proof) == certificate.result_tree
    yield Check(
        name="result tree",
        ok=same,
        detail="the same" if same else "the patch leads to another tree than certified",
    )
    yield _outcomes("tests before", certificate.before, baseline.run, flaky)
    yield _outcomes("tests with the patch", certificate.after, proof.trial, flaky)
    if proof.removal is not None:
        yield _outcomes("tests with it taken out", certificate.removed, proof.removal, flaky)
    judgement = proof.judgement
    agreed = judgement.accepted and judgement.evidence.value == certificate.evidence
    detail = f"{judgement.evidence.value}: {judgement.reason}"
    yield Check(name="verdict", ok=agreed, detail=detail)


def _outcomes(name: str, certified: Mapping[str, str], run: Run, flaky: frozenset[str]) -> Check:
    """Whether every stable test came out as certified, and no other one appeared."""
    then = {test: outcome for test, outcome in certified.items() if test not in flaky}
    now = {test: outcome.value for test, outcome in run.outcomes.items() if test not in flaky}
    differing = [test for test in {**then, **now} if then.get(test) != now.get(test)]
    if not differing:
        passed = sum(outcome == Outcome.PASSED for outcome in now.values())
        return Check(name=name, ok=True, detail=f"{len(now)} as certified, {passed} of them passed")
    shown = [
        f"{test} was {then.get(test, 'not there')}, is {now.get(test, 'not there')}"
        for test in differing[:MOST_NAMED]
    ]
    more = f" and {len(differing) - MOST_NAMED} more" if len(differing) > MOST_NAMED else ""
    ended = f" (the run ended: {run.ending.value})" if run.detail else ""
    return Check(name=name, ok=False, detail="; ".join(shown) + more + ended)
