"""Image layers: dependencies with the newest pytest, what stays out of them, and pruning."""

import gc
import secrets
from pathlib import Path
from typing import Any

import pytest

from sandbox.errors import ImageUnavailable
from sandbox.trial import Ending, Limits, Module, Outcome, Sandbox

pytestmark = pytest.mark.docker
SUBTESTS = """
import pytest
from subprocess import run
assert pytest.version_tuple >= (9,)
def test_subs(subtests):
    for i in range(3):
        with subtests.test(i=i): assert i != 1
def test_ok(subtests):
    with subtests.test("fine"): pass
@pytest.mark.parametrize("x", [1, 2])
def test_param(x): assert x == 1
"""


def test_a_target_brings_its_own_pytest(bench_of: Any) -> None:
    """pytest 9 with built-in subtests, installed with network at build time only."""
    files = {"requirements.txt": "pytest>=9\n", "test_a.py": SUBTESTS}
    bench = bench_of(files, requirements=("requirements.txt",))
    run = bench.run(first=["test_a.py::test_ok"])
    assert run.ending is Ending.FINISHED, (run.detail, run.output)
    assert run.outcomes == {
        "test_a.py::test_ok": Outcome.PASSED,
        "test_a.py::test_subs": Outcome.FAILED,
        "test_a.py::test_param[1]": Outcome.PASSED,
        "test_a.py::test_param[2]": Outcome.FAILED,
    }
    only = bench.run(only=["test_a.py::test_param[1]"])
    assert only.outcomes == {"test_a.py::test_param[1]": Outcome.PASSED}


def test_requirements_nobody_named_are_found(bench_of: Any) -> None:
    """The target's own requirements.txt is installed where the settings name no file."""
    text = "import pytest\ndef test_new(): assert pytest.version_tuple >= (9,)\n"
    run = bench_of({"requirements.txt": "pytest>=9\n", "test_a.py": text}, requirements=None).run()
    assert run.outcomes == {"test_a.py::test_new": Outcome.PASSED}, run.messages


def test_build_settings_are_not_left_in_the_image(bench_of: Any) -> None:
    """No pip settings, no mount points, no build folder."""
    text = """
import os, pathlib
def test_clean():
    assert not os.path.exists("/etc/pip.conf")
    assert not os.path.exists(os.path.expanduser("~root/.config/pip"))
    assert not os.path.exists("/run/mendd-build"), os.listdir("/run/mendd-build")
"""
    files = {"requirements.txt": "pytest>=9\n", "test_a.py": text}
    run = bench_of(files, requirements=("requirements.txt",)).run()
    assert run.outcomes == {"test_a.py::test_clean": Outcome.PASSED}, run.messages


def test_requirements_that_do_not_install_are_no_test_result(bench_of: Any) -> None:
    """pip's words are in the message."""
    files = {"requirements.txt": "pytest==0.0.0.no\n"}
    with pytest.raises(ImageUnavailable, match="do not install"):
        bench_of(files, requirements=("requirements.txt",))


def test_old_snapshots_are_pruned(sandbox: Sandbox, tmp_path: Path) -> None:
    """The newest few of a module stay."""
    images = []
    for _ in range(5):
        (tmp_path / "a.py").write_text(f"x = {secrets.randbits(64)}\n")
        bench = sandbox.prepare(Module(name="pruned", root=tmp_path))
        images.append(bench.image_id)
        bench.close()
    label = "mendd.layer=snapshot"
    left = {str(image["Id"]) for image in sandbox._docker.images(label)} & set(images)
    assert images[-1] in left
    assert len(left) == 3


def test_as_many_snapshots_stay_as_the_settings_say(tmp_path: Path) -> None:
    """`keep_snapshots` counts at every snapshot, not only in the daily clean-up."""
    module = tmp_path / "module"
    module.mkdir()
    made = Sandbox(
        docker_host=None, limits=Limits(), slots=1, state=tmp_path / "state",
        progress=lambda _: None, keep_snapshots=5,
    )  # fmt: skip
    try:
        for _ in range(6):
            (module / "a.py").write_text(f"x = {secrets.randbits(64)}\n")
            made.prepare(Module(name="kept", root=module)).close()
        assert len(made._docker.images(f"mendd.owner={made._launcher.label}")) == 5
    finally:
        made.prune(0)
        made.close()


def test_a_snapshot_that_is_gone_is_no_test_result(bench_of: Any, sandbox: Sandbox) -> None:
    """Somebody cleaned up images; preparing again brings it back."""
    bench = bench_of({"test_a.py": f"def test_a(): pass\n# {secrets.token_hex(8)}\n"})
    assert sandbox._docker.remove_image(bench.image_id)
    with pytest.raises(ImageUnavailable, match="gone"):
        bench.run()
    assert sandbox.prepare(bench.module).run().ending is Ending.FINISHED


def test_the_engine_is_described(sandbox: Sandbox) -> None:
    """Every finding that is not good has a detail, and faults have a remedy."""
    found = {finding.name: finding for finding in sandbox.check()}
    assert {"engine", "runc", "cgroup", "seccomp", "user namespaces", "base image"} <= set(found)
    assert {"swap", "socket", "user ids", "storage", "runtime", "processors"} <= set(found)
    assert found["engine"].ok is not False and found["seccomp"].ok
    assert all(each.remedy for each in found.values() if not each.ok and each.name != "base image")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_engine_is_a_finding(tmp_path: Path) -> None:
    """With what to do about it. (The SDK leaves the socket that did not connect unclosed.)"""
    made = Sandbox(
        docker_host=f"unix://{tmp_path}/none.sock", limits=Limits(), slots=1,
        state=tmp_path, progress=lambda _: None,
    )  # fmt: skip
    (finding,) = made.check()
    assert finding.ok is False and finding.remedy
    gc.collect()


def test_an_orphan_is_swept(sandbox: Sandbox, bench_of: Any) -> None:
    """A container of a process that is gone is found by its label, and only ours are."""
    bench = bench_of({"test_a.py": "def test_a(): pass\n"})
    other = sandbox._docker.scratch(bench.image_id, {"mendd.state": "another"})
    ours = sandbox._docker.scratch(bench.image_id, {"mendd.state": sandbox._launcher.label})
    try:
        assert sandbox.sweep() == 1
        assert sandbox._docker.state(ours) is None
        assert sandbox._docker.state(other) is not None
    finally:
        sandbox._docker.remove(other)
