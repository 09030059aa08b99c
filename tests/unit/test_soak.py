"""The runner of the longer checks: it tells a broken promise and a check that could not run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak import __main__ as soak
from tests.soak.check import CannotRun, Check, Row, Setting


def kept(setting: Setting) -> Iterator[Row]:
    """A promise that holds."""
    yield Row("drawn", setting.times(10), 0, str(setting.rng.random()))


def broken(setting: Setting) -> Iterator[Row]:
    """One that did not hold once."""
    yield Row("tried", 10, 1)


def failing(setting: Setting) -> Iterator[Row]:
    """A check with a fault of its own, after a good row."""
    yield Row("tried", 1, 0)
    raise ValueError("no such thing")


def missing(setting: Setting) -> Iterator[Row]:
    """A check that needs what is not here."""
    raise CannotRun("needs root")
    yield Row("never", 0, 0)


def empty(setting: Setting) -> Iterator[Row]:
    """A check that tries nothing."""
    yield from ()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run these checks; exit code and what was written."""

    def run(*runs, names=(), **options):
        checks = [Check(each.__name__, "must hold", each) for each in runs]
        monkeypatch.setattr(soak, "found", lambda: checks)
        file = tmp_path / "soak.json"
        more = [f"--{name}={value}" for name, value in options.items()]
        code = soak.main([*names, "--json", str(file), *more])
        return code, json.loads(file.read_text())

    return run


def test_a_kept_promise_is_told_with_its_circumstances(told) -> None:
    """Seed, versions and date stand beside the figures."""
    code, document = told(kept)
    assert code == 0
    assert {"seed", "date", "commit", "python", "kernel", "docker", "runc"} <= set(document)
    assert [each["verdict"] for each in document["checks"]] == ["held"]


@pytest.mark.parametrize(
    ("run", "verdict", "reason"),
    [
        (broken, "broken", ""),
        (failing, "broken", "no such thing"),
        (empty, "broken", "tried nothing"),
        (missing, "not run", "needs root"),
    ],
)
def test_anything_else_is_no_pass(told, run, verdict, reason) -> None:
    """What broke or did not run ends with 1; the other checks still run."""
    code, document = told(run, kept)
    assert code == 1
    assert [each["verdict"] for each in document["checks"]] == [verdict, "held"]
    assert reason in document["checks"][0]["reason"]


def test_the_same_seed_draws_the_same_numbers(told) -> None:
    """Of each check on its own, whatever runs before it."""
    figures = [
        told(*runs, seed=seed)[1]["checks"][-1]["rows"][0]["figure"]
        for runs, seed in (((kept,), 1), ((broken, kept), 1), ((kept,), 2))
    ]
    assert figures[0] == figures[1] != figures[2]


def test_names_choose_and_an_unknown_one_is_refused(told) -> None:
    """By the first part of the name."""
    assert [each["name"] for each in told(kept, broken, names=["ke"])[1]["checks"]] == ["kept"]
    with pytest.raises(SystemExit, match="nonsense"):
        told(kept, names=["nonsense"])


def test_every_check_of_the_package_is_found_once() -> None:
    """Each with a criterion of its own."""
    names = [check.name for check in soak.found()]
    assert len(names) == len(set(names)) >= 2
    assert all(check.criterion for check in soak.found())
