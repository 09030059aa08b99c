"""The attack table against a real trial container; `python -m tests.soak sandbox` prints it."""

import dataclasses
from collections.abc import Iterator

import pytest
from docker.errors import APIError

from sandbox.results import Ending
from sandbox.trial import Bench, Sandbox
from tests.attacks import neighbour, table
from tests.attacks.violent import VIOLENT, Violent
from tests.battery import LIMITS, Met, as_called, attackers, battery, beside, ended, holder

pytestmark = pytest.mark.docker
Ground = tuple[Sandbox, Bench]


@pytest.fixture(scope="module", params=[True, False], ids=["copied tree", "read-only tree"])
def ground(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """The attackers' module in both ways of giving tests a tree."""
    with attackers(tmp_path_factory.mktemp("walls"), writable_tree=request.param) as made:
        yield made


@pytest.fixture(scope="module")
def met(ground: Ground) -> dict[str, Met]:
    """What every attack of the table met: one container for all."""
    return {each.attack.name: each for each in battery(ground[1])}


@pytest.fixture(scope="module")
def seen(ground: Ground) -> Iterator[dict[str, Met]]:
    """What a container saw of another that held all it could; the other one's log, asked for."""
    sandbox, bench = ground
    with holder(sandbox, bench) as container:
        found = {each.attack.name: each for each in beside(bench)}
        with pytest.raises(APIError, match="does not support reading"):
            sandbox._docker.client.logs(container)
        yield found


@pytest.mark.parametrize("name", [each.name for each in table.ATTACKS])
def test_a_wall_holds(met: dict[str, Met], name: str) -> None:
    """Every attempt meets the error that shows which wall it was."""
    assert met[name].held, met[name].words


@pytest.mark.parametrize("name", [each.name for each in neighbour.ATTACKS])
def test_a_neighbour_is_out_of_reach(seen: dict[str, Met], name: str) -> None:
    """One trial's marks, processes and greed do not reach another; nothing was logged."""
    assert seen[name].held, seen[name].words


@pytest.mark.parametrize("ground", [True], ids=["copied tree"], indirect=True, scope="module")
@pytest.mark.parametrize("violent", VIOLENT, ids=lambda violent: violent.name)
def test_a_violent_end_has_its_name(ground: Ground, violent: Violent) -> None:
    """None of them is FINISHED, and none an exception."""
    run = ended(ground[1], VIOLENT.index(violent))
    assert as_called(violent, run), (run.ending, run.detail, run.outcomes)


def test_tmpfs_larger_than_memory_is_refused() -> None:
    """A full one would be a death by memory, which looks like the test's own fault."""
    with pytest.raises(ValueError, match="may take"):
        dataclasses.replace(LIMITS, tmpfs_mib=512)


def test_every_published_attack_has_a_row() -> None:
    """27 and 28 (the engine's logs) stand in `seen`."""
    rows = {each.row for each in (*table.ATTACKS, *neighbour.ATTACKS, *VIOLENT)}
    assert rows | {27, 28} == set(range(32))
    assert {each.ending for each in VIOLENT} <= set(Ending)
