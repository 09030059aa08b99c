"""What is frozen, and what makes a session refuse to go on."""

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.config.config_file import load_settings
from daemon.experiment.policy import (
    evaluation_files,
    evaluation_hash,
    policy_complaint,
    policy_hash,
)
from daemon.experiment.session import Metric
from daemon.settings import Settings
from sandbox.tree import scan_tree
from tests.unit.daemon.experiment.sessions import COST, plan, session

FILES = {"bench.py", "tools/size.py", "pkg/__main__.py", "shop.py", "tests/test_a.py"}


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (("python", "bench.py", "shop"), ("bench.py",)),
        (("python", "./bench.py"), ("bench.py",)),
        (("python", "-m", "tools.size"), ("tools/size.py",)),
        (("python", "-m", "pkg"), ("pkg/__main__.py",)),
        (("run", "--script=bench.py"), ("bench.py",)),
        (("pytest", "tests/test_a.py::test_b"), ("tests/test_a.py",)),
        (("/usr/bin/true",), ()),
    ],
)
def test_the_files_a_command_names_are_its_evaluation(
    command: tuple[str, ...], files: tuple[str, ...]
) -> None:
    """As paths and as modules."""
    assert evaluation_files([Metric(name="m", command=command, pattern="(x)")], FILES) == files


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "bench.py").write_text("print('cost: 1')\n")
    (tmp_path / "shop" / "shop.py").write_text("A = 1\n")
    file = tmp_path / "mendd.toml"
    file.write_text('[[target]]\nname = "shop"\npath = "shop"\nenv = { A = "1" }\n')
    return load_settings(file)


def test_a_changed_limit_changes_the_hash(settings: Settings) -> None:
    """The target's settings, those of research and the plan belong to the policy."""
    target = replace(settings.targets[0], max_lines=9999)
    others = [
        replace(settings, targets=(target,)),
        replace(settings, research=replace(settings.research, plateau=99)),
    ]
    before = policy_hash(plan(), settings)

    assert before == policy_hash(plan(), settings)
    assert before not in [policy_hash(plan(), each) for each in others]
    assert before != policy_hash(plan(iterations=6), settings)


def test_a_session_under_another_policy_is_refused_everything(settings: Settings) -> None:
    """With what to do about it."""
    tree = scan_tree(settings.targets[0].path)
    agreed = session(
        policy=policy_hash(plan(), settings), evaluation=evaluation_hash(plan().metrics, tree)
    )
    changed = replace(settings, targets=(replace(settings.targets[0], deny=("x",)),))

    assert policy_complaint(agreed, settings, tree) is None
    assert "policy changed" in str(policy_complaint(agreed, changed, tree))


def test_a_changed_evaluation_is_refused_and_a_changed_module_is_not(settings: Settings) -> None:
    """The judge must be the same; the judged may change."""
    root = settings.targets[0].path
    before = evaluation_hash((COST,), scan_tree(root))
    (root / "shop.py").write_text("A = 2\n")
    assert evaluation_hash((COST,), scan_tree(root)) == before

    (root / "bench.py").write_text("print('cost: 0')\n")
    assert evaluation_hash((COST,), scan_tree(root)) != before
